//! How much was used, in one of four kinds of units.

use quipu_domain::Credits;
use quipu_domain::wallet::event::Usage;
use rust_decimal::Decimal;

use crate::exact;

/// What a quantity counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Measure {
    /// Tokens of all kinds.
    Tokens,
    /// The meter's own unit.
    Quantity,
    /// Credits, for work that was charged without a quantity.
    #[default]
    Credits,
    /// Records, for meters that count them.
    Records,
}

/// An exact quantity with at most twelve decimals, and the tokens and records in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    measure: Measure,
    /// In parts of 10^-12.
    parts: i128,
    pub(super) input_tokens: i128,
    pub(super) cached_input_tokens: i128,
    pub(super) output_tokens: i128,
    pub(super) records: i128,
}

const SCALE: u32 = 12;

impl Measured {
    /// Work that was charged without a quantity.
    pub(super) fn credits(amount: Credits) -> Measured {
        let parts = parts(amount.to_decimal());
        Measured { measure: Measure::Credits, parts, records: 1, ..Measured::default() }
    }

    /// What a usage record reported.
    pub(super) fn usage(usage: &Usage) -> Measured {
        let tokens = usage.tokens.unwrap_or_default();
        let counts = [tokens.input, tokens.cached_input, tokens.output].map(i128::from);
        let one = 10_i128.pow(SCALE);
        let (measure, parts) = match (usage.quantity, usage.tokens) {
            (Some(quantity), _) => (Measure::Quantity, parts(quantity)),
            (None, Some(_)) => (Measure::Tokens, counts.iter().sum::<i128>() * one),
            (None, None) => (Measure::Records, one),
        };
        let [input_tokens, cached_input_tokens, output_tokens] = counts;
        Measured { measure, parts, input_tokens, cached_input_tokens, output_tokens, records: 1 }
    }

    /// What it counts.
    pub(super) const fn measure(&self) -> Measure {
        self.measure
    }

    /// Adds what else was used.
    pub(super) const fn add(&mut self, other: Measured) {
        self.count(other, 1);
    }

    /// Takes off what was voided.
    pub(super) const fn take(&mut self, other: Measured) {
        self.count(other, -1);
    }

    const fn count(&mut self, other: Measured, times: i128) {
        self.parts += times * other.parts;
        self.input_tokens += times * other.input_tokens;
        self.cached_input_tokens += times * other.cached_input_tokens;
        self.output_tokens += times * other.output_tokens;
        self.records += times * other.records;
    }

    /// The quantity.
    pub(super) fn quantity(&self) -> String {
        exact::short(self.parts, SCALE)
    }
}

/// A decimal with at most twelve decimals (M1), in parts of 10^-12.
fn parts(value: Decimal) -> i128 {
    let value = value.normalize();
    value.mantissa() * 10_i128.pow(SCALE.saturating_sub(value.scale()))
}

//! The arithmetic of a rated record spelled out, so that anybody can do it again (M1, U2).

use rust_decimal::Decimal;
use serde::Serialize;

use super::exact::{Exact, Twelve, at_twelve};
use super::quote::{exact_token_price, quantity_of, token_parts, token_usage};
use super::total::{Of, each_product};
use crate::meter::{Aggregation, Meter, Price, UnpricedPolicy};
use crate::price_table::{PriceTable, PricesPublished, TokenPrice};
use crate::wallet::event::{Tally, Tokens, Usage};
use crate::{Credits, Refusal};

/// How a record's cost follows from its quantity and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "rated", rename_all = "snake_case")]
pub enum Working {
    /// By itself.
    Alone {
        /// What it costs.
        cost: Sum,
    },
    /// By what it adds to the price of its period's running total.
    RunningTotal {
        /// What the total cost before it.
        before: Sum,
        /// What it costs with it.
        after: Sum,
    },
}

/// Products, what they come to exactly, and that rounded half to even to six decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// The products.
    pub terms: Vec<Term>,
    /// What is added to their sum, in percent.
    #[serde(skip_serializing_if = "Decimal::is_zero")]
    pub markup_percent: Decimal,
    /// What that comes to, to the last decimal.
    pub exact: String,
    /// The same, rounded.
    pub rounded: Credits,
}

/// One product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Term {
    /// What is counted.
    pub of: String,
    /// How much of it.
    pub quantity: String,
    /// What so many cost...
    pub price: String,
    /// ... of them.
    pub per: u32,
    /// What it comes to, to the last decimal.
    pub amount: String,
}

/// The arithmetic by which a record was rated, given what was known then of its meter and, where
/// that names one, its price table. `None` where there was no price, or where the running total
/// that it is part of is not at hand.
pub fn working(
    usage: &Usage,
    meter: &Meter,
    table: Option<&PriceTable>,
    tally: Option<&Tally>,
) -> Result<Option<Working>, Refusal> {
    let Some(aggregation) = meter.aggregation() else {
        return Err(Refusal::UnknownMeter { meter: usage.meter.clone() });
    };
    let at = usage.occurred_at;
    let (price, quantity) = match meter.price_at(at) {
        Some((_, Price::Tokens { .. })) => {
            let (tokens, count, model) = token_usage(usage)?;
            let prices = table.and_then(|table| table.prices_at(at));
            if let Some((prices, price)) =
                prices.and_then(|prices| Some((prices, prices.models.get(model)?)))
            {
                return Ok(Some(Working::Alone { cost: Sum::of_tokens(tokens, price, prices)? }));
            }
            (None, count)
        }
        Some((_, price)) => (Some(price.clone()), quantity_of(usage, aggregation)?),
        None => (None, quantity_of(usage, aggregation)?),
    };
    let Some(price) = price.or_else(|| default_price(meter)) else { return Ok(None) };
    let is_alone = matches!(aggregation, Aggregation::Count | Aggregation::Sum)
        && matches!(price, Price::Flat { .. });
    if is_alone {
        return Ok(Some(Working::Alone { cost: Sum::of_total(&price, quantity)? }));
    }
    let Some(tally) = tally else { return Ok(None) };
    Ok(Some(Working::RunningTotal {
        before: Sum::of_total(&price, tally.previous)?,
        after: Sum::of_total(&price, tally.quantity)?,
    }))
}

/// What the meter's policy charges where no price is known (U3).
fn default_price(meter: &Meter) -> Option<Price> {
    match meter.unpriced()? {
        UnpricedPolicy::DefaultPrice { unit_price } => {
            Some(Price::Flat { unit_price: *unit_price })
        }
        UnpricedPolicy::Refuse | UnpricedPolicy::RecordUnpriced => None,
    }
}

impl Sum {
    fn of_tokens(
        tokens: Tokens,
        price: &TokenPrice,
        prices: &PricesPublished,
    ) -> Result<Sum, Refusal> {
        let millionth = at_twelve(Decimal::new(1, 6))?;
        let mut terms = Vec::new();
        for (of, count, price) in token_parts(tokens, price) {
            let cost = i128::from(count).checked_mul(at_twelve(price)?);
            let cost = cost.ok_or(Refusal::AmountOutOfRange)?;
            if count > 0 {
                terms.push(Term {
                    of: of.to_owned(),
                    quantity: count.to_string(),
                    price: price.normalize().to_string(),
                    per: 1_000_000,
                    amount: Exact::product(cost, millionth)?.to_string(),
                });
            }
        }
        Sum::new(terms, prices.markup_percent, exact_token_price(tokens, price, prices)?)
    }

    fn of_total(price: &Price, quantity: Decimal) -> Result<Sum, Refusal> {
        let mut terms = Vec::new();
        let mut exact = Exact::default();
        each_product(price, quantity, &mut |product| {
            let amount = Exact::product(product.quantity, product.price)?;
            exact = exact.plus(amount)?;
            if product.price != 0 || !matches!(product.of, Of::TierFlat) {
                terms.push(Term {
                    of: product.of.name(),
                    quantity: Twelve(product.quantity).to_string(),
                    price: Twelve(product.price).to_string(),
                    per: 1,
                    amount: amount.to_string(),
                });
            }
            Ok(())
        })?;
        Sum::new(terms, Decimal::ZERO, exact)
    }

    fn new(terms: Vec<Term>, markup_percent: Decimal, exact: Exact) -> Result<Sum, Refusal> {
        let rounded = exact.rounded()?;
        Ok(Sum { terms, markup_percent, exact: exact.to_string(), rounded })
    }
}

impl Of {
    fn name(self) -> String {
        match self {
            Of::Units | Of::TierUnits { after: 0 } => "units".to_owned(),
            Of::TierUnits { after } => format!("units after {}", Twelve(after)),
            Of::TierFlat => "the tier's flat price".to_owned(),
            Of::Packages => "started packages".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::meter::{MeterDefined, MeterEvent, MeterPriced, Tier};
    use crate::price_table::PriceTableEvent;
    use crate::wallet::event::Attribution;

    fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn meter(price: Price) -> Meter {
        let mut meter = Meter::default();
        let defined = MeterDefined {
            meter: text("m"),
            aggregation: Aggregation::Sum,
            unit: None,
            unpriced: UnpricedPolicy::Refuse,
        };
        meter.apply(&MeterEvent::MeterDefined(defined)).unwrap();
        let priced = MeterPriced { effective_at: Timestamp::default(), price };
        meter.apply(&MeterEvent::MeterPriced(priced)).unwrap();
        meter
    }

    fn usage() -> Usage {
        Usage {
            meter: text("m"),
            quantity: None,
            tokens: None,
            value: None,
            attribution: Attribution { model: Some(text("small")), ..Attribution::default() },
            occurred_at: text("2026-11-20T12:00:00Z"),
            source: text("probe"),
            id: text("1"),
        }
    }

    /// `quantity of x price per so many = amount`, and the sum.
    fn spelled(sum: &Sum) -> Vec<String> {
        let term = |term: &Term| {
            let Term { of, quantity, price, per, amount } = term;
            format!("{quantity} {of} x {price} per {per} = {amount}")
        };
        let end = format!("{} rounded {}", sum.exact, sum.rounded);
        sum.terms.iter().map(term).chain([end]).collect()
    }

    #[test]
    fn u2_tokens_are_spelled_out_kind_by_kind_with_the_markup() {
        let mut table = PriceTable::default();
        let price = TokenPrice { input: text("2.5"), cached_input: None, output: text("10") };
        let published = PricesPublished {
            table: text("t"),
            effective_at: Timestamp::default(),
            models: [(text("small"), price)].into(),
            markup_percent: text("20"),
            source: None,
        };
        table.apply(&PriceTableEvent::PricesPublished(published)).unwrap();
        let meter = meter(Price::Tokens { price_table: text("t") });
        let tokens = Tokens { input: 1201, cached_input: 0, output: 3 };
        let usage = Usage { tokens: Some(tokens), ..usage() };
        let Some(Working::Alone { cost }) = working(&usage, &meter, Some(&table), None).unwrap()
        else {
            panic!("it is rated alone")
        };
        assert_eq!(cost.markup_percent, text("20"));
        assert_eq!(
            spelled(&cost),
            [
                "1201 input tokens x 2.5 per 1000000 = 0.0030025",
                "3 output tokens x 10 per 1000000 = 0.00003",
                "0.003639 rounded 0.003639",
            ]
        );
        assert_eq!(working(&usage, &meter, None, None).unwrap(), None, "without its table");
    }

    #[test]
    fn u2_a_running_total_is_spelled_out_before_and_after() {
        let tier = |up_to: Option<&str>, unit_price, flat_price| Tier {
            up_to: up_to.map(text),
            unit_price: text(unit_price),
            flat_price: text(flat_price),
        };
        let tiers = vec![tier(Some("2"), "1", "0"), tier(None, "0.1234567", "3")];
        let meter = meter(Price::Graduated { tiers });
        let usage = Usage { quantity: Some(text("2.25")), ..usage() };
        let tally = Tally {
            period: Timestamp::default(),
            previous: text("1.5"),
            quantity: text("3.75"),
            carried: None,
            carry: Credits::ZERO,
            latest_at: None,
            counted: None,
        };
        let found = working(&usage, &meter, None, Some(&tally)).unwrap();
        let Some(Working::RunningTotal { before, after }) = found else { panic!("{found:?}") };
        assert_eq!(spelled(&before), ["1.5 units x 1 per 1 = 1.5", "1.5 rounded 1.5"]);
        assert_eq!(
            spelled(&after),
            [
                "2 units x 1 per 1 = 2",
                "1.75 units after 2 x 0.1234567 per 1 = 0.216049225",
                "1 the tier's flat price x 3 per 1 = 3",
                "5.216049225 rounded 5.216049",
            ]
        );
    }
}

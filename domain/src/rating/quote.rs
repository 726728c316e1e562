//! What one usage record costs, or how its cost follows from the running total (U2, U3).

use rust_decimal::Decimal;

use super::exact::{Exact, at_twelve};
use super::{check_price, total_price};
use crate::meter::{Aggregation, Meter, Price, UnpricedPolicy};
use crate::price_table::{PriceTable, PricesPublished, TokenPrice};
use crate::wallet::event::{Tokens, Usage};
use crate::{Credits, Label, Refusal, Timestamp};

/// What is known of a usage record's cost before the wallet is looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Quote {
    /// The record costs this, whatever was used before.
    Record {
        /// What it costs.
        amount: Credits,
        /// By which price.
        price: Label,
    },
    /// The cost is what the record adds to the price of the period's total.
    Running(Steps),
    /// No price is known, and the meter keeps such usage (U3).
    Unpriced {
        /// What is missing.
        why: String,
    },
}

/// How a record moves the running total of its period.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// How records add up.
    pub aggregation: Aggregation,
    /// What the total costs.
    pub by: Price,
    /// The price's name.
    pub price: Label,
    /// The record's own quantity; one for counts.
    pub quantity: Decimal,
}

/// Rates a record by the price that holds when it occurred (U2), or says what the meter's policy
/// makes of a record without one (U3).
pub fn quote(usage: &Usage, meter: &Meter, table: Option<&PriceTable>) -> Result<Quote, Refusal> {
    let Some(aggregation) = meter.aggregation() else {
        return Err(Refusal::UnknownMeter { meter: usage.meter.clone() });
    };
    let at = usage.occurred_at;
    let (missing, quantity) = match meter.price_at(at) {
        Some((_, Price::Tokens { price_table })) => {
            let (tokens, count, model) = token_usage(usage)?;
            let found = table
                .and_then(|table| table.prices_at(at))
                .and_then(|prices| Some((prices, prices.models.get(model)?)));
            match found {
                Some((prices, price)) => {
                    return Ok(Quote::Record {
                        amount: token_price(tokens, price, prices)?,
                        price: named(&format!("table {price_table}"), prices.effective_at),
                    });
                }
                None => {
                    let missing = format!("{price_table} had no price for model {model} at {at}");
                    (missing, count)
                }
            }
        }
        Some((since, price)) => {
            let name = named(&format!("meter {}", usage.meter), since);
            let quantity = quantity_of(usage, aggregation)?;
            return quantity_quote(quantity, aggregation, price, name);
        }
        None => {
            let missing = format!("meter {} had no price at {at}", usage.meter);
            (missing, quantity_of(usage, aggregation)?)
        }
    };
    match meter.unpriced() {
        Some(UnpricedPolicy::DefaultPrice { unit_price }) => {
            let price = Price::Flat { unit_price: *unit_price };
            quantity_quote(quantity, aggregation, &price, label("default"))
        }
        Some(UnpricedPolicy::RecordUnpriced) => Ok(Quote::Unpriced { why: missing }),
        Some(UnpricedPolicy::Refuse) | None => Err(Refusal::UsageUnpriceable { why: missing }),
    }
}

fn quantity_quote(
    quantity: Decimal,
    aggregation: Aggregation,
    price: &Price,
    name: Label,
) -> Result<Quote, Refusal> {
    let per_record = matches!(aggregation, Aggregation::Count | Aggregation::Sum)
        && matches!(price, Price::Flat { .. });
    if per_record {
        let amount = total_price(price, quantity)?.unwrap_or_default();
        return Ok(Quote::Record { amount, price: name });
    }
    Ok(Quote::Running(Steps { aggregation, by: price.clone(), price: name, quantity }))
}

/// What the meter counts of a record, or why it cannot (U2).
pub(super) fn quantity_of(usage: &Usage, aggregation: Aggregation) -> Result<Decimal, Refusal> {
    check_counts(usage)?;
    if aggregation == Aggregation::UniqueCount {
        let value = usage.value.as_ref().map(|_| Decimal::ONE);
        return value.ok_or_else(|| invalid(usage, "a unique count needs a value"));
    }
    if usage.value.is_some() {
        return Err(invalid(usage, "only a unique count counts values"));
    }
    match (aggregation, usage.quantity, usage.tokens) {
        (Aggregation::Count, _, _) => Ok(Decimal::ONE),
        (_, Some(quantity), _) => Ok(quantity),
        (_, None, Some(tokens)) => Ok(total_tokens(tokens)),
        (_, None, None) => Err(invalid(usage, "a quantity is needed")),
    }
}

/// What a token price counts of a record: tokens by kind, all of them, and the model.
pub(super) fn token_usage(usage: &Usage) -> Result<(Tokens, Decimal, &Label), Refusal> {
    check_counts(usage)?;
    if usage.value.is_some() {
        return Err(invalid(usage, "only a unique count counts values"));
    }
    let tokens = usage.tokens.ok_or_else(|| invalid(usage, "tokens are needed"))?;
    let model = usage.attribution.model.as_ref();
    let model = model.ok_or_else(|| invalid(usage, "a model is needed"))?;
    Ok((tokens, total_tokens(tokens), model))
}

/// Whether what is counted lies within bounds, wanted by the meter or not.
fn check_counts(usage: &Usage) -> Result<(), Refusal> {
    let tokens = usage.tokens.map(total_tokens);
    usage
        .quantity
        .into_iter()
        .chain(tokens)
        .try_for_each(check_price)
        .map_err(|why| invalid(usage, &why))
}

fn total_tokens(tokens: Tokens) -> Decimal {
    Decimal::from(tokens.input) + Decimal::from(tokens.cached_input) + Decimal::from(tokens.output)
}

/// What the tokens cost, rounded once.
fn token_price(
    tokens: Tokens,
    price: &TokenPrice,
    prices: &PricesPublished,
) -> Result<Credits, Refusal> {
    exact_token_price(tokens, price, prices)?.rounded()
}

/// Tokens of each kind, with the price of a million.
pub(super) fn token_parts(tokens: Tokens, price: &TokenPrice) -> [(&'static str, u64, Decimal); 3] {
    let cached_price = price.cached_input.unwrap_or(price.input);
    [
        ("input tokens", tokens.input, price.input),
        ("cached input tokens", tokens.cached_input, cached_price),
        ("output tokens", tokens.output, price.output),
    ]
}

/// (input x its price + cached x its price + output x its price) / 10^6, with the markup.
pub(super) fn exact_token_price(
    tokens: Tokens,
    price: &TokenPrice,
    prices: &PricesPublished,
) -> Result<Exact, Refusal> {
    let mut per_million: i128 = 0;
    for (_, count, price) in token_parts(tokens, price) {
        per_million = i128::from(count)
            .checked_mul(at_twelve(price)?)
            .and_then(|part| per_million.checked_add(part))
            .ok_or(Refusal::AmountOutOfRange)?;
    }
    // Percent and "per million" are eight decimals: with the markup's own four they are the
    // other twelve.
    let factor =
        at_twelve((Decimal::ONE_HUNDRED + prices.markup_percent) / Decimal::from(100_000_000))?;
    Exact::product(per_million, factor)
}

fn named(source: &str, since: Timestamp) -> Label {
    label(&format!("{source} from {since}"))
}

fn label(text: &str) -> Label {
    text.parse().expect("a price's name is short and plain: it is made of names and times")
}

fn invalid(usage: &Usage, why: &str) -> Refusal {
    Refusal::InvalidUsage { meter: usage.meter.clone(), why: why.to_owned() }
}

//! Adds an explanation up again: whoever shows a number has checked it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::list;
use crate::output;

/// Where the parts of an answer do not come to its figures, and what the server found besides.
pub(super) fn gaps(answer: &Value) -> Vec<String> {
    let mut sums: BTreeMap<&str, Option<Decimal>> = BTreeMap::new();
    let parts = list(answer, "parts").iter().chain(list(answer, "lines"));
    for part in parts.chain([&answer["rest"]]) {
        for (name, figure) in figures(part) {
            let sum = sums.entry(name).or_insert(Some(Decimal::ZERO));
            *sum = sum.and_then(|sum| sum.checked_add(figure?));
        }
    }
    let mut gaps = Vec::new();
    let numbers: BTreeMap<&str, Option<Decimal>> = figures(answer).collect();
    let names = numbers.keys().chain(sums.keys().filter(|name| !numbers.contains_key(*name)));
    for name in names {
        let [number, sum] =
            [&numbers, &sums].map(|all| all.get(name).copied().unwrap_or(Some(Decimal::ZERO)));
        if number.is_none() || number != sum {
            let shown = |value: Option<Decimal>| {
                value.map_or_else(|| "no number".to_owned(), |value| value.normalize().to_string())
            };
            gaps.push(format!("{name} is {}, but its parts come to {}", shown(number), shown(sum)));
        }
    }
    for gap in list(answer, "gaps") {
        let [figure, number, sum] =
            ["figure", "number", "sum"].map(|name| output::text(&gap[name]));
        let told = format!("{figure} is {number}, but its parts come to {sum}");
        if !gaps.contains(&told) {
            gaps.push(told);
        }
    }
    if gaps.is_empty() && answer["adds_up"] != true {
        gaps.push("the server does not say that it does".to_owned());
    }
    gaps
}

fn figures(part: &Value) -> impl Iterator<Item = (&str, Option<Decimal>)> {
    let figures = part["figures"].as_object().into_iter().flatten();
    figures.map(|(name, value)| (name.as_str(), value.as_str().and_then(|text| text.parse().ok())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_add_up_is_said() {
        let answer = |lines: Value| {
            json!({
                "figures": { "amount": "5.5" }, "adds_up": true, "lines": lines,
                "parts": [{ "figures": { "amount": "-1" } }],
                "rest": { "events": 3, "figures": { "amount": "4" } },
            })
        };
        assert_eq!(gaps(&answer(json!([{ "figures": { "amount": "2.50" } }]))), [""; 0]);
        assert_eq!(
            gaps(&answer(json!([{ "figures": { "amount": "2", "cost": "1" } }]))),
            ["amount is 5.5, but its parts come to 5", "cost is 0, but its parts come to 1"]
        );
        assert_eq!(gaps(&json!({})), ["the server does not say that it does"]);
    }
}

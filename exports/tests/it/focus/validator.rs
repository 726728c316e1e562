//! Holds a file to a list of the specification's columns. What does not conform is a panic that
//! says so.

use std::collections::{BTreeMap, BTreeSet};

/// A row by column; null where a column is absent from it.
pub(crate) type Row = BTreeMap<String, String>;

/// A column of the specification.
struct Column {
    is_mandatory: bool,
    allows_nulls: bool,
    data_type: String,
    allowed_values: Vec<String>,
}

/// Checks a file against `columns` (see exports/focus/README.md), and gives its rows.
pub(crate) fn validated(file: &str, columns: &str) -> Vec<Row> {
    let columns = columns_of(columns);
    let mut csv = csv::Reader::from_reader(file.as_bytes());
    let headings: Vec<String> =
        csv.headers().expect("headings").iter().map(str::to_owned).collect();
    let present: BTreeSet<&str> = headings.iter().map(String::as_str).collect();
    assert_eq!(present.len(), headings.len(), "a column is there twice: {headings:?}");
    for (name, column) in &columns {
        assert!(!column.is_mandatory || present.contains(&**name), "{name} is mandatory");
    }
    for name in present {
        assert!(columns.contains_key(name) || name.starts_with("x_"), "{name} is no column");
    }
    let rows = csv.records().map(|record| {
        let record = record.expect("a row");
        let cells = headings.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        let row: Row = cells.map(|(name, cell)| (name.clone(), cell.to_owned())).collect();
        headings.iter().for_each(|name| {
            if let Some(column) = columns.get(name) {
                column.check(name, row.get(name));
            }
        });
        check_row(&row);
        row
    });
    rows.collect()
}

fn columns_of(list: &str) -> BTreeMap<String, Column> {
    let mut csv = csv::Reader::from_reader(list.as_bytes());
    let column = |record: csv::StringRecord| {
        let allowed_values = record[4].split('|').filter(|value| !value.is_empty());
        let column = Column {
            is_mandatory: &record[1] == "Mandatory",
            allows_nulls: &record[2] == "True",
            data_type: record[3].to_owned(),
            allowed_values: allowed_values.map(str::to_owned).collect(),
        };
        (record[0].to_owned(), column)
    };
    csv.records().map(|record| column(record.expect("a column"))).collect()
}

impl Column {
    fn check(&self, name: &str, cell: Option<&String>) {
        let Some(cell) = cell else {
            assert!(self.allows_nulls, "{name} must not be null");
            return;
        };
        let is_allowed = self.allowed_values.is_empty() || self.allowed_values.contains(cell);
        assert!(is_allowed, "{name}: {cell} is not one of {:?}", self.allowed_values);
        match self.data_type.as_str() {
            "String" => assert_eq!(cell.trim(), cell, "{name}: no space around a text"),
            "Decimal" => drop(decimal(name, cell)),
            "Date/Time" => check_time(name, cell),
            "JSON" => {
                let json: serde_json::Value = serde_json::from_str(cell).expect("JSON");
                assert!(json.is_object(), "{name}: {cell}");
            }
            other => panic!("{name} is of the unknown type {other}"),
        }
    }
}

/// NumericFormat: digits, a point, at most a minus; no plus, no thousands, no currency.
fn decimal(name: &str, cell: &str) -> rust_decimal::Decimal {
    let plain = cell.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    assert!(plain, "{name}: {cell}");
    cell.parse().unwrap_or_else(|error| panic!("{name}: {cell}: {error}"))
}

/// DateTimeFormat: UTC, ISO 8601, YYYY-MM-DDTHH:mm:ssZ.
fn check_time(name: &str, cell: &str) {
    assert!(cell.len() == 20 && cell.ends_with('Z'), "{name}: {cell}");
    cell.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{name}: {cell}: {error}"));
}

/// What columns must say about each other, for charges that are no corrections.
fn check_row(row: &Row) {
    let number = |name: &str| row.get(name).map(|cell| decimal(name, cell));
    let quantity = number("PricingQuantity");
    for (price, cost) in [("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")]
    {
        if let (Some(price), Some(quantity)) = (number(price), quantity) {
            assert!(price.is_sign_positive(), "{row:?}");
            assert_eq!(Some((price * quantity).normalize()), number(cost), "{row:?}");
        }
    }
    let both = |one: &str, other: &str| row.contains_key(one) == row.contains_key(other);
    for (one, other) in [
        ("PricingQuantity", "PricingUnit"),
        ("ConsumedQuantity", "ConsumedUnit"),
        ("SubAccountId", "SubAccountName"),
        ("SubAccountId", "SubAccountType"),
        ("SkuId", "SkuMeter"),
    ] {
        assert!(both(one, other), "{one} and {other} are null together: {row:?}");
    }
    assert_eq!(row["ChargeCategory"], "Usage");
    for name in ["SkuId", "SkuPriceId", "PricingQuantity", "ConsumedQuantity", "PricingCategory"] {
        assert!(row.contains_key(name), "usage has {name}: {row:?}");
    }
    let period = |name: &str| &row[name];
    assert!(period("ChargePeriodStart") < period("ChargePeriodEnd"));
    assert!(period("BillingPeriodStart") <= period("ChargePeriodStart"));
    assert!(period("ChargePeriodEnd") <= period("BillingPeriodEnd"));
    assert_eq!(row["BillingCurrency"].len(), 3, "a national currency");
}

//! FOCUS, held to the specification's columns, and to what the book's accounts say.

#[path = "../../../../exports/tests/it/focus/validator.rs"]
mod validator;

use rust_decimal::Decimal;

use super::ExportedBook;
use validator::validated;

const COLUMNS_1_2: &str = include_str!("../../../../exports/focus/columns-1.2.csv");
const COLUMNS_1_4: &str = include_str!("../../../../exports/focus/columns-1.4.csv");

pub(super) fn focus_conforms_and_its_credits_are_the_books(book: &ExportedBook<'_>) {
    let charged = book
        .accounts()
        .into_iter()
        .filter(|((_, account), _)| account.starts_with("consumed/") || account == "refunded");
    let charged: Decimal = charged.map(|(_, balance)| balance).sum();
    for (version, columns) in [("1.2", COLUMNS_1_2), ("1.4", COLUMNS_1_4)] {
        let terms = ["--provider", "Example AB", "--currency", "USD", "--rate", "0.0125"];
        let options = [&terms[..], &["--focus-version", version]].concat();
        let (file, summary) = book.export("focus", "usage.csv", &options);
        let rows = validated(&std::fs::read_to_string(file).expect("it is there"), columns);
        let sum = |column: &str| -> Decimal {
            rows.iter().map(|row| row[column].parse::<Decimal>().expect("a decimal")).sum()
        };
        assert_eq!(sum("PricingQuantity"), charged);
        assert_eq!(sum("BilledCost"), charged * "0.0125".parse::<Decimal>().expect("a decimal"));
        assert_eq!(summary["rows"], rows.len());
        // A file outlives an erasure, so names leave the book as they stand in it: sealed (P2).
        assert!(rows.iter().all(|row| row["BillingAccountName"].starts_with("sealed:t_")));
    }
}

//! SIE 4, read back by the strict reader of the exports' own tests: every account is what the book
//! holds, at the rate, to the last hundredth.

#[path = "../../../../exports/tests/it/sie/reader.rs"]
mod reader;

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::json;

use super::ExportedBook;
use reader::SieFile;

/// Accounts of the bookkeeping, and those of the book that are booked on them.
const BOOKED: [(u16, &[&str]); 9] = [
    (2420, &["available"]),
    (2429, &["held"]),
    (1790, &["overdraft"]),
    (1510, &["issued/purchase", "issued/plan"]),
    (5990, &["issued/promotion"]),
    (3990, &["expired"]),
    (3730, &["refunded"]),
    (3041, &["consumed/llm_tokens"]),
    (3040, &["consumed/pages", "consumed/pages-6", "consumed/pages-13", "consumed/-"]),
];

pub(super) fn sie_agrees_on_every_account(book: &ExportedBook<'_>) {
    let chart = book.folder.join("accounts.csv");
    let line = "consumed/llm_tokens,3041,Försäljning av tokens";
    std::fs::write(&chart, format!("account,number,name\n{line}\n")).expect("written");
    let chart = chart.display().to_string();
    let all = ["--company", "Åre Språk AB", "--rate", "0.137", "--year", "2020-01-01..2036-12-31"];
    let (file, summary) =
        book.export("sie", "book.se", &[&all[..], &["--accounts", &chart]].concat());
    let read = SieFile::read(&std::fs::read(file).expect("it is there"));
    assert_eq!(read.accounts[&3041], "Försäljning av tokens");
    assert_eq!((&summary["earlier_days"], &summary["later_days"]), (&json!(0), &json!(0)));

    let rate: Decimal = "0.137".parse().expect("a decimal");
    let mut booked = 0;
    for (number, names) in BOOKED {
        let accounts = book.accounts();
        let of_this = accounts.iter().filter(|((_, account), _)| names.contains(&&**account));
        let credits: Decimal = of_this.map(|(_, balance)| *balance).sum();
        booked += accounts.keys().filter(|(_, account)| names.contains(&&**account)).count();
        let exact = -credits * rate;
        let money = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
        let label = if number < 3000 { "UB" } else { "RES" };
        let found = read.balances.get(&(label.to_owned(), number)).copied().unwrap_or_default();
        assert_eq!(Decimal::from_i128_with_scale(found, 2), money, "account {number}: {exact}");
    }
    assert_eq!(booked, book.accounts().len(), "every account of the book is booked");

    let (file, _) = book.export("sie", "book.si", &[&all[..], &["--type", "4I"]].concat());
    SieFile::read(&std::fs::read(file).expect("it is there"));
}

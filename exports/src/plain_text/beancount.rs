//! beancount's input format: <https://beancount.github.io/docs/beancount_language_syntax.html>.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use super::{COMMODITY, Syntax, Transaction, amount};

/// For beancount 2.3 and later.
pub(super) struct Beancount;

/// When accounts are opened: before anything can count. An account's first day is known only at
/// the end, because events may be dated back.
const OPENED: Date = date(1, 1, 1);

impl Syntax for Beancount {
    fn opening(&self, remark: &str) -> String {
        format!("; {remark}\n\noption \"title\" \"Quipu\"\n\n{OPENED} commodity {COMMODITY}\n")
    }

    fn account(&self, name: &str) -> String {
        format!("\n{OPENED} open {name} {COMMODITY}\n")
    }

    fn transaction(&self, transaction: &Transaction<'_>) -> String {
        let Transaction { day, position, event_type, summary, notes, postings } = transaction;
        let mut text = format!("\n{day} * {} {}\n", quoted(event_type), quoted(summary));
        text += &format!("  position: {position}\n");
        for (name, value) in *notes {
            text += &format!("  {name}: {}\n", quoted(value));
        }
        for (account, micros) in *postings {
            text += &format!("  {account}  {}\n", amount(*micros));
        }
        text
    }

    fn assertions(&self, day: Date, balances: &mut dyn Iterator<Item = (String, i128)>) -> String {
        // beancount compares before the day's first transaction, and would forgive half of the
        // last decimal.
        let next = day.saturating_add(1.day());
        let balance = |(account, micros)| {
            let amount = amount(micros).replace(COMMODITY, &format!("~ 0 {COMMODITY}"));
            format!("{next} balance {account}  {amount}\n")
        };
        format!("\n{}", balances.map(balance).collect::<String>())
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

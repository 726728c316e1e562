//! hledger's journal format: <https://hledger.org/hledger.html#journal>.

use jiff::civil::Date;

use super::{COMMODITY, Syntax, Transaction, amount};

/// For hledger 1.25 and later.
pub(super) struct Hledger;

impl Syntax for Hledger {
    fn opening(&self, remark: &str) -> String {
        // With its decimals declared, hledger neither guesses nor rounds them.
        format!("; {remark}\n\ncommodity 1000.000000 {COMMODITY}\n")
    }

    fn account(&self, name: &str) -> String {
        format!("\naccount {name}\n")
    }

    fn transaction(&self, transaction: &Transaction<'_>) -> String {
        let Transaction { day, position, event_type, summary, notes, postings } = transaction;
        let mut text = format!("\n{day} ({position}) {event_type} | {summary}\n");
        for (name, value) in *notes {
            // A tag's value ends at a comma.
            text += &format!("    ; {name}: {}\n", value.replace(',', ";"));
        }
        for (account, micros) in *postings {
            text += &format!("    {account}  {}\n", amount(*micros));
        }
        text
    }

    fn assertions(&self, day: Date, balances: &mut dyn Iterator<Item = (String, i128)>) -> String {
        let mut text = format!("\n{day} balances\n");
        for (account, micros) in balances {
            text += &format!("    {account}  {} = {}\n", amount(0), amount(micros));
        }
        text
    }
}

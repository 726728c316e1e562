//! Which account of the bookkeeping an account of the book is.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use quipu_domain::postings::Account;

/// A number of the chart of accounts: 1000 to 8999. The first digit is its class, as in BAS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountNumber(u16);

/// The accounts that a book is written in.
#[derive(Clone, Debug)]
pub struct Chart {
    /// By the name of the book's account, or of its group: `consumed/llm_tokens`, `consumed`.
    numbers: BTreeMap<String, AccountNumber>,
    names: BTreeMap<AccountNumber, String>,
}

/// Why a line of a chart makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// Not a number of four digits.
    #[error("{0:?} is not an account number: write four digits, 1000 to 8999")]
    Number(String),
    /// Nothing in a book is called that.
    #[error(
        "the book has no account {0:?}: it has available, held, overdraft, issued/purchase, issued/plan, issued/promotion, \
         issued/adjustment, consumed, consumed/METER, expired, refunded; and a chart has rounding and equity"
    )]
    Account(String),
}

/// What a day's rounding is booked on, and what earlier years brought.
const ROUNDING: &str = "rounding";
const EQUITY: &str = "equity";

/// The accounts that are proposed, from the BAS chart; which are right, an accountant decides.
const PROPOSED: [(&str, u16, &str); 12] = [
    ("available", 2420, "Förskott från kunder"),
    ("held", 2429, "Övriga förskott från kunder"),
    ("overdraft", 1790, "Övriga förutbetalda kostnader och upplupna intäkter"),
    ("issued/purchase", 1510, "Kundfordringar"),
    ("issued/plan", 1510, "Kundfordringar"),
    ("issued/promotion", 5990, "Övriga kostnader för reklam och PR"),
    ("issued/adjustment", 3790, "Övriga intäktskorrigeringar"),
    ("consumed", 3040, "Försäljning av tjänster"),
    ("expired", 3990, "Övriga ersättningar och intäkter"),
    ("refunded", 3730, "Lämnade rabatter"),
    (ROUNDING, 3740, "Öres- och kronutjämning"),
    (EQUITY, 2091, "Balanserad vinst eller förlust"),
];

impl Default for Chart {
    fn default() -> Chart {
        let mut chart = Chart { numbers: BTreeMap::new(), names: BTreeMap::new() };
        for (account, number, name) in PROPOSED {
            chart.numbers.insert(account.to_owned(), AccountNumber(number));
            chart.names.insert(AccountNumber(number), name.to_owned());
        }
        chart
    }
}

impl Chart {
    /// Books an account of the book, or a group of them, on this number from now on.
    pub fn set(
        &mut self,
        account: &str,
        number: AccountNumber,
        name: &str,
    ) -> Result<(), ChartError> {
        let known = PROPOSED.iter().any(|(proposed, _, _)| *proposed == account)
            || account.strip_prefix("consumed/").is_some_and(|meter| !meter.is_empty());
        if !known {
            return Err(ChartError::Account(account.to_owned()));
        }
        self.numbers.insert(account.to_owned(), number);
        self.names.insert(number, name.to_owned());
        Ok(())
    }

    /// Where an account of the book is booked: by its own name, or else by that of its group.
    pub(super) fn number_of(&self, account: &Account) -> AccountNumber {
        let name = account.to_string();
        let group = name.split('/').next().unwrap_or_default();
        let found = self.numbers.get(&name).or_else(|| self.numbers.get(group));
        *found.expect("every account of the book is proposed, by name or by group")
    }

    /// What a day's rounding leaves over.
    pub(super) fn rounding(&self) -> AccountNumber {
        self.numbers[ROUNDING]
    }

    /// What earlier years brought.
    pub(super) fn equity(&self) -> AccountNumber {
        self.numbers[EQUITY]
    }

    pub(super) fn name_of(&self, number: AccountNumber) -> &str {
        self.names.get(&number).map_or("", String::as_str)
    }
}

impl AccountNumber {
    /// Assets, debts and equity go on from year to year; the others begin at zero.
    #[must_use]
    pub const fn is_of_balance(self) -> bool {
        self.0 < 3000
    }

    /// SIE's letter for what it is: `T`illgång, `S`kuld, `I`ntäkt, `K`ostnad.
    pub(super) const fn kind(self) -> char {
        match self.0 / 1000 {
            1 => 'T',
            2 => 'S',
            3 => 'I',
            _ => 'K',
        }
    }
}

impl FromStr for AccountNumber {
    type Err = ChartError;

    fn from_str(text: &str) -> Result<AccountNumber, ChartError> {
        let number = text.parse().ok().filter(|number| (1000..9000).contains(number));
        number.map(AccountNumber).ok_or_else(|| ChartError::Number(text.to_owned()))
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_of_its_own_account_leaves_the_others_on_the_groups() {
        let mut chart = Chart::default();
        chart.set("consumed/llm_tokens", "3041".parse().unwrap(), "Tokens").unwrap();
        let consumed = |meter: &str| Account::Consumed(Some(meter.parse().unwrap()));
        assert_eq!(chart.number_of(&consumed("llm_tokens")).to_string(), "3041");
        assert_eq!(chart.number_of(&consumed("pages")).to_string(), "3040");
        assert_eq!(chart.number_of(&Account::Consumed(None)).to_string(), "3040");
        assert!(chart.set("spent", "3041".parse().unwrap(), "").is_err());
        for number in ["", "304", "9000", "30410", "x"] {
            assert!(number.parse::<AccountNumber>().is_err(), "{number}");
        }
    }
}

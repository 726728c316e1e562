//! Accounts by the names that both programs accept, and back.
//!
//! beancount's rule is the narrower one: five roots, and parts of letters, digits and hyphens that
//! begin with a capital. Quipu's names are small letters, digits, `_`, `-` and `.`, so capitals
//! are free to mark what has to be spelt otherwise: `_` is `-`, `-` is `-H`, `.` is `-D`.
//!
//! The roots are the customer's view: what it can spend is an asset, what it owes a liability,
//! what was issued to it an income, what it consumed an expense.

use std::borrow::Cow;

use quipu_domain::TenantId;
use quipu_domain::postings::Account;
use quipu_domain::wallet::event::Origin;

/// What is before the name of a tenant or a meter.
const TENANT: &str = "T-";
const CONSUMED_BY: &str = "Consumed:M-";

/// The name of an account, as hledger and beancount have it.
///
/// ```
/// use quipu_domain::postings::Account;
/// use quipu_exports::{account_in, account_name};
///
/// let account = (
///     "t_acme".parse().unwrap(),
///     Account::Consumed(Some("llm_tokens".parse().unwrap())),
/// );
/// let name = account_name(&account.0, &account.1);
/// assert_eq!(name, "Expenses:T-acme:Consumed:M-llm-tokens");
/// assert_eq!(account_in(&name), Some(account));
/// ```
#[must_use]
pub fn account_name(tenant: &TenantId, account: &Account) -> String {
    let tenant = tenant.as_str().strip_prefix("t_").unwrap_or(tenant.as_str());
    let tenant = format!("{TENANT}{}", spelt(tenant));
    let (root, name) = root_and_name(account);
    format!("{root}:{tenant}:{name}")
}

/// The account that a name stands for; `None` for a name that no account has.
#[must_use]
pub fn account_in(name: &str) -> Option<(TenantId, Account)> {
    let (root, rest) = name.split_once(':')?;
    let (tenant, account) = rest.split_once(':')?;
    let tenant = format!("t_{}", read(tenant.strip_prefix(TENANT)?)?).parse().ok()?;
    let found = match account.strip_prefix(CONSUMED_BY) {
        Some(meter) if root == "Expenses" => Account::Consumed(Some(read(meter)?.parse().ok()?)),
        _ => Account::WITHOUT_METER
            .into_iter()
            .find(|listed| root_and_name(listed) == (root, account.into()))?,
    };
    Some((tenant, found))
}

fn root_and_name(account: &Account) -> (&'static str, Cow<'static, str>) {
    match account {
        Account::Available => ("Assets", "Available".into()),
        Account::Held => ("Assets", "Held".into()),
        Account::Overdraft => ("Liabilities", "Overdraft".into()),
        Account::Issued(Origin::Purchase) => ("Income", "Issued:Purchase".into()),
        Account::Issued(Origin::Plan) => ("Income", "Issued:Plan".into()),
        Account::Issued(Origin::Promotion) => ("Income", "Issued:Promotion".into()),
        Account::Issued(Origin::Adjustment) => ("Income", "Issued:Adjustment".into()),
        Account::Consumed(Some(meter)) => {
            ("Expenses", format!("{CONSUMED_BY}{}", spelt(meter.as_str())).into())
        }
        Account::Consumed(None) => ("Expenses", "Consumed:Unmetered".into()),
        Account::Expired => ("Expenses", "Expired".into()),
        Account::Refunded => ("Income", "Refunded".into()),
    }
}

fn spelt(name: &str) -> String {
    name.replace('-', "-H").replace('_', "-").replace('.', "-D")
}

fn read(spelt: &str) -> Option<String> {
    let mut name = String::with_capacity(spelt.len());
    let mut letters = spelt.chars().peekable();
    while let Some(letter) = letters.next() {
        name.push(match (letter, letters.peek()) {
            ('-', Some('H')) => letters.next().map(|_| '-')?,
            ('-', Some('D')) => letters.next().map(|_| '.')?,
            ('-', _) => '_',
            ('a'..='z' | '0'..='9', _) => letter,
            _ => return None,
        });
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![1 => "[.-]{1,2}", 4 => "[a-z0-9_.-]{1,64}"]
    }

    proptest! {
        #[test]
        fn a_name_leads_back_to_its_account(
            tenant in name().prop_map(|name| format!("t_{name}")),
            meter in name(),
        ) {
            let tenant: TenantId = tenant.parse().unwrap();
            let metered = Account::Consumed(Some(meter.parse().unwrap()));
            for account in Account::WITHOUT_METER.into_iter().chain([metered]) {
                let name = account_name(&tenant, &account);
                for part in name.split(':') {
                    // beancount's lexer: [A-Z][A-Za-z0-9\-]*
                    prop_assert!(part.starts_with(|c: char| c.is_ascii_uppercase()), "{name}");
                    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
                    prop_assert!(part.chars().all(plain), "{name}");
                }
                prop_assert_eq!(account_in(&name), Some((tenant.clone(), account)));
            }
        }
    }

    #[test]
    fn a_name_of_nothing_is_no_account() {
        for name in [
            "",
            "Assets",
            "Assets:T-acme",
            "Income:T-acme:Held",
            "Assets:acme:Held",
            "Assets:T-Acme:Held",
            "Expenses:T-acme:Consumed",
            "Expenses:T-acme:Consumed:M-",
        ] {
            assert_eq!(account_in(name), None, "{name}");
        }
    }
}

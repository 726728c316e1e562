//! The real hledger and the real beancount read the journals, and agree on every balance.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use quipu_exports::account_in;
use rust_decimal::Decimal;

use super::{ExportedBook, talk};

/// hledger's own sums are Quipu's, and it checks what the journal claims about them.
pub(super) fn hledger_agrees_on_every_balance(book: &ExportedBook<'_>) {
    let (file, summary) = book.export("hledger", "book.journal", &["--assertions"]);
    let hledger = |arguments: &[&str]| {
        let mut command = Command::new("hledger");
        command.args(["--file", &file]).args(arguments).env("LC_ALL", "C.UTF-8");
        command.output().expect("hledger runs; `make test` installs it")
    };
    let check = || hledger(&["check", "--strict"]);
    let checked = check();
    assert!(checked.status.success(), "{}", talk(&checked));
    let sums = hledger(&["balance", "--flat", "--no-total", "--empty", "--output-format", "csv"]);
    let text = String::from_utf8(sums.stdout).expect("UTF-8");
    let rows = text.lines().skip(1).map(|row| {
        let (account, balance) = row.trim_matches('"').split_once("\",\"").expect("two columns");
        (account, balance.trim_end_matches(" CREDIT"))
    });
    let sums = by_account(rows);
    assert_eq!(sums, book.accounts());
    assert_eq!(summary["accounts"], sums.len());
    assert_finds_a_changed_claim(&file, check);
}

/// beancount checks each sum against what the journal claims, and the claims are Quipu's sums.
pub(super) fn beancount_agrees_on_every_balance(book: &ExportedBook<'_>) {
    let (file, summary) = book.export("beancount", "book.beancount", &["--assertions"]);
    let check = || {
        let checked = Command::new(bean_check()).args(["--no-cache", &file]).output();
        checked.expect("bean-check runs; `make test` installs it")
    };
    let checked = check();
    assert!(checked.status.success(), "{}", talk(&checked));
    assert!(checked.stdout.is_empty() && checked.stderr.is_empty(), "{}", talk(&checked));
    let text = std::fs::read_to_string(&file).expect("it is there");
    let claims = text.lines().filter_map(|line| {
        let (account, balance) = line.split_once(" balance ")?.1.split_once("  ")?;
        Some((account, balance.trim_end_matches(" ~ 0 CREDIT")))
    });
    let claims = by_account(claims);
    assert_eq!(claims, book.accounts());
    assert_eq!(summary["accounts"], claims.len());
    assert_finds_a_changed_claim(&file, check);
}

/// Makes the last assertion wrong by a millionth.
fn assert_finds_a_changed_claim(file: &str, check: impl Fn() -> Output) {
    let text = std::fs::read_to_string(file).expect("it is there");
    let last_decimal = text.rfind('.').expect("it ends with an amount") + 6;
    let changed = if &text[last_decimal..=last_decimal] == "1" { "2" } else { "1" };
    let forged = [&text[..last_decimal], changed, &text[last_decimal + 1..]].concat();
    std::fs::write(file, forged).expect("it is written");
    assert!(!check().status.success(), "the claim about the last account is a millionth off");
}

fn by_account<'a>(
    rows: impl Iterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<(String, String), Decimal> {
    let row = |(name, balance): (&str, &str)| {
        let (tenant, account) = account_in(name).unwrap_or_else(|| panic!("{name}"));
        let balance = balance.parse().unwrap_or_else(|_| panic!("{name} {balance}"));
        ((tenant.to_string(), account.to_string()), balance)
    };
    rows.map(row).collect()
}

/// Where `.ci/need beancount` puts it, or else the one of this machine.
fn bean_check() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/beancount/bin/bean-check");
    if own.exists() { own } else { PathBuf::from("bean-check") }
}

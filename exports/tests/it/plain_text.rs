//! hledger's and beancount's journals.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use quipu_domain::{Recorded, TenantId, calendar, postings};
use quipu_exports::{PlainText, account_in};
use quipu_projections::{Account, Accounts, Fold, ProjectionError, Row as _};

use crate::golden;

fn written(mut journal: PlainText, events: &[Recorded]) -> String {
    let mut text = journal.opening("The golden journal.");
    events.iter().for_each(|event| journal.event(event, &mut text).unwrap());
    text + &journal.assertions()
}

#[test]
fn hledgers_journal_of_every_event() {
    insta::assert_snapshot!(written(PlainText::hledger(TimeZone::UTC), &golden()));
}

#[test]
fn beancounts_journal_of_every_event() {
    insta::assert_snapshot!(written(PlainText::beancount(TimeZone::UTC), &golden()));
}

/// The sums of what is written, added up again from the text, are the accounts of the book (M4).
#[test]
fn what_is_written_adds_up_to_the_accounts_of_the_book() {
    let events = golden();
    for journal in [PlainText::hledger(TimeZone::UTC), PlainText::beancount(TimeZone::UTC)] {
        let mut sums: BTreeMap<String, i128> = BTreeMap::new();
        let text = written(journal, &events);
        let postings = text.lines().filter(|line| line.starts_with("  ") && !line.contains('='));
        for posting in postings.filter_map(|line| line.trim().strip_suffix(" CREDIT")) {
            let (account, amount) = posting.split_once("  ").unwrap();
            let micros: i128 = amount.replace('.', "").parse().unwrap();
            *sums.entry(account.to_owned()).or_default() += micros;
        }
        let written: Book =
            sums.into_iter().map(|(name, micros)| (account_in(&name).unwrap(), micros)).collect();
        assert_eq!(written, book(&events));
    }
}

/// Micros by tenant and account.
type Book = BTreeMap<(TenantId, postings::Account), i128>;

fn book(events: &[Recorded]) -> Book {
    let mut fold = Fold::of(&[&Accounts]);
    fold.apply::<ProjectionError>(events, |_| Ok(Vec::new())).unwrap();
    let sorted = fold.sorted();
    let rows = sorted.iter().flat_map(|(_, rows)| rows);
    rows.map(|cells| {
        let row = Account::from_cells(cells).unwrap();
        let micros = row.balance_micros();
        ((row.tenant, row.account), micros)
    })
    .collect()
}

#[test]
fn a_day_is_the_time_zones() {
    let events = golden();
    let zone = calendar::time_zone(&"Pacific/Kiritimati".parse().unwrap()).unwrap();
    let there = written(PlainText::hledger(zone), &events);
    let here = written(PlainText::hledger(TimeZone::UTC), &events);
    assert_ne!(there, here);
}

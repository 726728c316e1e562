//! Journals of plain-text accounting, as hledger and beancount read them.
//!
//! Every event that moves credits is a transaction, dated by when it counts (M5), with the same
//! postings and the same signs as in the book (M4): what one account gives, others get. So each
//! account's balance there is its balance here, to the last decimal.

mod account;
mod beancount;
mod hledger;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use quipu_domain::postings::{Account, Posting};
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::Attribution;
use quipu_domain::{Position, Recorded, TenantId};
use quipu_projections::{AuditLine, postings_of, wallet_event};

pub use account::{account_in, account_name};

use crate::{ExportError, exact};

/// What credits are called there.
const COMMODITY: &str = "CREDIT";

/// Writes a book as a journal of plain-text accounting.
pub struct PlainText {
    syntax: &'static dyn Syntax,
    time_zone: TimeZone,
    balances: BTreeMap<(TenantId, Account), i128>,
    last_day: Option<Date>,
    transactions: u64,
}

/// How one of the programs wants things written.
trait Syntax: Sync {
    /// What stands before everything else. `remark` says where the journal comes from.
    fn opening(&self, remark: &str) -> String;
    /// An account, before anything is posted to it.
    fn account(&self, name: &str) -> String;
    /// A transaction, with an empty line before it.
    fn transaction(&self, transaction: &Transaction<'_>) -> String;
    /// Claims about balances at the end of a day.
    fn assertions(&self, day: Date, balances: &mut dyn Iterator<Item = (String, i128)>) -> String;
}

/// An event that moved credits.
struct Transaction<'a> {
    day: Date,
    position: Position,
    event_type: &'a str,
    summary: &'a str,
    /// Who, when, under which key: names and values.
    notes: &'a [(&'static str, String)],
    /// Accounts and what they got, in micros.
    postings: &'a [(String, i128)],
}

impl PlainText {
    /// For hledger. A day is one of this time zone.
    #[must_use]
    pub fn hledger(time_zone: TimeZone) -> PlainText {
        PlainText::new(&hledger::Hledger, time_zone)
    }

    /// For beancount. A day is one of this time zone.
    #[must_use]
    pub fn beancount(time_zone: TimeZone) -> PlainText {
        PlainText::new(&beancount::Beancount, time_zone)
    }

    fn new(syntax: &'static dyn Syntax, time_zone: TimeZone) -> PlainText {
        let balances = BTreeMap::new();
        PlainText { syntax, time_zone, balances, last_day: None, transactions: 0 }
    }

    /// What stands before everything else. `remark` says where the journal comes from.
    #[must_use]
    pub fn opening(&self, remark: &str) -> String {
        self.syntax.opening(remark)
    }

    /// The next event: appends its transaction, if it moves credits.
    pub fn event(&mut self, event: &Recorded, out: &mut String) -> Result<(), ExportError> {
        let inconsistent = |source| ExportError::Inconsistent { position: event.position, source };
        let Some((tenant, wallet)) = wallet_event(event).map_err(inconsistent)? else {
            return Ok(());
        };
        let postings = postings_of(wallet).map_err(inconsistent)?;
        if postings.is_empty() {
            return Ok(());
        }
        let named: Vec<(String, i128)> =
            postings.into_iter().map(|posting| self.post(tenant, posting, out)).collect();
        let day = event.effective_at().to_jiff().to_zoned(self.time_zone.clone()).date();
        self.last_day = self.last_day.max(Some(day));
        self.transactions += 1;
        let line = AuditLine::of(event);
        *out += &self.syntax.transaction(&Transaction {
            day,
            position: line.position,
            event_type: &line.event_type,
            summary: &line.summary,
            notes: &notes(event, &line, attribution_of(wallet)),
            postings: &named,
        });
        Ok(())
    }

    /// Adds a posting up, and names its account; declares the account where it is new.
    fn post(&mut self, tenant: &TenantId, posting: Posting, out: &mut String) -> (String, i128) {
        let name = account_name(tenant, &posting.account);
        let micros = i128::from(posting.amount.micros());
        let key = (tenant.clone(), posting.account);
        let balance = self.balances.entry(key).or_insert_with(|| {
            *out += &self.syntax.account(&name);
            0
        });
        *balance += micros;
        (name, micros)
    }

    /// What every account holds, for the program to check against its own sums.
    #[must_use]
    pub fn assertions(&self) -> String {
        let Some(day) = self.last_day else { return String::new() };
        let named = |((tenant, account), balance): (&(TenantId, Account), &i128)| {
            (account_name(tenant, account), *balance)
        };
        self.syntax.assertions(day, &mut self.balances.iter().map(named))
    }

    /// How many transactions were written.
    #[must_use]
    pub const fn transactions(&self) -> u64 {
        self.transactions
    }

    /// In how many accounts.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.balances.len()
    }
}

/// What leads from a transaction back to the event, and to who sent it (T3).
fn notes(
    event: &Recorded,
    line: &AuditLine,
    attribution: Option<&Attribution>,
) -> Vec<(&'static str, String)> {
    let mut notes = vec![
        ("id", event.id.to_string()),
        ("actor", line.actor.to_string()),
        ("recorded_at", line.recorded_at.to_string()),
        ("effective_at", event.effective_at().to_string()),
    ];
    let by = |label: fn(&Attribution) -> &Option<_>| attribution.and_then(|by| label(by).as_ref());
    for (name, label) in [
        ("command", line.command.as_ref()),
        ("correlation", line.correlation.as_ref()),
        ("agent", by(|by| &by.agent)),
        ("run", by(|by| &by.run)),
        ("model", by(|by| &by.model)),
    ] {
        notes.extend(label.map(|label| (name, label.to_string())));
    }
    // Sealed, as the event has it: a file outlives an erasure (P2).
    notes.extend(line.reason.as_ref().map(|reason| ("reason", reason.to_string())));
    notes
}

/// Who and what an event's amount is attributed to.
const fn attribution_of(event: &WalletEvent) -> Option<&Attribution> {
    match event {
        WalletEvent::CreditsDebited(e) => Some(&e.attribution),
        WalletEvent::HoldPlaced(e) => Some(&e.attribution),
        WalletEvent::HoldSettled(e) => Some(&e.attribution),
        WalletEvent::UsageRecorded(e) => Some(&e.usage.attribution),
        _ => None,
    }
}

/// All six decimals, so that the programs take none of them for granted.
fn amount(micros: i128) -> String {
    format!("{} {COMMODITY}", exact::fixed(micros, 6))
}

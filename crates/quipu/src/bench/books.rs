//! Whether the book is right: a figure from a wrong one is not shown.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use quipu_domain::Credits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acknowledged::{Acknowledged, Acks};
use super::connection::Connection;
use super::observer;
use super::run_id::RunId;
use super::stage::{self, Stage};
use crate::book::{Book, Place};
use crate::error::CliError;

/// How long views may take to reach the journal after the load has ended.
const CATCH_UP: Duration = Duration::from_secs(300);

/// What was checked, and held.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Books {
    /// Whether `quipu verify` proved the whole book: the store must be at hand for that.
    pub(super) verified: bool,
    /// That all accounts sum up to zero.
    pub(super) sum_is_zero: bool,
    /// Events that were acknowledged to this run, and found in the journal or consumed from
    /// the accounts.
    pub(super) acknowledged_events: u64,
    /// Events of requests without a clear answer, which may or may not be in the book.
    pub(super) unsure_events: u64,
    /// How long verifying took.
    pub(super) verify_seconds: f64,
}

impl Books {
    /// Ends the server, and checks what it leaves: all of it where the book is one's own.
    pub(super) fn proved(stage: Stage, acks: &Acks) -> Result<Books, CliError> {
        let began = Instant::now();
        let closed = stage.close()?;
        if let Some(closed) = &closed {
            check_journal(&closed.book()?, acks)?;
            verify(&closed.place)?;
        }
        Ok(Books::checked(closed.is_some(), acks, began.elapsed()))
    }

    /// That every check passed; the first that does not ends the run.
    pub(super) fn checked(verified: bool, acks: &Acks, took: Duration) -> Books {
        let events = |acks: &Acknowledged| acks.events().iter().map(|(_, count)| count).sum();
        Books {
            verified,
            sum_is_zero: true,
            acknowledged_events: events(&acks.sure),
            unsure_events: events(&acks.unsure),
            verify_seconds: quipu_load::seconds(took),
        }
    }
}

/// The trial balance over all tenants.
#[derive(Deserialize)]
struct Accounts {
    accounts: Vec<Account>,
    sum: Credits,
}

#[derive(Deserialize)]
struct Account {
    account: String,
    balance: Credits,
}

/// Waits until the views have the whole journal, and says how long that took.
pub(super) async fn caught_up(server: SocketAddr) -> Result<Duration, CliError> {
    let began = Instant::now();
    let mut connection = Connection::new(server);
    while began.elapsed() < CATCH_UP {
        let progress = observer::progress(&mut connection).await.map_err(|error| away(&error))?;
        if progress.views_position >= progress.journal_position {
            return Ok(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(wrong(&format!("the views have not reached the journal within {} s", CATCH_UP.as_secs())))
}

/// Over HTTP: that nothing was made or lost, and that exactly what was acknowledged was consumed.
pub(super) async fn check_accounts(
    server: SocketAddr,
    run: &RunId,
    acks: &Acks,
) -> Result<(), CliError> {
    let mut connection = Connection::new(server);
    let answer =
        connection.get(format_args!("/v1/accounts")).await.map_err(|error| away(&error))?;
    let accounts: Accounts = serde_json::from_slice(answer.body).map_err(|_| {
        let what = format!("{} {}", answer.status, answer.text("code").unwrap_or_default());
        away(&std::io::Error::other(what))
    })?;
    if !accounts.sum.is_zero() {
        return Err(wrong(&format!("all accounts sum up to {}, not to zero", accounts.sum)));
    }
    let name = format!("consumed/{}", run.meter());
    let consumed = accounts.accounts.iter().find(|account| account.account == name);
    let consumed = consumed.map_or(0, |account| account.balance.micros());
    let (sure, unsure) = (acks.sure.consumed_micros, acks.unsure.consumed_micros);
    if (sure..=sure + unsure).contains(&consumed) {
        return Ok(());
    }
    Err(wrong(&format!(
        "{consumed} millionths of a credit were consumed, but {sure} acknowledged (and {unsure} \
         without a clear answer)"
    )))
}

/// In the store: that every acknowledged event stands in the journal, counted by plain SQL.
pub(super) fn check_journal(book: &Book, acks: &Acks) -> Result<(), CliError> {
    const SQL: &str = "SELECT type, count(*) FROM journal_event GROUP BY type";
    let mut connection = book.journal.database().writer().map_err(|error| unread(&error))?;
    let rows = connection.query(SQL, &[]).map_err(|error| unread(&error))?;
    let mut found = BTreeMap::new();
    for row in &rows {
        let name = row.text(0).map_err(|error| unread(&error))?.to_owned();
        found.insert(name, row.int(1).map_err(|error| unread(&error))?.unsigned_abs());
    }
    for ((name, sure), (_, unsure)) in acks.sure.events().into_iter().zip(acks.unsure.events()) {
        let found = found.get(name).copied().unwrap_or_default();
        if !(sure..=sure + unsure).contains(&found) {
            return Err(wrong(&format!(
                "the journal has {found} {name}, but {sure} were acknowledged (and {unsure} have \
                 no clear answer)"
            )));
        }
    }
    Ok(())
}

/// In the store: what `quipu verify` proves, by `quipu verify` itself.
pub(super) fn verify(place: &Place) -> Result<(), CliError> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["verify", "--json"]).stdin(Stdio::null()).stderr(Stdio::inherit());
    stage::name(place, &mut command);
    let output = command.output()?;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if output.status.success() && report["holds"] == true {
        return Ok(());
    }
    Err(wrong(&format!("quipu verify says: {}", report["finding"])))
}

/// A wrong book.
pub(super) fn wrong(what: &str) -> CliError {
    CliError::NotVerified { what: format!("the book is wrong, so no figure is shown: {what}") }
}

fn away(error: &std::io::Error) -> CliError {
    CliError::Unavailable {
        what: format!("the server does not answer as it should: {error}"),
        hint: "look at its log, and run it again".into(),
    }
}

fn unread(error: &quipu_database::DatabaseError) -> CliError {
    CliError::Unavailable {
        what: format!("the journal cannot be read: {error}"),
        hint: "check that the database runs, and run it again".into(),
    }
}

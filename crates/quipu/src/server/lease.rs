//! Takes the book, and waits for it as long as need be.

use std::mem::Discriminant;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use quipu_engine::{Engine, Options};
use quipu_journal::JournalError;

use super::opening::Opening;
use super::panicked;
use crate::book::{self, Book, Place};
use crate::error::CliError;
use crate::signals::Signals;

/// How long one wait for the lease lasts, before signals are looked at.
pub(super) const LEASE_WAIT: Duration = Duration::from_secs(1);
/// A journal that takes longer to open has a line in the log.
const LONG: Duration = Duration::from_secs(5);

/// Opens the book; one that has to be brought up to date once nobody else writes to it: an older
/// server could not go on with what a newer one has made of its tables. `None` when a signal came
/// meanwhile.
pub(super) fn open_book(
    place: &Place,
    signals: &Signals,
    opening: &Opening,
) -> Result<Option<Book>, CliError> {
    let mut waiting = Waiting { opening, told: None };
    while !signals.have_come() {
        match book::lease_to_upgrade(place) {
            Ok(lease) => return Book::open_under(place, lease).map(Some),
            Err(error) if waiting.is_for(&error) => std::thread::sleep(LEASE_WAIT),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Starts the engine, once the book is free. `None` when a signal came meanwhile.
pub(super) fn take_lease(
    book: &Book,
    options: &Options,
    signals: &Signals,
    opening: &Opening,
) -> Result<Option<Engine>, CliError> {
    let mut waiting = Waiting { opening, told: None };
    while !signals.have_come() {
        let Some(started) = start(book, options, signals)? else { break };
        match started {
            Ok(engine) => return Ok(Some(engine)),
            Err(error) if waiting.is_for(&error) => {
                // A lease that is held has been waited for already.
                if error.is_unavailable() {
                    std::thread::sleep(LEASE_WAIT);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// What has to end before the book can be taken; a line in the log names it once.
struct Waiting<'a> {
    opening: &'a Opening,
    told: Option<Discriminant<JournalError>>,
}

impl Waiting<'_> {
    /// Whether waiting helps: somebody else holds the book, or its database is away.
    fn is_for(&mut self, error: &JournalError) -> bool {
        let kind = std::mem::discriminant(error);
        let is_news = self.told.replace(kind) != Some(kind);
        match error {
            JournalError::LeaseHeld { holder } => {
                self.opening.waits_because("another program writes to it");
                if is_news {
                    tracing::warn!("the book is being written by {holder}; waiting for it to end");
                }
                true
            }
            // A database that starts again ends the sessions of those that wait, too.
            error if error.is_unavailable() => {
                self.opening.waits_because("it is out of reach");
                if is_news {
                    tracing::warn!(%error, "the book is out of reach; trying again until it is back");
                }
                true
            }
            _ => false,
        }
    }
}

/// Tries once, on a thread of its own: for a synchronous standby PostgreSQL lets it wait without an
/// end. `None` when a signal came meanwhile.
fn start(
    book: &Book,
    options: &Options,
    signals: &Signals,
) -> Result<Option<Result<Engine, JournalError>>, CliError> {
    let (sender, started) = channel();
    let (store, options) = (book.store_with_own_readers(), options.clone());
    std::thread::Builder::new()
        .name("quipu-start".into())
        // Nobody takes it any more where a signal came first.
        .spawn(move || drop(sender.send(Engine::start(store, options))))?;
    let begun = Instant::now();
    let mut told = false;
    loop {
        match started.recv_timeout(LEASE_WAIT) {
            Ok(started) => return Ok(Some(started)),
            Err(RecvTimeoutError::Disconnected) => return Err(panicked()),
            Err(RecvTimeoutError::Timeout) if signals.have_come() => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                if !told && begun.elapsed() > LONG {
                    tracing::warn!(
                        "the journal is not open yet: it is being read, or a synchronous standby \
                         has yet to confirm what is in it"
                    );
                    told = true;
                }
            }
        }
    }
}

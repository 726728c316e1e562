//! Checkpoints and proofs, from a server or from the book itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use quipu_domain::Position;
use quipu_journal::Journal;
use quipu_proofs::{AddCheckpoint, ProofError, Proofs};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::book::{self, BookArgs, Place};
use crate::checkpoint;
use crate::client::{Client, ServerArgs};
use crate::error::CliError;

/// How long a server is given to publish what was just written.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where checkpoints and proofs are asked for.
#[derive(Args, Clone, Debug)]
#[command(mut_arg("data", |data| {
    data.help("Read the book in SQLite files in this folder, and ask no server [env: QUIPU_DATA]")
}))]
#[command(mut_arg("database", |database| {
    database.help("Read the book in this PostgreSQL database, and ask no server [env: QUIPU_DATABASE]")
}))]
pub(crate) struct EvidenceArgs {
    #[command(flatten)]
    book: BookArgs,
    /// Ask this server, whatever book the environment names; where no book is named, a server is
    /// asked anyway [env: QUIPU_SERVER] [default: http://127.0.0.1:7171]
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "database"])]
    server: Option<String>,
}

/// Who gives them.
pub(crate) enum Evidence {
    /// A running server.
    Server(Client),
    /// The book, read beside whoever writes it.
    Book { proofs: Proofs, journal: Journal },
}

impl EvidenceArgs {
    /// The book where one is named, else the server; flags first, then the environment.
    pub(crate) fn open(&self) -> Result<Evidence, CliError> {
        let place = match (self.book.flagged(), &self.server) {
            (None, None) => Place::of_environment(),
            (flagged, _) => flagged,
        };
        let Some(place) = place else {
            let named = self.server.clone().map(|server| ServerArgs { server });
            let server = named.unwrap_or_else(ServerArgs::unsaid);
            return Ok(Evidence::Server(Client::new(&server)?));
        };
        let journal = Journal::new(Arc::new(book::read_journal(&place)?));
        let proofs = book::read_proofs(&place, journal.clone())?;
        Ok(Evidence::Book { proofs: proofs.ok_or_else(nothing_published)?, journal })
    }
}

impl Evidence {
    /// The newest checkpoint.
    pub(crate) fn newest(&self) -> Result<String, CliError> {
        match self {
            Evidence::Server(client) => {
                let note = published(|| client.get_text("/v1/log/checkpoint", &[]))?;
                understood(client, note, |note| checkpoint::of(note).is_ok())
            }
            Evidence::Book { proofs, .. } => {
                let newest = proofs.newest()?;
                newest.map(|newest| newest.note).ok_or_else(nothing_published)
            }
        }
    }

    /// A `.tlog-proof` of an event, towards the newest checkpoint or the one of a size.
    pub(crate) fn inclusion(&self, event: u64, size: Option<u64>) -> Result<String, CliError> {
        match self {
            Evidence::Server(client) => {
                let size: Vec<_> =
                    size.map(|size| ("size", size.to_string())).into_iter().collect();
                let path = format!("/v1/events/{event}/proof");
                let proof = published(|| client.get_text(&path, &size))?;
                understood(client, proof, |proof| {
                    let note = proof.split_once("\n\n").map(|(_, note)| checkpoint::of(note));
                    note.is_some_and(|note| note.is_ok())
                })
            }
            Evidence::Book { proofs, .. } => {
                proofs.inclusion(Position(event), size).map_err(unproved)
            }
        }
    }

    /// The consistency proof of the newest checkpoint, or the one of a size, from an older tree.
    pub(crate) fn consistency(&self, from: u64, to: Option<u64>) -> Result<String, CliError> {
        match self {
            Evidence::Server(client) => {
                let mut query = vec![("from", from.to_string())];
                query.extend(to.map(|to| ("to", to.to_string())));
                let body = published(|| client.get_text("/v1/proofs/consistency", &query))?;
                understood(client, body, |body| AddCheckpoint::parse(body).is_ok())
            }
            Evidence::Book { proofs, .. } => proofs.consistency(from, to).map_err(unproved),
        }
    }

    /// An event's exact text: what was hashed.
    pub(crate) fn event(&self, position: u64) -> Result<String, CliError> {
        let text = match self {
            Evidence::Server(client) => {
                #[derive(Deserialize)]
                struct Page {
                    events: Vec<Box<RawValue>>,
                }
                let after = position.saturating_sub(1).to_string();
                let query = [("after", after), ("limit", "1".to_owned())];
                let page: Page = serde_json::from_str(&client.get_text("/v1/events", &query)?)
                    .map_err(|_| client.not_understood())?;
                page.events.first().map(|event| event.get().to_owned())
            }
            Evidence::Book { journal, .. } => {
                let stored = journal.stored_at(&[Position(position)]);
                let stored = stored.map_err(|error| unproved(ProofError::Journal(error)))?;
                stored.into_iter().next().map(|event| event.text)
            }
        };
        text.ok_or_else(|| CliError::Refused {
            what: format!("there is no event {position}"),
            hint: "positions begin with 1 and end with the journal's last".into(),
        })
    }
}

/// Why there is no proof. A book that was changed is no outage: it was checked, and does not hold.
fn unproved(error: ProofError) -> CliError {
    match &error {
        ProofError::Journal(journal) if journal.is_corrupt() => {
            CliError::NotVerified { what: error.to_string() }
        }
        _ => error.into(),
    }
}

/// An answer, if it is one of quipu's; another program may answer anything with success.
fn understood(
    client: &Client,
    answer: String,
    is_ours: impl FnOnce(&str) -> bool,
) -> Result<String, CliError> {
    if is_ours(&answer) { Ok(answer) } else { Err(client.not_understood()) }
}

fn nothing_published() -> CliError {
    CliError::Refused {
        what: "no checkpoint of this book was published".into(),
        hint: "serve it: a running server publishes every second, on PostgreSQL once it is given \
               --keys DIR"
            .into(),
    }
}

/// Asks again while what was just written is not covered by a checkpoint.
fn published(ask: impl Fn() -> Result<String, CliError>) -> Result<String, CliError> {
    let started = Instant::now();
    loop {
        match ask() {
            Err(CliError::Refused { what, .. })
                if what.starts_with("checkpoint_not_published") && started.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(200));
            }
            answer => return answer,
        }
    }
}

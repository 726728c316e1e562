//! Fills a book as fast as it goes: with usage batches over HTTP, like anybody.

use std::ops::Range;

use quipu_load::{Choice, Distribution, Extent};

use super::acknowledged::Acks;
use super::actor::Actor;
use super::batch::{Batches, RECORDS};
use super::connection::Connection;
use super::driven::Client;
use super::run_id::RunId;
use super::stage::Stage;
use crate::error::CliError;

/// Clients that fill side by side.
const CONNECTIONS: usize = 4;

/// Records usage of wallets, at least so many records and up to a batch per client more. Clients
/// of one run are numbered from `first_client`, so that no record is sent twice.
pub(super) async fn fill(
    stage: &Stage,
    run: &RunId,
    wallets: Range<usize>,
    first_client: usize,
    records: u64,
) -> Result<Acks, CliError> {
    let choice = Choice::new(Distribution::Uniform, wallets.len(), 0);
    let batch = RECORDS.min(usize::try_from(records).unwrap_or(RECORDS));
    let clients = if records > RECORDS as u64 { CONNECTIONS } else { 1 };
    let clients = (first_client..first_client + clients).map(|number| {
        let connection = Connection::new(stage.address);
        let actor = Actor::new(connection, run, number, wallets.start, &choice);
        Batches::new(actor, run, number, batch)
    });
    record(stage, clients.collect(), records).await
}

/// Drives clients until so many usage records are in the book.
pub(super) async fn record<C: Client>(
    stage: &Stage,
    clients: Vec<C>,
    records: u64,
) -> Result<Acks, CliError> {
    let extent = Extent::Operations(records);
    let (filled, clients) = quipu_load::run(clients, extent, &stage.stopping).await;
    let mut acks = Acks::default();
    clients.iter().for_each(|client| acks += client.acks());
    if filled.operations >= records {
        return Ok(acks);
    }
    Err(CliError::Unavailable {
        what: format!(
            "only {} of {records} usage records could be recorded: refused {:?}, failed {:?}",
            filled.operations, filled.refused, filled.failed
        ),
        hint: "look at the server's log, and run it again".into(),
    })
}

//! Lets a stopped partition go on, after the cause is mended.

use std::collections::HashMap;

use quipu_database::Connection;
use quipu_domain::{Position, Recorded};
use quipu_projections::{Partition, Projection, apply_page};

use crate::applier::Stored;
use crate::reads::ParkedPartition;
use crate::{Feed, Views, ViewsError, checkpoints, statements};

/// Events in one read of the journal.
const PAGE_EVENTS: usize = 4096;

/// What became of a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryOutcome {
    /// The partition was not stopped.
    NotParked,
    /// It has all its events and is no longer stopped.
    Healed {
        /// How many of its events were applied.
        events: u64,
    },
    /// It stopped again: at the same event or, having got further, at a later one.
    StillParked(ParkedPartition),
}

impl Views {
    /// Applies what a stopped partition has missed, up to the projection's checkpoint, in one
    /// transaction. Whatever it gets to see before it stops again is kept.
    pub fn retry(
        &self,
        projection: &str,
        partition: &Partition,
    ) -> Result<RetryOutcome, ViewsError> {
        let unknown = || ViewsError::UnknownProjection(projection.to_owned());
        let projection = quipu_projections::named(projection).ok_or_else(unknown)?;
        let mut connection = self.writer()?;
        connection.transaction(|connection| retry(connection, self.feed(), projection, partition))
    }
}

fn retry(
    connection: &mut Connection,
    feed: &dyn Feed,
    projection: &'static dyn Projection,
    partition: &Partition,
) -> Result<RetryOutcome, ViewsError> {
    let name = projection.name();
    let checkpoint = checkpoints::take_over(connection, name)?;
    let tenant = checkpoints::tenant_text(partition);
    let Some(stopped) = checkpoints::parked_at(connection, name, tenant)? else {
        return Ok(RetryOutcome::NotParked);
    };
    let mut rows = projection.rows();
    let mut parked = HashMap::new();
    let mut events = 0;
    let mut after = Position(stopped.position.0.saturating_sub(1));
    while after < checkpoint.position && parked.is_empty() {
        let page = feed.read(after, PAGE_EVENTS)?;
        let Some(last) = page.last() else { break };
        after = last.position;
        let is_missed =
            |event: &&Recorded| event.tenant == *partition && event.position <= checkpoint.position;
        let missed: Vec<&Recorded> = page.iter().filter(is_missed).collect();
        events += u64::try_from(missed.len()).unwrap_or(u64::MAX);
        let mut source = Stored { connection, feed };
        apply_page(projection, missed, &mut rows, &mut parked, &mut source)?;
        statements::write(connection, rows.changes())?;
        rows.mark_saved(PAGE_EVENTS);
    }
    match parked.remove(partition) {
        None => {
            checkpoints::unpark(connection, name, partition)?;
            Ok(RetryOutcome::Healed { events })
        }
        Some(again) => {
            checkpoints::park(connection, name, partition, &again)?;
            let again = checkpoints::parked_at(connection, name, tenant)?;
            Ok(again.map_or(RetryOutcome::NotParked, RetryOutcome::StillParked))
        }
    }
}

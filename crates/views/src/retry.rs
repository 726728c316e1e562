//! Lets a stopped partition go on: after the cause is mended, or without the event that stopped it.

use std::collections::{BTreeSet, HashMap};

use quipu_database::Connection;
use quipu_domain::{Label, Position, Recorded};
use quipu_projections::{Partition, Projection, apply_page};

use crate::reads::ParkedPartition;
use crate::stored::Stored;
use crate::{Feed, Views, ViewsError, checkpoints, skips, statements};

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
        self.resume(projection, partition, None)
    }

    /// The same without the event at which it stopped: that one is left out of this version of the
    /// projection for good, with the reason beside it, here and in every rebuild.
    pub fn skip(
        &self,
        projection: &str,
        partition: &Partition,
        reason: &Label,
    ) -> Result<RetryOutcome, ViewsError> {
        self.resume(projection, partition, Some(reason))
    }

    fn resume(
        &self,
        projection: &str,
        partition: &Partition,
        skip_for: Option<&Label>,
    ) -> Result<RetryOutcome, ViewsError> {
        let unknown = || ViewsError::UnknownProjection(projection.to_owned());
        let projection = quipu_projections::named(projection).ok_or_else(unknown)?;
        let mut connection = self.writer()?;
        connection.transaction(|connection| {
            let name = projection.name();
            let checkpoint = checkpoints::take_over(connection, name)?;
            let tenant = checkpoints::tenant_text(partition);
            let Some(stopped) = checkpoints::parked_at(connection, name, tenant)? else {
                return Ok(RetryOutcome::NotParked);
            };
            if let Some(reason) = skip_for {
                skips::skip(connection, projection, &stopped, reason)?;
                report(name, &stopped, reason);
            }
            let skipped = skips::read(connection)?.positions(projection);
            let missed = Missed { stopped, until: checkpoint.position, skipped };
            missed.apply(connection, self.feed(), projection, partition)
        })
    }
}

/// What a stopped partition has missed.
struct Missed {
    stopped: ParkedPartition,
    until: Position,
    skipped: BTreeSet<Position>,
}

impl Missed {
    fn apply(
        &self,
        connection: &mut Connection,
        feed: &dyn Feed,
        projection: &'static dyn Projection,
        partition: &Partition,
    ) -> Result<RetryOutcome, ViewsError> {
        let name = projection.name();
        let mut rows = projection.rows();
        let mut parked = HashMap::new();
        let mut events = 0;
        let mut after = Position(self.stopped.position.0.saturating_sub(1));
        while after < self.until && parked.is_empty() {
            let page = feed.read(after, PAGE_EVENTS)?;
            let Some(last) = page.last() else { break };
            after = last.position;
            let is_missed = |event: &&Recorded| {
                event.tenant == *partition
                    && event.position <= self.until
                    && !self.skipped.contains(&event.position)
            };
            let missed: Vec<&Recorded> = page.iter().filter(is_missed).collect();
            events += u64::try_from(missed.len()).unwrap_or(u64::MAX);
            let source = Stored::new(connection, feed);
            apply_page(projection, missed, &mut rows, &mut parked, &mut &source)?;
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
                let tenant = checkpoints::tenant_text(partition);
                let again = checkpoints::parked_at(connection, name, tenant)?;
                Ok(again.map_or(RetryOutcome::NotParked, RetryOutcome::StillParked))
            }
        }
    }
}

fn report(projection: &str, stopped: &ParkedPartition, reason: &Label) {
    tracing::error!(
        projection,
        tenant = checkpoints::tenant_text(&stopped.tenant),
        position = stopped.position.0,
        error = stopped.error,
        %reason,
        "an event is left out of this projection: its rows no longer follow the whole journal"
    );
}

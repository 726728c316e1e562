//! Goes on where the database refuses what an event has made of a projection's rows: it stops that
//! partition, as one does whose event cannot be applied.

use quipu_database::DatabaseError;
use quipu_domain::Position;
use quipu_projections::{Parked, Partition};

use crate::session::Session;
use crate::{FeedError, RunnerOptions, Views, ViewsError, checkpoints};

/// Events of one projection whose rows the database does not take, at any time.
#[derive(Debug)]
pub struct RefusedRows {
    projection: &'static str,
    /// The last event before them.
    after: Position,
    /// The last one of them.
    until: Position,
    why: String,
}

impl Views {
    /// Finds the event by ever smaller transactions, and stops its partition.
    pub(crate) fn park_refused(
        &self,
        mut refused: RefusedRows,
        options: &RunnerOptions,
    ) -> Result<(), ViewsError> {
        tracing::warn!(%refused, "looking for the event, so that its tenant alone stops");
        let end = refused.until;
        while refused.events() > 1 {
            let transaction_events = refused.events() / 2;
            let smaller = RunnerOptions { transaction_events, ..options.clone() };
            match Session::begin(self, &smaller, || false)?.reach(end) {
                Err(ViewsError::RefusedRows(fewer)) => refused = fewer,
                // All of them were taken now, or something else is the matter.
                outcome => return outcome,
            }
        }
        self.park_the_one(&refused)
    }

    fn park_the_one(&self, refused: &RefusedRows) -> Result<(), ViewsError> {
        let RefusedRows { projection, after, until, why } = refused;
        let missing = || FeedError(format!("event {until} is missing"));
        let event = self.feed().read(*after, 1)?.pop().ok_or_else(missing)?;
        let parked = Parked { position: *until, error: why.clone() };
        self.writer()?.transaction(|connection| {
            if checkpoints::take_over(connection, projection)?.position != *after {
                return Err(ViewsError::CheckpointMoved);
            }
            checkpoints::park(connection, projection, &event.tenant, &parked)
        })?;
        report_parked(projection, &event.tenant, &parked);
        Ok(())
    }
}

impl RefusedRows {
    const fn events(&self) -> u64 {
        self.until.0 - self.after.0
    }
}

/// An error in writing what a projection has made of the events of one transaction.
pub(crate) fn of_rows(
    error: ViewsError,
    projection: &'static str,
    after: Position,
    until: Position,
) -> ViewsError {
    match error {
        ViewsError::Database(DatabaseError::Values { why, .. }) => {
            ViewsError::RefusedRows(RefusedRows { projection, after, until, why })
        }
        other => other,
    }
}

/// Says that a partition has stopped.
pub(crate) fn report_parked(projection: &str, partition: &Partition, parked: &Parked) {
    tracing::error!(
        projection,
        tenant = checkpoints::tenant_text(partition),
        position = parked.position.0,
        error = parked.error,
        "projection stopped for this tenant; the others go on. After the cause is mended: quipu \
         projections retry"
    );
}

impl std::fmt::Display for RefusedRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RefusedRows { projection, after, until, why } = self;
        write!(
            f,
            "the database refuses rows of {projection}, of the events after {after} up to {until}: {why}"
        )
    }
}

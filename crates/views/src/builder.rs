//! Builds projections from the journal into a database of their own.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::thread::available_parallelism;

use quipu_database::Database;
use quipu_domain::Position;
use quipu_projections::Projection;

use crate::applier::{Applier, Unsaved};
use crate::checkpoints::{self, Checkpoint};
use crate::read_ahead::{Batches, each_batch};
use crate::saver::Saver;
use crate::skips::Skips;
use crate::{Feed, FeedError, RunnerOptions, ViewsError};

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last event that is in the new rows.
    pub position: Position,
    /// The last one that will be, as far as is known now.
    pub head: Position,
}

/// Projections in the making. What an earlier builder has saved is taken up.
pub(crate) struct Builder<'a> {
    feed: &'a dyn Feed,
    saver: Saver,
    applier: Applier,
    options: RunnerOptions,
}

/// Pages that are folded at once, and how long they are. With thousands of tenants, a row is out of
/// a core's reach until the next page needs it: of a million events by 10,000 tenants, a replay that
/// folded four times as many at once took a sixth less of the processors' time.
const PAGES_AT_ONCE: usize = 16;
const PAGE_EVENTS: usize = 4_096;

/// Most events in one transaction; its changed rows may end it earlier. Nobody waits for what it
/// shows, and a row is written once for all that changed it: of a million events, a rebuild took a
/// tenth less of the processors' time than with a quarter of this.
const TRANSACTION_EVENTS: u64 = 1 << 20;

impl<'a> Builder<'a> {
    /// Takes a database over: whoever was still building in it notices, and ends.
    pub(crate) fn begin(
        feed: &'a dyn Feed,
        database: &Database,
        projections: &[&'static dyn Projection],
        skips: &Skips,
    ) -> Result<Builder<'a>, ViewsError> {
        let options =
            RunnerOptions { transaction_events: TRANSACTION_EVENTS, ..RunnerOptions::default() };
        let mut connection = database.writer()?;
        connection.transaction(|connection| {
            projections.iter().try_for_each(|projection| {
                checkpoints::start(connection, *projection)?;
                checkpoints::take_over(connection, projection.name()).map(drop)
            })
        })?;
        // Who builds has the machine to himself: no commands wait.
        let threads = available_parallelism().map_or(1, NonZeroUsize::get);
        let cache_rows = options.cache_rows;
        let applier = Applier::load(&mut connection, projections, skips, cache_rows, threads)?;
        Ok(Builder { feed, saver: Saver::start(database, connection)?, applier, options })
    }

    /// The last event that all its projections have.
    pub(crate) fn position(&self) -> Position {
        self.applier.position()
    }

    /// Each projection's checkpoint in this database.
    pub(crate) fn checkpoints(&self) -> impl Iterator<Item = (&'static str, Checkpoint)> + '_ {
        self.applier.checkpoints()
    }

    /// Folds everything up to what `until` says, and asks it again once that is done. What makes up
    /// a whole transaction is saved; the rest is in memory until [`save`](Self::save) or
    /// [`take_rest`](Self::take_rest). `progress` is told after each transaction and after the rest,
    /// and may break it off: what is folded by then is saved.
    pub(crate) fn build(
        &mut self,
        until: impl Fn() -> Result<Position, ViewsError>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        loop {
            let head = until()?;
            let before = self.position();
            if before >= head {
                return Ok(());
            }
            self.apply(head, progress)?;
            let position = self.position();
            if position == before {
                let why = format!("it ends at {position}, before {head}");
                return Err(FeedError(why).into());
            }
            if progress(Progress { position, head }).is_break() {
                self.save()?;
                return Err(ViewsError::Interrupted { position });
            }
        }
    }

    /// Folds the next events, up to a position: a transaction is saved while the next is folded.
    fn apply(
        &mut self,
        head: Position,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        let Builder { feed, saver, applier, options } = self;
        let mut tell = |position: Option<Position>| match position {
            Some(position) if progress(Progress { position, head }).is_break() => {
                Err(ViewsError::Interrupted { position })
            }
            _ => Ok(()),
        };
        let mut on_its_way = None;
        let batches =
            Batches { page_events: PAGE_EVENTS, pages: PAGES_AT_ONCE, threads: applier.threads() };
        each_batch(*feed, applier.position(), head, &batches, |events| {
            applier.fold(saver, *feed, events)?;
            let position = applier.position();
            let is_whole = position.0 - applier.saved().0 >= options.transaction_events
                || applier.changed_rows() > options.transaction_rows;
            if !is_whole {
                return Ok(());
            }
            saver.wait()?;
            tell(on_its_way.replace(position))?;
            applier.save(saver, || ())
        })?;
        saver.wait()?;
        tell(on_its_way)
    }

    /// Saves what is in memory only.
    pub(crate) fn save(&mut self) -> Result<(), ViewsError> {
        self.applier.save(&mut self.saver, || ())?;
        self.saver.wait()
    }

    /// What is in memory only, for whoever writes it elsewhere.
    pub(crate) fn take_rest(&mut self) -> Vec<Unsaved> {
        self.applier.take_unsaved()
    }
}

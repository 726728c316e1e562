//! Folds what the journal has while what was folded before is saved.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use quipu_database::Connection;
use quipu_domain::Position;
use quipu_projections::Projection;

use crate::applier::Applier;
use crate::read_ahead::each_page;
use crate::saver::Saver;
use crate::{Progress, RunnerOptions, Views, ViewsError, checkpoints, skips};

/// One connection's worth of work: it ends with the first error.
pub(crate) struct Session<'a> {
    views: &'a Views,
    options: &'a RunnerOptions,
    saver: Saver,
    applier: Applier,
    /// Whether events are folded and not yet handed over to be saved.
    unsaved: bool,
    /// Events that are being saved.
    on_their_way: u64,
}

/// What there was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: the rows have all events.
    Nothing,
    /// Events are being saved.
    Saving,
    /// So many events have been saved.
    Saved(u64),
}

/// How often it looks for new events while it has others to wait for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl<'a> Session<'a> {
    /// Takes up where the database is. Rows of an older version are built anew first.
    pub(crate) fn begin(
        views: &'a Views,
        options: &'a RunnerOptions,
        is_stopping: impl Fn() -> bool,
    ) -> Result<Session<'a>, ViewsError> {
        let mut connection = views.writer()?;
        let outdated = outdated(&mut connection)?;
        if !outdated.is_empty() {
            views.rebuild_these(&outdated, &mut |progress| {
                report_rebuild(&outdated, progress);
                if is_stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        let projections = quipu_projections::all();
        let skips = skips::read(&mut connection)?;
        let applier = Applier::load(&mut connection, projections, &skips, options.cache_rows, 1)?;
        views.announce_folded(applier.position());
        views.announce(applier.position());
        let saver = Saver::start(views.database(), connection)?;
        Ok(Session { views, options, saver, applier, unsaved: false, on_their_way: 0 })
    }

    /// Folds what there is, and has it saved as soon as nothing else is. So under load, the next
    /// transaction grows while the one before is written.
    pub(crate) fn catch_up(&mut self) -> Result<Step, ViewsError> {
        // While another transaction is being saved, less than a page is not worth it.
        let is_saving = !self.saver.is_idle_within(Duration::ZERO)?;
        self.fold(if is_saving { self.options.page_events } else { 1 })?;
        let begun = self.applier.position().0 - self.applier.saved().0;
        if begun >= self.options.transaction_events {
            self.save()?;
        }
        if !self.saver.is_idle_within(LOOK_EVERY)? {
            return Ok(Step::Saving);
        }
        let saved = std::mem::take(&mut self.on_their_way);
        if saved > 0 {
            return Ok(Step::Saved(saved));
        }
        self.save()?;
        Ok(if self.on_their_way > 0 { Step::Saving } else { Step::Nothing })
    }

    /// Catches up until the rows have the events up to a position, or all that there are.
    pub(crate) fn reach(&mut self, end: Position) -> Result<(), ViewsError> {
        loop {
            match self.catch_up()? {
                Step::Nothing => return Ok(()),
                Step::Saved(_) if self.applier.saved() >= end => return Ok(()),
                Step::Saved(_) | Step::Saving => {}
            }
        }
    }

    /// Folds what comes by pages, and saves nothing, for some time or until somebody waits for the
    /// views.
    pub(crate) fn gather(
        &mut self,
        most: Duration,
        stopping: &AtomicBool,
    ) -> Result<(), ViewsError> {
        let begun = Instant::now();
        while let Some(left) = most.checked_sub(begun.elapsed()) {
            if self.views.wait_for_haste(left.min(LOOK_EVERY), stopping) {
                break;
            }
            self.fold(self.options.page_events)?;
        }
        Ok(())
    }

    /// The last event that is folded.
    pub(crate) fn position(&self) -> Position {
        self.applier.position()
    }

    /// Folds what the journal has by now, if it is so many events, and what comes by pages
    /// meanwhile, as far as one transaction goes.
    fn fold(&mut self, mut least: usize) -> Result<(), ViewsError> {
        let feed = self.views.feed();
        let page_events = self.options.page_events;
        loop {
            let until = self.options.transaction_end(self.applier.saved(), feed.head()?);
            let after = self.applier.position();
            if until.0.saturating_sub(after.0) < least as u64 {
                return Ok(());
            }
            each_page(feed, after, until, page_events, |events| {
                self.applier.fold(&mut self.saver, feed, events)?;
                self.views.announce_folded(self.applier.position());
                self.unsaved |= !events.is_empty();
                if self.applier.changed_rows() > self.options.transaction_rows {
                    self.save()?;
                }
                Ok(())
            })?;
            least = page_events;
        }
    }

    /// Has what was folded saved, once what is being saved is.
    fn save(&mut self) -> Result<(), ViewsError> {
        if !std::mem::take(&mut self.unsaved) {
            return Ok(());
        }
        let (begin, position) = (self.applier.saved(), self.applier.position());
        let stopped = self.applier.stopped().collect();
        let saved = Saved { views: self.views.clone(), begin, position, stopped };
        self.on_their_way = position.0 - begin.0;
        self.applier.save(&mut self.saver, move || saved.announce())
    }
}

/// What has come into the views.
struct Saved {
    views: Views,
    begin: Position,
    position: Position,
    /// Each projection with the number of its stopped partitions, and of events left out.
    stopped: Vec<(&'static str, usize, usize)>,
}

impl Saved {
    /// Tells who waits for it.
    fn announce(self) {
        self.views.announce(self.position);
        metrics::counter!("quipu_views_applied_events_total")
            .increment(self.position.0.saturating_sub(self.begin.0));
        for (projection, parked, skipped) in self.stopped {
            metrics::gauge!("quipu_views_parked_partitions", "projection" => projection)
                .set(parked as f64);
            metrics::gauge!("quipu_views_skipped_events", "projection" => projection)
                .set(skipped as f64);
        }
    }
}

/// Projections whose rows another version built, and new ones beside those that have rows.
fn outdated(connection: &mut Connection) -> Result<Vec<&'static dyn Projection>, ViewsError> {
    let checkpoints = checkpoints::read(connection)?;
    let any_rows = checkpoints.values().any(|checkpoint| checkpoint.position > Position::ZERO);
    let is_outdated =
        |projection: &&'static dyn Projection| match checkpoints.get(projection.name()) {
            Some(checkpoint) => checkpoint.version != projection.version(),
            None => any_rows,
        };
    Ok(quipu_projections::all().iter().copied().filter(is_outdated).collect())
}

fn report_rebuild(projections: &[&'static dyn Projection], progress: Progress) {
    let done = progress.position.0.saturating_mul(100) / progress.head.0.max(1);
    for projection in projections {
        metrics::gauge!("quipu_views_rebuild_percent", "projection" => projection.name())
            .set(done as f64);
    }
}

//! Builds projections anew beside the old rows, and switches in one transaction.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::PoisonError;

use quipu_database::{Connection, Database, Engine};
use quipu_domain::Position;
use quipu_projections::Projection;

use crate::applier::Unsaved;
use crate::builder::{Builder, Progress};
use crate::checkpoints::Checkpoint;
use crate::skips::Skips;
use crate::{Views, ViewsError, checkpoints, skips, statements};

impl Views {
    /// Builds one projection, or all, from the first event on. The old rows answer until the new
    /// ones take their place at once. `progress` is told after each transaction, and may break it
    /// off: the next rebuild of the same then goes on there. Nothing but rows comes of it.
    pub fn rebuild(
        &self,
        projection: Option<&str>,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        let projections = match projection {
            None => quipu_projections::all().to_vec(),
            Some(name) => {
                let unknown = || ViewsError::UnknownProjection(name.to_owned());
                vec![quipu_projections::named(name).ok_or_else(unknown)?]
            }
        };
        self.rebuild_these(&projections, &mut progress)
    }

    pub(crate) fn rebuild_these(
        &self,
        projections: &[&'static dyn Projection],
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        let _alone = self.rebuilding().lock().unwrap_or_else(PoisonError::into_inner);
        let scratch = self.open_scratch(projections)?;
        let mut rebuild = Rebuild::begin(self, &scratch, projections)?;
        let outcome = rebuild.run(progress);
        let was_taken = outcome.is_err() && !rebuild.is_ours()?;
        drop(rebuild);
        drop(scratch);
        match outcome {
            Err(_) if was_taken => Err(ViewsError::Cancelled),
            // Rows that do not fit each other are of no use to whoever comes next.
            Ok(()) | Err(ViewsError::Projection(_)) => self.remove_scratch().and(outcome),
            Err(error) => Err(error),
        }
    }
}

struct Rebuild<'a> {
    views: &'a Views,
    projections: &'a [&'static dyn Projection],
    builder: Builder<'a>,
    /// What it leaves out.
    skips: Skips,
}

impl<'a> Rebuild<'a> {
    fn begin(
        live: &'a Views,
        scratch: &Database,
        projections: &'a [&'static dyn Projection],
    ) -> Result<Rebuild<'a>, ViewsError> {
        let skips: Skips = live.database().read(|connection| Ok(skips::read(connection)))??;
        let builder = Builder::begin(live.feed(), scratch, projections, &skips)?;
        Ok(Rebuild { views: live, projections, builder, skips })
    }

    fn run(
        &mut self,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        let feed = self.views.feed();
        self.builder.build(|| Ok(feed.head()?), progress)?;
        let mut live = self.views.writer()?;
        let rest = live.transaction(|live| self.switch(live))?;
        rest.iter().for_each(Unsaved::report);
        Ok(())
    }

    /// The live rows cannot move from the first statement on. The new ones catch up with what the
    /// live ones have got meanwhile, so that no reader ever sees the position fall back. The last of
    /// them, which are in memory yet, are written where they belong and nowhere else: that is all of
    /// a small book.
    fn switch(&mut self, live: &mut Connection) -> Result<Vec<Unsaved>, ViewsError> {
        let mut reached = Position::ZERO;
        for projection in self.projections {
            checkpoints::start(live, *projection)?;
            let checkpoint = checkpoints::take_over(live, projection.name())?;
            reached = reached.max(checkpoint.position);
        }
        // Where the journal has lost its end, the live rows are of more than there is.
        let reached = reached.min(self.views.feed().head()?);
        self.builder.build(|| Ok(reached), &mut |_| ControlFlow::Continue(()))?;
        if !self.is_wanted(live)? {
            return Err(ViewsError::Cancelled);
        }
        let mut rest = self.builder.take_rest();
        let reached: HashMap<&str, Checkpoint> = self.builder.checkpoints().collect();
        for projection in self.projections {
            projection
                .rows()
                .schemas()
                .try_for_each(|table| statements::copy_from_scratch(live, table))?;
            live.execute(
                "DELETE FROM projection_parked WHERE projection = $1",
                &[projection.name().into()],
            )?;
            live.execute(COPY_PARKED, &[projection.name().into()])?;
            skips::forget_other_versions(live, *projection)?;
            checkpoints::replace(live, *projection, reached[projection.name()])?;
        }
        rest.iter_mut().try_for_each(|unsaved| unsaved.write_rows(live))?;
        Ok(rest)
    }

    /// Whether its rows are still those that are to go live: nobody else has taken the scratch
    /// database over, or away, and what is left out has not changed. So it stays until the
    /// transaction ends.
    fn is_wanted(&self, live: &mut Connection) -> Result<bool, ViewsError> {
        if !self.views.attach_scratch(live)? {
            return Ok(false);
        }
        // SQLite shows this transaction one state of it; here each statement sees what is there by
        // then, and somebody else's rows would be copied beside these.
        if live.engine() == Engine::Postgres {
            live.query(KEEP_OTHERS_OUT, &[])?;
        }
        Ok(self.holds(&checkpoints::read_scratch(live)?) && skips::read(live)? == self.skips)
    }

    /// Whether nobody else has taken the scratch database over, or away.
    fn is_ours(&self) -> Result<bool, ViewsError> {
        Ok(self.holds(&self.views.scratch_checkpoints()?))
    }

    fn holds(&self, scratch: &HashMap<String, Checkpoint>) -> bool {
        let is_held = |(name, own): (&str, Checkpoint)| {
            scratch.get(name).is_some_and(|found| found.generation == own.generation)
        };
        self.builder.checkpoints().all(is_held)
    }
}

const KEEP_OTHERS_OUT: &str = "SELECT name FROM quipu_views_rebuild.projection FOR UPDATE";
const COPY_PARKED: &str = "INSERT INTO projection_parked \
    (projection, tenant, position, error, parked_at) \
    SELECT projection, tenant, position, error, parked_at \
    FROM quipu_views_rebuild.projection_parked WHERE projection = $1";

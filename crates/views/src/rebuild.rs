//! Builds projections anew beside the old rows, and switches in one transaction.

use std::ops::ControlFlow;
use std::sync::PoisonError;

use quipu_database::{Connection, Database};
use quipu_domain::Position;
use quipu_projections::Projection;

use crate::applier::Applier;
use crate::read_ahead::each_page;
use crate::{RunnerOptions, Views, ViewsError, checkpoints, statements, views};

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last event that is in the new rows.
    pub position: Position,
    /// The journal's last event.
    pub head: Position,
}

impl Views {
    /// Builds one projection, or all, from the first event on. The old rows answer until the new
    /// ones take their place at once. `progress` is told after each page, and may break it off.
    pub fn rebuild(
        &self,
        projection: Option<&str>,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        let projections = match projection {
            None => quipu_projections::all().to_vec(),
            Some(name) => {
                let unknown = || ViewsError::UnknownProjection(name.to_owned());
                vec![quipu_projections::named(name).ok_or_else(unknown)?]
            }
        };
        self.rebuild_these(&projections, progress)
    }

    pub(crate) fn rebuild_these(
        &self,
        projections: &[&'static dyn Projection],
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        let _alone = self.rebuilding().lock().unwrap_or_else(PoisonError::into_inner);
        let scratch = self.open_scratch()?;
        let outcome = Rebuild::begin(self, &scratch, projections)
            .and_then(|mut rebuild| rebuild.run(progress));
        drop(scratch);
        self.remove_scratch()?;
        outcome
    }
}

struct Rebuild<'a> {
    views: &'a Views,
    projections: &'a [&'static dyn Projection],
    scratch: Connection,
    applier: Applier,
    options: RunnerOptions,
}

impl<'a> Rebuild<'a> {
    fn begin(
        live: &'a Views,
        scratch: &Database,
        projections: &'a [&'static dyn Projection],
    ) -> Result<Rebuild<'a>, ViewsError> {
        let options = RunnerOptions::default();
        let mut scratch = views::writer(scratch)?;
        let applier = Applier::load(&mut scratch, projections, options.cache_rows)?;
        Ok(Rebuild { views: live, projections, scratch, applier, options })
    }

    fn run(
        &mut self,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ViewsError> {
        loop {
            let head = self.views.feed().head()?;
            if self.applier.position() >= head {
                break;
            }
            self.apply(head)?;
            let reached = Progress { position: self.applier.position(), head };
            if progress(reached).is_break() {
                return Err(ViewsError::Cancelled);
            }
        }
        let mut live = self.views.writer()?;
        live.transaction(|live| self.switch(live))
    }

    /// Applies the next events in one transaction, as far as a position at most.
    fn apply(&mut self, until: Position) -> Result<(), ViewsError> {
        let Rebuild { views, scratch, applier, options, .. } = self;
        let feed = views.feed();
        let until = options.transaction_end(applier.position(), until);
        each_page(feed, applier.position(), until, options.page_events, |events| {
            applier.fold(scratch, feed, events)
        })?;
        applier.save(scratch)
    }

    /// The live rows cannot move from the first statement on. The new ones catch up with what the
    /// live ones have got meanwhile, so that no reader ever sees the position fall back.
    fn switch(&mut self, live: &mut Connection) -> Result<(), ViewsError> {
        let mut reached = Position::ZERO;
        for projection in self.projections {
            checkpoints::start(live, *projection)?;
            let checkpoint = checkpoints::take_over(live, projection.name())?;
            reached = reached.max(checkpoint.position);
        }
        while self.applier.position() < reached {
            self.apply(reached)?;
        }
        if let Some(file) = self.views.scratch_file() {
            let file = file.display().to_string();
            live.execute("ATTACH DATABASE $1 AS quipu_views_rebuild", &[file.into()])?;
        }
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
            checkpoints::replace(live, *projection, self.applier.position())?;
        }
        Ok(())
    }
}

const COPY_PARKED: &str = "INSERT INTO projection_parked \
    (projection, tenant, position, error, parked_at) \
    SELECT projection, tenant, position, error, parked_at \
    FROM quipu_views_rebuild.projection_parked WHERE projection = $1";

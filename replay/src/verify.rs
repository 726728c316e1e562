//! Verifies a book: the journal row by row from its stored bytes, then every view against it.

mod aggregates;
mod chain;
mod identity;
mod pages;
mod periods;
mod signed;
mod snapshots;
mod trial_balance;
mod views;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use quipu_domain::period::PeriodClosed;
use quipu_domain::{Position, Recorded};
use quipu_journal::{Journal, JournalError, Root, SegmentCheck, Store};

use crate::report::{Finding, ReplayError, Report};
use crate::view_source::{ViewSource, ViewState};
use aggregates::Aggregates;
use chain::Chain;
use identity::Identities;
use pages::{PAGE_EVENTS, ReadRow, read_ahead};
use periods::{Closing, Movements};
use snapshots::{REMEDY, Snapshots, Suspect};
use trial_balance::TrialBalance;
use views::Views;

pub use signed::Signed;

/// A tree head that the book must still lead to: remembered from an earlier verification, so
/// that nobody can have cut the end off or rewritten everything since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Where.
    pub position: Position,
    /// The tree head there.
    pub root: Root,
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Events verified.
    pub position: Position,
    /// Events there were when it began.
    pub head: Position,
}

/// Verifies a whole book, which must lead to everything `expected`, and to everything `signed` in its
/// present epoch. `Err` only when it could not be read; whatever is wrong with it is in
/// the report, which names the first bad position.
pub fn verify(
    store: &Arc<dyn Store>,
    mut views: Option<&mut dyn ViewSource>,
    expected: &[Expectation],
    signed: &[Signed],
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, ReplayError> {
    // Views and caches follow the journal, so a journal that is read after them is never behind.
    let states = views.as_deref_mut().map(ViewSource::states).transpose()?.unwrap_or_default();
    let segments = SegmentCheck::begin(&**store).map_err(ReplayError::Journal)?;
    let snapshots = Snapshots::read(&**store).map_err(ReplayError::Journal)?;
    let mut verifier = Verifier {
        store: &**store,
        journal: Journal::new(Arc::clone(store)),
        chain: Chain::new(expected, segments.ends()),
        segments,
        aggregates: Aggregates::new(snapshots),
        identities: Identities::default(),
        trial_balance: TrialBalance::default(),
        movements: Movements::default(),
        closing: Closing::default(),
        views: Views::new(&states),
    };
    let verified = verifier
        .journal(progress)
        .and_then(|()| verifier.beyond_the_end(&states))
        .and_then(|()| verifier.leads_to(signed));
    let verified = match (verified, views) {
        (Ok(()), Some(source)) => verifier.views.compare(source),
        (verified, _) => verified,
    };
    let finding = match verified {
        Ok(()) => None,
        Err(Stop::Found(finding)) => Some(finding),
        Err(Stop::Failed(error)) => return Err(error),
    };
    Ok(verifier.report(finding))
}

/// Why verification ends before the end.
enum Stop {
    /// Something does not hold.
    Found(Finding),
    /// The book cannot be read now.
    Failed(ReplayError),
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Stop {
        Stop::Found(finding)
    }
}

impl From<ReplayError> for Stop {
    fn from(error: ReplayError) -> Stop {
        Stop::Failed(error)
    }
}

/// What cannot be read for a reason that lies in the book is a finding; an outage, a right that is
/// missing or a disk that is full is none.
fn readable<T>(position: Position, read: Result<T, JournalError>) -> Result<T, Stop> {
    read.map_err(|error| match error {
        error if error.is_unavailable() || error.is_denied() => {
            Stop::Failed(ReplayError::Journal(error))
        }
        // Its row has been hashed: it stands as it was written, and this program cannot judge it.
        JournalError::Newer { .. } => Stop::Failed(ReplayError::Journal(error)),
        JournalError::Corrupt { position, why } | JournalError::Unreadable { position, why } => {
            Finding::at(position, why).into()
        }
        error => Finding::at(position, format!("the row cannot be read: {error}")).into(),
    })
}

/// Everything that is known of the book so far.
struct Verifier<'a> {
    store: &'a dyn Store,
    journal: Journal,
    chain: Chain<'a>,
    segments: SegmentCheck,
    aggregates: Aggregates,
    identities: Identities,
    trial_balance: TrialBalance,
    movements: Movements,
    closing: Closing,
    views: Views,
}

impl Verifier<'_> {
    fn journal(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), Stop> {
        let store = self.store;
        let head = readable(Position(1), store.head())?.position;
        std::thread::scope(|scope| {
            for page in read_ahead(scope, store) {
                for row in readable(self.chain.position().plus(1), page)? {
                    self.row(row)?;
                }
                let position = self.chain.position();
                progress(Progress { position, head: head.max(position) });
            }
            self.reaches(head)
        })
    }

    /// Pages are asked for by position, so a gap that is larger than a page looks like the end.
    fn reaches(&self, head: Position) -> Result<(), Stop> {
        let end = self.chain.position();
        if end >= head {
            return Ok(());
        }
        let next = end.plus(1);
        let what = format!("the row of position {next} is missing: the journal goes on to {head}");
        Err(Finding::at(next, what).into())
    }

    fn row(&mut self, ReadRow { row, texts }: ReadRow) -> Result<(), Stop> {
        let texts = self.chain.row(&row, texts)?;
        let mut events = Vec::with_capacity(texts.len());
        for (position, text) in (row.first_position.0..).map(Position).zip(texts) {
            let recorded = readable(position, text.event)?;
            self.chain.event(&recorded)?;
            if let Some(suspect) = self.event(&recorded)? {
                self.snapshot(&recorded, &suspect)?;
            }
            self.segment(&recorded)?;
            if let Some(closed) = self.closing.event(&recorded) {
                self.period(position, &closed)?;
            }
            events.push(recorded);
        }
        self.views.events(&events, |positions| {
            self.journal.events_at(positions).map_err(ReplayError::Journal)
        })?;
        Ok(self.chain.row_ends(&row)?)
    }

    /// The rules take for granted that a recorded event was decided by them. One that was forged
    /// with all its hashes may break that, and is then a finding, not the end of this program.
    fn event(&mut self, recorded: &Recorded) -> Result<Option<Suspect>, Finding> {
        let rules = AssertUnwindSafe(|| {
            self.identities.event(recorded)?;
            let suspect = self.aggregates.event(recorded)?;
            self.trial_balance.event(recorded)?;
            self.movements.event(recorded);
            Ok(suspect)
        });
        catch_unwind(rules).unwrap_or_else(|_panic| {
            Err(Finding::at(recorded.position, "it breaks what every recorded event must keep"))
        })
    }

    /// A snapshot may be written otherwise, but must read as the state after its event.
    fn snapshot(&self, recorded: &Recorded, suspect: &Suspect) -> Result<(), Stop> {
        let Suspect { stream, saved } = suspect;
        let asked = std::slice::from_ref(stream);
        let found = self.store.snapshots(asked, Some(saved.version), saved.schema);
        let found = readable(recorded.position, found)?;
        // Otherwise a server has replaced it by a newer one since it was read.
        let Some(snapshot) = found.first().filter(|found| found.version == saved.version) else {
            return Ok(());
        };
        let holds = snapshot.position == recorded.position
            && self.aggregates.is_read_from(stream, &snapshot.state);
        if holds { Ok(()) } else { Err(suspect.finding(recorded.position).into()) }
    }

    /// A saved segment must be what its events give.
    fn segment(&mut self, recorded: &Recorded) -> Result<(), Stop> {
        let edge = self.chain.edge(recorded.position);
        let misfit = self.segments.event(self.store, recorded, edge.as_deref());
        let Some(misfit) = readable(recorded.position, misfit)? else { return Ok(()) };
        let (first, last) = (misfit.bounds.first_position, misfit.bounds.last_position);
        let what = format!(
            "the saved segment of positions {first} to {last} is not what the journal gives: {}; \
             {REMEDY}",
            misfit.what
        );
        Err(Finding::at(first, what).into())
    }

    /// A sealed trial balance must be what the journal gives, and its root the journal's (C2).
    fn period(&self, at: Position, closed: &PeriodClosed) -> Result<(), Stop> {
        let wrong = |why: &str| {
            let what = format!("period {} was closed with what is not so: {why}", closed.period);
            Stop::from(Finding::at(at, what))
        };
        let sealed = closed.known_at;
        if sealed >= at {
            return Err(wrong("its position is not before the event"));
        }
        let root = readable(at, self.journal.root_at(sealed))?;
        if root.map(|root| root.to_string()) != Some(closed.root.to_string()) {
            return Err(wrong("its root is not the journal's at its position"));
        }
        let between: Vec<Position> = (sealed.0 + 1..at.0).map(Position).collect();
        let mut since = Vec::with_capacity(between.len());
        for positions in between.chunks(PAGE_EVENTS) {
            since.extend(readable(at, self.journal.events_at(positions))?);
        }
        self.movements.differs(closed, &since).map_or(Ok(()), |why| Err(wrong(&why)))
    }

    /// What else knows how far the journal goes: it must not go further than the journal.
    fn beyond_the_end(&self, states: &[ViewState]) -> Result<(), Stop> {
        let end = self.chain.position();
        self.chain.ends()?;
        let head = readable(end.plus(1), self.store.head())?;
        // A server may have appended more meanwhile; what is there now must continue what was.
        if head.position < end || (head.position == end && head.root != self.chain.root()) {
            let what = format!(
                "the journal's head is {} with root {}, but its rows lead to {end} with root {}",
                head.position,
                head.root,
                self.chain.root()
            );
            return Err(Finding::at(head.position.min(end).plus(1), what).into());
        }
        if let Some(position) = self.closing.unfinished() {
            let what = "balances of a period are sealed here, and the event that closes it is \
                        missing";
            return Err(Finding::at(position, what).into());
        }
        let mut further: Vec<(Position, String)> = states
            .iter()
            .map(|state| (state.checkpoint, format!("the view {}", state.name)))
            .collect();
        let segment = self.segments.beyond_the_end();
        further.extend(segment.map(|position| (position, "a saved segment".to_owned())));
        if let Some((position, what)) = further.into_iter().find(|(position, _)| *position > end) {
            let what = format!(
                "the journal ends at {end}, but {what} was made from events up to {position}: the \
                 end of the journal is missing"
            );
            return Err(Finding::at(end.plus(1), what).into());
        }
        let snapshot = self.aggregates.snapshot_beyond_the_end();
        snapshot.map_or(Ok(()), |(stream, saved)| {
            let what = format!(
                "the journal ends at {end} without version {} of {stream}, of which a snapshot is \
                 saved: the end of the journal is missing, or somebody made it up; then {REMEDY}",
                saved.version
            );
            Err(Finding::at(end.plus(1), what).into())
        })
    }

    fn report(self, finding: Option<Finding>) -> Report {
        let projections = self.views.into_reports();
        let not_whole = projections.iter().filter(|view| !view.is_whole());
        let not_compared = not_whole.map(|view| view.name.clone()).collect();
        Report {
            holds: finding.is_none(),
            finding,
            position: self.chain.position(),
            root: self.chain.root(),
            recorded_at: self.chain.recorded_at(),
            rows: self.chain.rows(),
            streams: self.aggregates.count(),
            accounts: self.trial_balance.accounts(),
            projections,
            not_compared,
        }
    }
}

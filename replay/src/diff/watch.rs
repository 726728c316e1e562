//! Folds the journal again, event by event, and watches what becomes of a few rows.

use std::collections::{BTreeSet, HashMap, VecDeque};

use quipu_domain::{Position, Recorded};
use quipu_journal::{Checked, Journal};
use quipu_projections::{Cell, TouchedRow};

use super::views::Found;
use super::{Cause, EventReference, MOST_EVENTS_NAMED};
use crate::folds::{Folds, ViewFold, partition_of, partition_text};
use crate::report::ReplayError;
use crate::verify::Progress;
use crate::view_source::ViewState;

/// Some so many events are read at once.
const PAGE_EVENTS: usize = 4_096;

/// The rows to watch, by the pair of views they belong to. No event of one tenant touches a row of
/// another's, so only the events of their own tenants are folded.
pub(super) struct Watch<'a> {
    pairs: &'a [(ViewState, ViewState)],
    rows: &'a [Found],
    /// Pairs with rows to watch.
    watched: BTreeSet<usize>,
    seen: Vec<Seen>,
    by_key: HashMap<(usize, &'static str, Vec<Cell>), usize>,
    partitions: BTreeSet<(usize, String)>,
}

/// What was seen of a row.
#[derive(Default)]
struct Seen {
    /// As the journal gives it at the left side's position, and at the right side's.
    left: Option<Vec<Cell>>,
    right: Option<Vec<Cell>>,
    /// The last event that both sides have.
    common: Option<EventReference>,
    /// Events that only one side has: how many, and the last of them.
    between: u64,
    last_between: VecDeque<EventReference>,
}

impl<'a> Watch<'a> {
    pub(super) fn over(pairs: &'a [(ViewState, ViewState)], rows: &'a [Found]) -> Watch<'a> {
        let partition = |found: &Found| {
            let cells = found.row.left.as_ref().or(found.row.right.as_ref());
            let cells = cells.map_or(&[][..], Vec::as_slice);
            (found.pair, partition_of(found.row.table, cells).to_owned())
        };
        let key = |(index, found): (usize, &Found)| {
            ((found.pair, found.row.table.name, found.row.key().to_vec()), index)
        };
        Watch {
            pairs,
            rows,
            watched: rows.iter().map(|found| found.pair).collect(),
            seen: rows.iter().map(|_| Seen::default()).collect(),
            by_key: rows.iter().enumerate().map(key).collect(),
            partitions: rows.iter().map(partition).collect(),
        }
    }

    /// Folds as far as either side goes, and says of each row why it differs, in their order.
    pub(super) fn causes(
        mut self,
        journal: &Journal,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Cause>, ReplayError> {
        let further = |(left, right): &(ViewState, ViewState)| ViewState {
            checkpoint: left.checkpoint.max(right.checkpoint),
            skipped: left.skipped.union(&right.skipped).copied().collect(),
            ..left.clone()
        };
        let states = self.watched.iter().map(|pair| further(&self.pairs[*pair]));
        let mut folds = Folds::of(&states.collect::<Vec<ViewState>>());
        let last = folds.last().min(journal.head().map_err(ReplayError::Journal)?.position);
        let mut checked = Checked::new(journal.clone());
        while checked.position() < last {
            let events = checked.page(last, PAGE_EVENTS).map_err(ReplayError::Journal)?;
            for event in &events {
                self.event(event, &mut folds, journal)?;
            }
            progress(Progress { position: checked.position(), head: last });
        }
        let causes = self.rows.iter().zip(self.seen).map(|(found, seen)| {
            let (left, right) = &self.pairs[found.pair];
            seen.cause(found, left.checkpoint, right.checkpoint)
        });
        Ok(causes.collect())
    }

    fn event(
        &mut self,
        event: &Recorded,
        folds: &mut Folds,
        journal: &Journal,
    ) -> Result<(), ReplayError> {
        let partition = partition_text(&event.tenant);
        let watched: Vec<usize> = self.watched.iter().copied().collect();
        for (pair, fold) in watched.into_iter().zip(folds.iter_mut()) {
            if event.position > fold.state.checkpoint
                || fold.state.skipped.contains(&event.position)
                || !self.partitions.contains(&(pair, partition.clone()))
            {
                continue;
            }
            let earlier =
                |positions: &[_]| journal.events_at(positions).map_err(ReplayError::Journal);
            fold.events(std::slice::from_ref(event), earlier)?;
            for touched in touched(fold) {
                self.touch(pair, event, touched);
            }
        }
        Ok(())
    }

    fn touch(&mut self, pair: usize, event: &Recorded, touched: TouchedRow) {
        let TouchedRow { schema, key, row } = touched;
        let Some(index) = self.by_key.get(&(pair, schema.name, key)) else { return };
        let (left, right) = &self.pairs[pair];
        self.seen[*index].touch(event, row, left.checkpoint, right.checkpoint);
    }
}

/// What the event folded last has touched; nothing where the partition is parked.
fn touched(fold: &ViewFold) -> Vec<TouchedRow> {
    let projections = fold.fold.iter().flat_map(|fold| fold.projections());
    projections.flat_map(|folded| folded.rows.touched()).collect()
}

impl Seen {
    fn touch(&mut self, event: &Recorded, row: Option<Vec<Cell>>, left: Position, right: Position) {
        if event.position <= left {
            self.left.clone_from(&row);
        }
        if event.position <= right {
            self.right = row;
        }
        if event.position <= left.min(right) {
            self.common = Some(EventReference::of(event));
            return;
        }
        self.between += 1;
        if self.last_between.len() == MOST_EVENTS_NAMED {
            self.last_between.pop_front();
        }
        self.last_between.push_back(EventReference::of(event));
    }

    fn cause(self, found: &Found, left: Position, right: Position) -> Cause {
        let left_holds = self.left == found.row.left;
        let right_holds = self.right == found.row.right;
        let explained_by_position = left_holds && right_holds;
        let more_events = self.between - self.last_between.len() as u64;
        let (events, more_events) = if explained_by_position {
            (self.last_between.into_iter().collect(), more_events)
        } else {
            (self.common.into_iter().chain(self.last_between).collect::<Vec<_>>(), more_events)
        };
        let what = match (left_holds, right_holds) {
            (true, true) => format!(
                "the left side stands at {left}, the right one at {right}, and events between \
                 them changed the row"
            ),
            (true, false) => not_folded("right", &events),
            (false, true) => not_folded("left", &events),
            (false, false) => format!("neither side is what the journal gives; {}", last(&events)),
        };
        Cause { what, left_holds, right_holds, events, more_events }
    }
}

fn not_folded(side: &str, events: &[EventReference]) -> String {
    format!("the {side} side is not what the journal gives; {}", last(events))
}

/// Who touched the row last, by the journal.
fn last(events: &[EventReference]) -> String {
    match events.last() {
        Some(event) => format!("the last event that changed the row is {}", event.position),
        None => "no event of the journal makes such a row".to_owned(),
    }
}

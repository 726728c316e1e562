//! The right edge of the journal: its last event, the hash tree there, the open segment.

use quipu_domain::{Position, Timestamp};

use crate::{Head, JournalError, SegmentEnd, Tree};

#[derive(Clone)]
pub(super) struct Edge {
    tree: Tree,
    /// As of the last [`close`](Edge::close): the root costs a hash per peak.
    head: Head,
    recorded_at: Timestamp,
    segment_ends_at: Position,
    segment_length: u64,
}

impl Edge {
    /// Before the first event.
    pub(super) fn start(segment_length: usize) -> Edge {
        Self::at(Tree::default(), Timestamp::default(), segment_length)
    }

    /// After a saved segment; `None` when the tree saved with it cannot be one.
    pub(super) fn after(end: SegmentEnd, segment_length: usize) -> Option<Edge> {
        let tree = Tree::from_peaks(end.position.0, end.peaks)?;
        Some(Self::at(tree, end.recorded_at, segment_length))
    }

    fn at(tree: Tree, recorded_at: Timestamp, segment_length: usize) -> Edge {
        let segment_length = segment_length as u64;
        let position = Position(tree.leaves());
        Edge {
            head: Head { position, root: tree.root(), recorded_at },
            segment_ends_at: position.plus(segment_length),
            tree,
            recorded_at,
            segment_length,
        }
    }

    pub(super) fn position(&self) -> Position {
        Position(self.tree.leaves())
    }

    /// The end of the last row that was closed.
    pub(super) const fn head(&self) -> Head {
        self.head
    }

    /// Ends a row here.
    pub(super) fn close(&mut self) -> Head {
        self.head = Head {
            position: self.position(),
            root: self.tree.root(),
            recorded_at: self.recorded_at,
        };
        self.head
    }

    /// Takes in the next event's exact text. `Some` when it completes a segment.
    pub(super) fn push(
        &mut self,
        position: Position,
        recorded_at: Timestamp,
        text: &[u8],
    ) -> Result<Option<SegmentEnd>, JournalError> {
        let next = self.position().plus(1);
        let out_of_order = |why: String| Err(JournalError::OutOfOrder { position, why });
        if position != next {
            return out_of_order(format!("the next position is {next}"));
        }
        if recorded_at < self.recorded_at {
            return out_of_order(format!("the event before it is from {}", self.recorded_at));
        }
        self.tree.push(text);
        self.recorded_at = recorded_at;
        if position < self.segment_ends_at {
            return Ok(None);
        }
        self.segment_ends_at = position.plus(self.segment_length);
        Ok(Some(SegmentEnd { position, recorded_at, peaks: self.tree.peaks().to_vec() }))
    }
}

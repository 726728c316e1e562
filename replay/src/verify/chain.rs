//! The rows: their columns, the bytes between events, the hash tree and the chain of roots.

use std::collections::VecDeque;

use quipu_domain::{Position, Recorded, Timestamp};
use quipu_journal::{BatchRow, Root, Tree};

use super::Expectation;
use super::pages::ReadText;
use crate::report::Finding;

/// The journal's rows up to here.
pub(super) struct Chain<'a> {
    tree: Tree,
    expected: &'a [Expectation],
    /// Where the right edge of the tree is asked for.
    edges_at: VecDeque<Position>,
    /// The right edges of the present row.
    edges: VecDeque<(Position, Vec<Root>)>,
    rows: u64,
    /// The last position and root of which everything was checked, not only the hash.
    verified: (Position, Root),
    recorded_at: Option<Timestamp>,
}

impl<'a> Chain<'a> {
    /// Everything `expected` must be met, and the tree's right edge is asked for at `edges_at`.
    pub(super) fn new(
        expected: &'a [Expectation],
        edges_at: impl Iterator<Item = Position>,
    ) -> Chain<'a> {
        Chain {
            tree: Tree::default(),
            expected,
            edges_at: edges_at.collect(),
            edges: VecDeque::new(),
            rows: 0,
            verified: (Position::ZERO, Root::empty()),
            recorded_at: None,
        }
    }

    /// Up to where everything holds.
    pub(super) const fn position(&self) -> Position {
        self.verified.0
    }

    /// The tree head there.
    pub(super) const fn root(&self) -> Root {
        self.verified.1
    }

    /// When the last event was recorded.
    pub(super) const fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// The right edge of the tree after this position, where it was asked for.
    pub(super) fn edge(&mut self, position: Position) -> Option<Vec<Root>> {
        self.edges.pop_front_if(|(at, _)| *at == position).map(|(_, peaks)| peaks)
    }

    /// Rows that hold.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Checks a row against the one before it, and gives its texts, which hash to its root.
    pub(super) fn row(
        &mut self,
        row: &BatchRow,
        texts: Result<Vec<ReadText>, String>,
    ) -> Result<Vec<ReadText>, Finding> {
        let next = self.position().plus(1);
        if row.first_position != next {
            let what = format!(
                "the row of position {next} is missing: the next one begins at {}",
                row.first_position
            );
            return Err(Finding::at(next, what));
        }
        let texts = texts.map_err(|why| {
            Finding::at(next, format!("the row's events are not what was written: {why}"))
        })?;
        if texts.is_empty() || next.plus(texts.len() as u64 - 1) != row.last_position {
            let what = format!(
                "the row says it holds positions {next} to {} but has {} events",
                row.last_position,
                texts.len()
            );
            return Err(Finding::at(next, what));
        }
        if row.prev_root != self.root() {
            let what = format!(
                "the row follows a journal with root {}, but the one before it has {}",
                row.prev_root,
                self.root()
            );
            return Err(Finding::at(next, what));
        }
        self.hash(row, next, &texts)?;
        Ok(texts)
    }

    fn hash(&mut self, row: &BatchRow, next: Position, texts: &[ReadText]) -> Result<(), Finding> {
        let mut remembered = None;
        for text in texts {
            self.tree.push_hash(text.leaf);
            let here = Position(self.tree.leaves());
            if self.edges_at.pop_front_if(|at| *at == here).is_some() {
                self.edges.push_back((here, self.tree.peaks().to_vec()));
            }
            // Several may be expected at one position: two histories that both were signed.
            let differs =
                |known: &&Expectation| known.position == here && known.root != self.tree.root();
            remembered = remembered.or_else(|| self.expected.iter().find(differs));
        }
        let root = self.tree.root();
        if root != row.root {
            let broken = (next.0..).map(Position).zip(texts).find(|(_, text)| text.event.is_err());
            let what = format!(
                "the bytes of positions {next} to {} hash to {root}, but the row says {}",
                row.last_position, row.root
            );
            return Err(Finding::at(broken.map_or(next, |(position, _)| position), what));
        }
        match remembered {
            None => Ok(()),
            Some(expected) => Err(Finding::at(
                expected.position,
                format!(
                    "the journal leads to another root at {} than the expected {}: it was \
                     rewritten since that was noted",
                    expected.position, expected.root
                ),
            )),
        }
    }

    /// Checks that time does not run backwards (M5).
    pub(super) fn event(&mut self, recorded: &Recorded) -> Result<(), Finding> {
        if let Some(before) = self.recorded_at.filter(|before| recorded.recorded_at < *before) {
            let what = format!(
                "it was recorded at {}, before the event before it ({before})",
                recorded.recorded_at
            );
            return Err(Finding::at(recorded.position, what));
        }
        self.recorded_at = Some(recorded.recorded_at);
        Ok(())
    }

    /// Checks what a row says of its last event, and takes the row as verified.
    pub(super) fn row_ends(&mut self, row: &BatchRow) -> Result<(), Finding> {
        if self.recorded_at != Some(row.recorded_at) {
            let what = format!(
                "the row says it was recorded at {}, but its last event says otherwise",
                row.recorded_at
            );
            return Err(Finding::at(row.first_position, what));
        }
        self.rows += 1;
        self.verified = (row.last_position, row.root);
        Ok(())
    }

    /// Checks that nothing is expected beyond the end.
    pub(super) fn ends(&self) -> Result<(), Finding> {
        let end = self.position();
        let empty = |e: &&Expectation| e.position == Position::ZERO && e.root != Root::empty();
        if let Some(expected) = self
            .expected
            .iter()
            .find(|e| e.position > end)
            .or_else(|| self.expected.iter().find(empty))
        {
            let what = format!(
                "the journal ends at {end}, but position {} with root {} is expected: the end of \
                 the journal is missing",
                expected.position, expected.root
            );
            return Err(Finding::at(end.plus(1), what));
        }
        Ok(())
    }
}

//! What anybody may ask: checkpoints, proofs, tiles.

use std::sync::Arc;

use quipu_domain::Position;
use quipu_journal::{Journal, codec};

use crate::messages::{self, AddCheckpoint};
use crate::proof;
use crate::tiles::{Level, Tiles, Tree};
use crate::{ProofError, ProofStore, Published, TilePath};

/// The read side. Cheap to clone. Calls block.
#[derive(Clone)]
pub struct Proofs(Arc<Inner>);

struct Inner {
    store: ProofStore,
    journal: Journal,
    tiles: Tiles,
}

impl Proofs {
    /// The proofs of a journal.
    #[must_use]
    pub fn new(store: ProofStore, journal: Journal) -> Proofs {
        let tiles = Tiles::new(store.clone(), journal.clone());
        Proofs(Arc::new(Inner { store, journal, tiles }))
    }

    /// The newest checkpoint, if one was published.
    pub fn newest(&self) -> Result<Option<Published>, ProofError> {
        Ok(self.0.store.newest()?)
    }

    /// Published checkpoints after the given number, in the order of publication.
    pub fn checkpoints(&self, after: u64, most: usize) -> Result<Vec<Published>, ProofError> {
        Ok(self.0.store.after(after, most)?)
    }

    /// A `.tlog-proof`: that an event is in the tree of a published checkpoint, the newest or the
    /// one of a given size.
    pub fn inclusion(&self, position: Position, size: Option<u64>) -> Result<String, ProofError> {
        let Some(index) = position.0.checked_sub(1) else {
            return Err(self.beyond_end(0)?);
        };
        let checkpoint = self.published(size, position.0)?;
        let hashes = proof::inclusion(&mut self.tree_of(&checkpoint)?, index, checkpoint.size)?;
        Ok(messages::inclusion_text(index, &hashes, &checkpoint.note))
    }

    /// That a published checkpoint, the newest or the one of size `to`, begins with the tree of
    /// size `from`: the body of a witness's `add-checkpoint`.
    pub fn consistency(&self, from: u64, to: Option<u64>) -> Result<String, ProofError> {
        let checkpoint = self.published(to, from)?;
        let hashes = proof::consistency(&mut self.tree_of(&checkpoint)?, from, checkpoint.size)?;
        Ok(AddCheckpoint::text(from, &hashes, &checkpoint.note))
    }

    /// A tile: hashes, 32 bytes each. `None` where the journal has not so many.
    pub fn tile(&self, level: u32, path: TilePath) -> Result<Option<Vec<u8>>, ProofError> {
        let end = self.0.journal.head()?.position.0;
        let mut tree = self.0.tiles.of_size(end)?;
        let hashes = tree.entries(Level(level), path.index, path.width)?;
        Ok(hashes.map(|hashes| hashes.iter().flat_map(|hash| hash.0).collect()))
    }

    /// Entries of the log, each behind its length in two bytes. `None` where the journal has not
    /// so many.
    pub fn entries(&self, path: TilePath) -> Result<Option<Vec<u8>>, ProofError> {
        let Some(first) = path.index.checked_mul(256) else { return Ok(None) };
        let last = first.saturating_add(path.width as u64);
        let rows = self.0.journal.rows_after(Position(first), path.width)?;
        if rows.last().is_none_or(|row| row.last_position.0 < last) {
            return Ok(None);
        }
        let mut bundle = Vec::new();
        for row in &rows {
            for (position, text) in codec::texts(row)? {
                if (first + 1..=last).contains(&position.0) {
                    let length =
                        u16::try_from(text.len()).expect("an event has at most 60,000 bytes");
                    bundle.extend(length.to_be_bytes());
                    bundle.extend(text.as_bytes());
                }
            }
        }
        Ok(Some(bundle))
    }

    /// Makes at most so many more events ready to be proved, and says up to where they are. Proofs
    /// do the rest themselves, so this only makes them quick.
    pub fn prepare(&self, most_events: usize) -> Result<Position, ProofError> {
        Ok(Position(self.0.tiles.catch_up(most_events)?))
    }

    pub(crate) fn store(&self) -> &ProofStore {
        &self.0.store
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// The newest checkpoint or that of a given size; it must have at least so many events.
    fn published(&self, size: Option<u64>, at_least: u64) -> Result<Published, ProofError> {
        let found = match size {
            Some(size) => self.0.store.of_size(size)?,
            None => self.0.store.newest()?,
        };
        match found.filter(|checkpoint| checkpoint.size >= at_least) {
            Some(checkpoint) => Ok(checkpoint),
            None => Err(self.beyond_end(size.unwrap_or(at_least).max(at_least))?),
        }
    }

    /// The tree of a published checkpoint. One from before a restore is not one that the book can
    /// prove anything against.
    fn tree_of(&self, checkpoint: &Published) -> Result<Tree<'_>, ProofError> {
        let lost = || {
            let Published { origin, size, .. } = checkpoint.clone();
            ProofError::Unreachable { origin, size }
        };
        let mut tree = self.0.tiles.of_size(checkpoint.size).map_err(|error| match error {
            ProofError::BeyondEnd { .. } => lost(),
            error => error,
        })?;
        let root = proof::root(&mut tree, checkpoint.size)?;
        if root == checkpoint.root { Ok(tree) } else { Err(lost()) }
    }

    /// Why there is no checkpoint over so many events.
    fn beyond_end(&self, wanted: u64) -> Result<ProofError, ProofError> {
        let end = self.0.journal.head()?.position.0;
        if wanted == 0 || wanted > end {
            return Ok(ProofError::BeyondEnd { wanted, end });
        }
        let newest = self.newest()?.map_or(0, |newest| newest.size);
        Ok(ProofError::NotPublished { wanted, newest })
    }
}

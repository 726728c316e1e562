//! What anybody may ask: checkpoints, proofs, tiles.

use std::sync::Arc;

use quipu_domain::Position;
use quipu_journal::{Journal, JournalError, Root, codec, leaf_hash};

use crate::messages::{self, AddCheckpoint};
use crate::proof::{self, verify_consistency, verify_inclusion};
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
        self.0.store.newest()
    }

    /// Whether the journal leads to the newest checkpoint, if one was published.
    pub fn holds_newest(&self) -> Result<bool, ProofError> {
        let Some(newest) = self.newest()? else { return Ok(true) };
        reaches(&self.0.journal, newest.size, &newest.root)
    }

    /// Published checkpoints after the given number, in the order of publication.
    pub fn checkpoints(&self, after: u64, most: usize) -> Result<Vec<Published>, ProofError> {
        self.0.store.after(after, most)
    }

    /// A `.tlog-proof`: that an event is in the tree of a published checkpoint, the newest or the
    /// one of a given size.
    pub fn inclusion(&self, position: Position, size: Option<u64>) -> Result<String, ProofError> {
        let Some(index) = position.0.checked_sub(1) else {
            return Err(self.beyond_end(0)?);
        };
        let checkpoint = self.published(size, position.0)?;
        let head = (checkpoint.size, &checkpoint.root);
        let stored = self.0.journal.stored_at(&[position])?;
        let leaf = stored.first().map(|event| leaf_hash(event.text.as_bytes()));
        let hashes = self.proved(&checkpoint, |tree| {
            let hashes = proof::inclusion(tree, index, checkpoint.size)?;
            let holds = leaf.is_some_and(|leaf| verify_inclusion((index, &leaf), head, &hashes));
            Ok(holds.then_some(hashes))
        })?;
        Ok(messages::inclusion_text(index, &hashes, &checkpoint.note))
    }

    /// That a published checkpoint, the newest or the one of size `to`, begins with the tree of
    /// size `from`: the body of a witness's `add-checkpoint`.
    pub fn consistency(&self, from: u64, to: Option<u64>) -> Result<String, ProofError> {
        let checkpoint = self.published(to, from)?;
        let head = (checkpoint.size, &checkpoint.root);
        let hashes = self.proved(&checkpoint, |tree| {
            let hashes = proof::consistency(tree, from, checkpoint.size)?;
            let old = proof::root(tree, from)?;
            Ok(verify_consistency((from, &old), head, &hashes).then_some(hashes))
        })?;
        Ok(AddCheckpoint::text(from, &hashes, &checkpoint.note))
    }

    /// A tile: hashes, 32 bytes each. `None` where the journal has not so many.
    pub fn tile(&self, level: u32, path: TilePath) -> Result<Option<Vec<u8>>, ProofError> {
        let end = self.0.journal.head()?.position.0;
        self.of_tree(end, |tree| {
            let hashes = tree.entries(Level(level), path.index, path.width)?;
            Ok(hashes.map(|hashes| hashes.iter().flat_map(|hash| hash.0).collect()))
        })
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
                    let length = u16::try_from(text.len()).map_err(|_| {
                        let why = format!("it has {} bytes, more than any event", text.len());
                        JournalError::Corrupt { position, why }
                    })?;
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
            Some(size) if size < at_least => {
                return Err(ProofError::TooSmall { size, wanted: at_least });
            }
            Some(size) => self.0.store.of_size(size)?,
            None => self.0.store.newest()?,
        };
        match found.filter(|checkpoint| checkpoint.size >= at_least) {
            Some(checkpoint) => Ok(checkpoint),
            None => Err(self.beyond_end(size.unwrap_or(at_least))?),
        }
    }

    /// Makes a proof towards a published checkpoint; `make` gives none where it would not hold.
    fn proved<T>(
        &self,
        checkpoint: &Published,
        make: impl Fn(&mut Tree<'_>) -> Result<Option<T>, ProofError>,
    ) -> Result<T, ProofError> {
        let Published { origin, size, root, .. } = checkpoint;
        // One from before a restore is not one that the book can prove anything against.
        if !reaches(&self.0.journal, *size, root)? {
            return Err(ProofError::Unreachable { origin: origin.to_string(), size: *size });
        }
        self.of_tree(*size, make)?.ok_or_else(|| {
            let why = "what is there does not hash to what was signed; run `quipu verify`";
            JournalError::Corrupt { position: Position(*size), why: why.to_owned() }.into()
        })
    }

    /// Asks the tree of a size. Tiles are derived: where one is changed or missing they are made
    /// anew, once.
    fn of_tree<T>(
        &self,
        size: u64,
        ask: impl Fn(&mut Tree<'_>) -> Result<T, ProofError>,
    ) -> Result<T, ProofError> {
        match ask(&mut self.0.tiles.of_size(size)?) {
            Err(ProofError::Journal(JournalError::Corrupt { .. })) => {}
            answer => return answer,
        }
        tracing::warn!("tiles were changed; they are made anew");
        self.0.tiles.forget()?;
        ask(&mut self.0.tiles.of_size(size)?)
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

/// Whether a journal leads to a tree head that was signed: it has a row that ends there, because
/// what is signed is what a commit left.
pub(crate) fn reaches(journal: &Journal, size: u64, root: &Root) -> Result<bool, ProofError> {
    let Some(before) = size.checked_sub(1) else { return Ok(true) };
    let rows = journal.rows_after(Position(before), 1)?;
    Ok(rows.first().is_some_and(|row| row.last_position.0 == size && row.root == *root))
}

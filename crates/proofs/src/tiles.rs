//! The hash tree as tiles (c2sp.org/tlog-tiles): 256 hashes to a tile, the tiles of a level hashed
//! to the entries of the next. Full ones are kept, the right edge is in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quipu_domain::Position;
use quipu_journal::{BatchRow, Journal, JournalError, Root, codec, leaf_hash, node_hash};

use crate::proof::{self, Subtrees};
use crate::{ProofError, ProofStore};

/// Entries of a full tile.
pub(crate) const TILE_WIDTH: usize = 256;
/// Levels of the hash tree that one level of tiles spans.
const TILE_HEIGHT: u32 = 8;
/// Events that are read, hashed and kept at a time.
const STEP_EVENTS: usize = 16_384;

/// A level of tiles. An entry at level `n` is the hash over 256^n leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Level(pub(crate) u32);

/// A full tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) level: Level,
    pub(crate) index: u64,
    pub(crate) root: Root,
    pub(crate) hashes: Vec<Root>,
}

/// The tiles of a journal.
pub(crate) struct Tiles {
    store: ProofStore,
    journal: Journal,
    /// Absent until it is needed the first time.
    edge: Mutex<Option<Edge>>,
}

/// The tree's right edge: how many leaves it has, and of each level the tile that is not full.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    size: u64,
    open: Vec<Vec<Root>>,
}

impl Tiles {
    pub(crate) fn new(store: ProofStore, journal: Journal) -> Tiles {
        Tiles { store, journal, edge: Mutex::new(None) }
    }

    /// Takes in at most so many events (whole rows, so a few more) that have come since, and says
    /// up to which position it has all.
    pub(crate) fn catch_up(&self, most_events: usize) -> Result<u64, ProofError> {
        let mut slot = self.lock();
        let edge = self.loaded(&mut slot)?;
        self.step(edge, most_events)?;
        Ok(edge.size)
    }

    /// The tree, as soon as it has so many leaves.
    pub(crate) fn of_size(&self, size: u64) -> Result<Tree<'_>, ProofError> {
        let mut slot = self.lock();
        let edge = self.loaded(&mut slot)?;
        while edge.size < size {
            let before = edge.size;
            self.step(edge, STEP_EVENTS)?;
            if edge.size == before {
                return Err(ProofError::BeyondEnd { wanted: size, end: before });
            }
        }
        let edge = edge.clone();
        Ok(Tree { store: &self.store, edge, tiles: HashMap::new() })
    }

    /// Deletes all tiles; they are made anew when they are needed.
    pub(crate) fn forget(&self) -> Result<(), ProofError> {
        let mut slot = self.lock();
        *slot = None;
        Ok(self.store.forget_tiles()?)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Edge>> {
        // Nothing is half done in it at any time: it is replaced as a whole.
        self.edge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loaded<'e>(&self, slot: &'e mut Option<Edge>) -> Result<&'e mut Edge, ProofError> {
        let edge = match slot.take() {
            Some(edge) => edge,
            None => self.load()?,
        };
        Ok(slot.insert(edge))
    }

    /// From the tiles that are kept, if they are this journal's; they are not after an older copy
    /// of it was restored beside newer tiles.
    fn load(&self) -> Result<Edge, ProofError> {
        let full = self.store.full_tiles()?;
        let mut edge = Edge { size: full * TILE_WIDTH as u64, open: Vec::new() };
        let (mut level, mut entries) = (Level(0), edge.size);
        // Where a level has more than those below it make up, their end was deleted.
        let mut fits = true;
        while entries > 0 {
            let open_from = entries - entries % TILE_WIDTH as u64;
            let open = match level.0 {
                0 => Vec::new(),
                above => self.store.tile_roots(Level(above - 1), open_from)?,
            };
            fits &= open.len() as u64 == entries - open_from;
            edge.open.push(open);
            (level, entries) = (Level(level.0 + 1), entries / TILE_WIDTH as u64);
        }
        let fits = edge.size == 0 || (fits && self.fits(&edge)?);
        if !fits {
            tracing::warn!("tiles are not those of this journal; they are made anew");
            self.store.forget_tiles()?;
            edge = Edge::default();
        }
        Ok(edge)
    }

    /// Whether the tree goes on to the root of the journal's row that holds its last leaf.
    fn fits(&self, edge: &Edge) -> Result<bool, ProofError> {
        let rows = self.journal.rows_after(Position(edge.size - 1), 1)?;
        if rows.is_empty() {
            return Ok(false);
        }
        match self.read_on(edge, &rows) {
            Ok(_) => Ok(true),
            // A tile is missing, or the hashes lead elsewhere.
            Err(ProofError::Journal(JournalError::Corrupt { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn step(&self, edge: &mut Edge, most_events: usize) -> Result<(), ProofError> {
        let rows = self.journal.rows_after(Position(edge.size), most_events)?;
        if !rows.is_empty() {
            let (next, full) = self.read_on(edge, &rows)?;
            self.store.save_tiles(&full)?;
            *edge = next;
        }
        Ok(())
    }

    /// The edge after these rows, and the tiles that they filled. What they hash to must be what
    /// the journal says.
    fn read_on(&self, edge: &Edge, rows: &[BatchRow]) -> Result<(Edge, Vec<Tile>), ProofError> {
        let mut edge = edge.clone();
        let mut full = Vec::new();
        for row in rows {
            edge.take_in(row, &mut full)?;
        }
        let last = rows.last().expect("there is at least one row");
        let tiles = full.iter().map(|tile| ((tile.level, tile.index), tile.hashes.clone()));
        let mut tree = Tree { store: &self.store, edge, tiles: tiles.collect() };
        if proof::root(&mut tree, last.last_position.0)? == last.root {
            return Ok((tree.edge, full));
        }
        let (position, last) = (rows[0].first_position, last.last_position);
        let why = format!(
            "the events from there to {last} do not hash to the root at {last}; `quipu verify` names \
             the first of them that does not"
        );
        Err(JournalError::Corrupt { position, why }.into())
    }
}

impl Edge {
    /// Takes in the events of a row that it does not have yet.
    fn take_in(&mut self, row: &BatchRow, full: &mut Vec<Tile>) -> Result<(), JournalError> {
        for (position, text) in codec::texts(row)? {
            if position.0 > self.size {
                self.push(leaf_hash(text.as_bytes()), full);
            }
        }
        Ok(())
    }

    fn push(&mut self, leaf: Root, full: &mut Vec<Tile>) {
        self.size += 1;
        let (mut hash, mut index) = (leaf, self.size);
        for level in 0.. {
            if self.open.len() == level as usize {
                self.open.push(Vec::with_capacity(TILE_WIDTH));
            }
            let open = &mut self.open[level as usize];
            open.push(hash);
            if open.len() < TILE_WIDTH {
                return;
            }
            let hashes = std::mem::replace(open, Vec::with_capacity(TILE_WIDTH));
            hash = fold(&hashes);
            index /= TILE_WIDTH as u64;
            full.push(Tile { level: Level(level), index: index - 1, root: hash, hashes });
        }
    }
}

/// One size of the tree, to read hashes from.
pub(crate) struct Tree<'t> {
    store: &'t ProofStore,
    edge: Edge,
    /// What was read already, by level and index.
    tiles: HashMap<(Level, u64), Vec<Root>>,
}

impl Tree<'_> {
    /// The first entries of a tile; `None` where there are not so many.
    pub(crate) fn entries(
        &mut self,
        level: Level,
        index: u64,
        width: usize,
    ) -> Result<Option<&[Root]>, ProofError> {
        let shift = TILE_HEIGHT * (level.0 + 1);
        let full = self.edge.size.checked_shr(shift).unwrap_or(0);
        if index > full {
            return Ok(None);
        }
        if index == full {
            let open = self.edge.open.get(level.0 as usize);
            return Ok(open.and_then(|hashes| hashes.get(..width)));
        }
        if !self.tiles.contains_key(&(level, index)) {
            let tile = self.kept(level, index)?;
            self.tiles.insert((level, index), tile);
        }
        Ok(self.tiles[&(level, index)].get(..width))
    }

    /// A full tile as it is kept: its hash is an entry of the tile above it, and so on to the right
    /// edge, which leads to the journal's root.
    fn kept(&mut self, level: Level, index: u64) -> Result<Vec<Root>, ProofError> {
        let Some(tile) = self.store.tile(level, index)? else {
            return Err(unusable(level, index, "missing"));
        };
        let above = index / TILE_WIDTH as u64;
        let entry = usize::try_from(index % TILE_WIDTH as u64).expect("it is below 256");
        let entries = self.entries(Level(level.0 + 1), above, entry + 1)?;
        let wanted = entries.and_then(<[Root]>::last);
        if tile.len() != TILE_WIDTH || wanted != Some(&fold(&tile)) {
            return Err(unusable(level, index, "changed"));
        }
        Ok(tile)
    }
}

impl Subtrees for Tree<'_> {
    type Error = ProofError;

    fn subtree(&mut self, level: u32, index: u64) -> Result<Root, ProofError> {
        let (tile_level, height) = (Level(level / TILE_HEIGHT), level % TILE_HEIGHT);
        let (width, first) = (1_usize << height, index << height);
        let tile = first / TILE_WIDTH as u64;
        let offset = usize::try_from(first % TILE_WIDTH as u64).expect("it is below 256");
        let hashes = self.entries(tile_level, tile, offset + width)?;
        let hashes = hashes.ok_or_else(|| unusable(tile_level, tile, "missing"))?;
        Ok(fold(&hashes[offset..]))
    }
}

/// Tiles are derived: whoever meets this makes them anew.
fn unusable(level: Level, index: u64, state: &str) -> ProofError {
    let why = format!("tile {index} of level {} is {state}; delete the table tile", level.0);
    let position = Position(index << (TILE_HEIGHT * (level.0 + 1)));
    JournalError::Corrupt { position, why }.into()
}

/// The hash over a power of two of hashes.
fn fold(hashes: &[Root]) -> Root {
    let mut hashes = hashes.to_vec();
    while hashes.len() > 1 {
        hashes = hashes.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    hashes[0]
}

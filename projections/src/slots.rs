//! The rows of one table in memory.

use std::cell::Cell;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::cell;
use crate::chunks::Chunks;
use crate::error::ProjectionError;
use crate::rows::{Changes, Table, TouchedRow};
use crate::table::{Row, Schema};

/// One table's rows by key, with what is needed to write them, to forget them and to undo.
pub(crate) struct Slots<R: Row> {
    /// Where each key's slot is, which has the key. Who finds it needs the slot anyway.
    places: HashTable<Place>,
    /// Keys are hashed with a seed of this process's own.
    hasher: RandomState,
    slots: Chunks<Slot<R>>,
    /// Wanted and not in memory.
    missing: Vec<usize>,
    /// What was changed since the last save; some may have been undone.
    changed: Vec<usize>,
    /// What the current event changed, oldest first.
    undo: Vec<(usize, Before<R>)>,
    /// Counts saves; a slot remembers when it was wanted last.
    generation: u64,
    /// What is not in memory does not exist: nothing was stored before, and nothing is forgotten.
    is_complete: bool,
}

/// Where a key's slot is.
#[derive(Clone, Copy)]
struct Place {
    /// Of the key.
    hash: u64,
    index: usize,
}

struct Slot<R: Row> {
    key: R::Key,
    /// `None` where it is known that there is no such row.
    row: Option<R>,
    changed: bool,
    used: Cell<u64>,
}

/// What a slot was before a change.
enum Before<R> {
    /// There was none.
    Unknown,
    /// It had this row, and differed from the database or not.
    Known(Option<R>, bool),
}

impl<R: Row> Slots<R> {
    const SCHEMA: &'static Schema = &R::SCHEMA;

    pub(crate) fn new() -> Slots<R> {
        Slots {
            places: HashTable::new(),
            hasher: RandomState::default(),
            slots: Chunks::new(),
            missing: Vec::new(),
            changed: Vec::new(),
            undo: Vec::new(),
            generation: 0,
            is_complete: false,
        }
    }

    pub(crate) fn want(&mut self, key: R::Key) {
        let hash = self.hasher.hash_one(&key);
        match self.find(hash, &key) {
            Some(index) => self.slots[index].used.set(self.generation),
            None => {
                let index = self.add(hash, key);
                if !self.is_complete {
                    self.missing.push(index);
                }
            }
        }
    }

    pub(crate) fn want_new(&mut self, key: R::Key) {
        let hash = self.hasher.hash_one(&key);
        if self.find(hash, &key).is_none() {
            self.add(hash, key);
        }
    }

    pub(crate) fn get(&self, key: &R::Key) -> Result<Option<&R>, ProjectionError> {
        match self.find(self.hasher.hash_one(key), key) {
            Some(index) => {
                let slot = &self.slots[index];
                slot.used.set(self.generation);
                Ok(slot.row.as_ref())
            }
            None if self.is_complete => Ok(None),
            None => Err(unprepared::<R>(key)),
        }
    }

    pub(crate) fn edit(&mut self, key: &R::Key) -> Result<&mut R, ProjectionError> {
        let row = self.change(key)?;
        row.as_mut().ok_or_else(|| ProjectionError::MissingRow {
            table: R::SCHEMA.name,
            key: format!("{key:?}"),
        })
    }

    pub(crate) fn edit_or(
        &mut self,
        key: &R::Key,
        fresh: impl FnOnce() -> R,
    ) -> Result<&mut R, ProjectionError> {
        Ok(self.change(key)?.get_or_insert_with(fresh))
    }

    pub(crate) fn put(&mut self, row: R) {
        let key = row.key();
        let hash = self.hasher.hash_one(&key);
        match self.find(hash, &key) {
            Some(index) => *self.change_at(index) = Some(row),
            None => {
                let index = self.add(hash, key);
                *self.change_at(index) = Some(row);
                if let Some((_, before)) = self.undo.last_mut() {
                    *before = Before::Unknown;
                }
            }
        }
    }

    pub(crate) fn delete(&mut self, key: &R::Key) -> Result<(), ProjectionError> {
        *self.change(key)? = None;
        Ok(())
    }

    /// The slot of a key with this hash.
    fn find(&self, hash: u64, key: &R::Key) -> Option<usize> {
        let is_wanted = |place: &Place| place.hash == hash && self.slots[place.index].key == *key;
        self.places.find(hash, is_wanted).map(|place| place.index)
    }

    /// A slot without a row.
    fn add(&mut self, hash: u64, key: R::Key) -> usize {
        let used = Cell::new(self.generation);
        let index = self.slots.push(Slot { key, row: None, changed: false, used });
        self.places.insert_unique(hash, Place { hash, index }, |place| place.hash);
        index
    }

    fn change(&mut self, key: &R::Key) -> Result<&mut Option<R>, ProjectionError> {
        let hash = self.hasher.hash_one(key);
        let index = match self.find(hash, key) {
            Some(index) => index,
            None if self.is_complete => self.add(hash, key.clone()),
            None => return Err(unprepared::<R>(key)),
        };
        Ok(self.change_at(index))
    }

    fn change_at(&mut self, index: usize) -> &mut Option<R> {
        let slot = &mut self.slots[index];
        slot.used.set(self.generation);
        self.undo.push((index, Before::Known(slot.row.clone(), slot.changed)));
        if !slot.changed {
            slot.changed = true;
            self.changed.push(index);
        }
        &mut slot.row
    }

    /// What differs from the database, sorted by key, each once.
    fn changed_slots(&self) -> Vec<&Slot<R>> {
        let mut indexes = self.changed.clone();
        indexes.sort_unstable();
        indexes.dedup();
        let slots = indexes.iter().map(|index| &self.slots[*index]);
        let mut slots: Vec<&Slot<R>> = slots.filter(|slot| slot.changed).collect();
        slots.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        slots
    }

    /// Forgets the longer unused half when there are more rows than that, but no changed one: until
    /// it is in the database, it cannot be found there.
    fn evict(&mut self, most_rows: usize) {
        if self.slots.len() <= most_rows {
            return;
        }
        let mut used: Vec<u64> = self.slots.iter().map(|slot| slot.used.get()).collect();
        let middle = used.len() - most_rows.div_ceil(2).max(1);
        let (_, limit, _) = used.select_nth_unstable(middle);
        let limit = *limit;
        self.is_complete = false;
        let places = std::mem::take(&mut self.places);
        self.changed.clear();
        let slots = std::mem::replace(&mut self.slots, Chunks::new());
        for (index, slot) in slots.into_iter().enumerate() {
            let is_kept = slot.changed || slot.used.get() > limit;
            let hash = self.hasher.hash_one(&slot.key);
            if is_kept && places.find(hash, |place| place.index == index).is_some() {
                let changed = slot.changed;
                let index = self.slots.push(slot);
                self.places.insert_unique(hash, Place { hash, index }, |place| place.hash);
                if changed {
                    self.changed.push(index);
                }
            }
        }
    }
}

fn unprepared<R: Row>(key: &R::Key) -> ProjectionError {
    ProjectionError::UnpreparedRow { table: R::SCHEMA.name, key: format!("{key:?}") }
}

impl<R: Row> Table for Slots<R> {
    fn schema(&self) -> &'static Schema {
        Self::SCHEMA
    }

    fn begin_complete(&mut self) {
        self.is_complete = true;
    }

    fn known(&self) -> usize {
        self.places.len()
    }

    fn changed_rows(&self) -> usize {
        self.changed.len()
    }

    fn take_missing(&mut self) -> Vec<Vec<cell::Cell>> {
        let missing = std::mem::take(&mut self.missing);
        let mut keys: Vec<&R::Key> = missing.iter().map(|index| &self.slots[*index].key).collect();
        keys.sort_unstable();
        keys.into_iter().map(R::key_cells).collect()
    }

    fn load(&mut self, cells: &[cell::Cell]) -> Result<(), ProjectionError> {
        let malformed = ProjectionError::MalformedRow { table: R::SCHEMA.name };
        let row = R::from_cells(cells).ok_or(malformed)?;
        let key = row.key();
        let hash = self.hasher.hash_one(&key);
        let index = match self.find(hash, &key) {
            Some(index) => index,
            None => self.add(hash, key),
        };
        self.slots[index].row = Some(row);
        Ok(())
    }

    fn changes(&self) -> Changes {
        let (mut written, mut deleted) = (Vec::new(), Vec::new());
        for slot in self.changed_slots() {
            match &slot.row {
                Some(row) => written.push(row.cells()),
                None => deleted.push(R::key_cells(&slot.key)),
            }
        }
        Changes { schema: Self::SCHEMA, written, deleted }
    }

    fn mark_saved(&mut self, most_rows: usize) {
        self.begin_event();
        self.evict(most_rows);
        for index in self.changed.drain(..) {
            self.slots[index].changed = false;
        }
        self.generation += 1;
    }

    fn begin_event(&mut self) {
        self.undo.clear();
    }

    fn undo_event(&mut self) {
        while let Some((index, before)) = self.undo.pop() {
            let slot = &mut self.slots[index];
            match before {
                Before::Known(row, changed) => {
                    slot.row = row;
                    slot.changed = changed;
                }
                Before::Unknown => {
                    slot.row = None;
                    slot.changed = false;
                    let hash = self.hasher.hash_one(&slot.key);
                    let is_this = |place: &Place| place.index == index;
                    if let Ok(entry) = self.places.find_entry(hash, is_this) {
                        entry.remove();
                    }
                }
            }
        }
    }

    fn touched(&self) -> Vec<TouchedRow> {
        let slots = self.undo.iter().map(|(index, _)| &self.slots[*index]);
        let touched = slots.map(|slot| TouchedRow {
            schema: Self::SCHEMA,
            key: R::key_cells(&slot.key),
            row: slot.row.as_ref().map(Row::cells),
        });
        touched.collect()
    }

    /// By the key's cells, which is how databases sort: an enum's variants by their names.
    fn sorted(&self) -> Vec<Vec<cell::Cell>> {
        let rows = self.slots.iter().filter_map(|slot| slot.row.as_ref());
        let mut rows: Vec<Vec<cell::Cell>> = rows.map(Row::cells).collect();
        let key_columns = R::SCHEMA.key_columns;
        rows.sort_unstable_by(|left, right| left[..key_columns].cmp(&right[..key_columns]));
        rows
    }
}

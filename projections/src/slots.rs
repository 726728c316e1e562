//! The rows of one table in memory.

use std::collections::HashMap;

use crate::cell::Cell;
use crate::error::ProjectionError;
use crate::rows::{Changes, Table};
use crate::table::{Row, Schema};

/// One table's rows by key, with what is needed to write them, to forget them and to undo.
pub(crate) struct Slots<R: Row> {
    by_key: HashMap<R::Key, Slot<R>>,
    /// Wanted and not in memory.
    missing: Vec<R::Key>,
    /// Keys that were changed since the last save; some may have been undone.
    changed: Vec<R::Key>,
    /// What the current event changed, oldest first.
    undo: Vec<(R::Key, Option<Slot<R>>)>,
    /// Counts saves; a slot remembers when it was wanted last.
    generation: u64,
}

#[derive(Clone)]
struct Slot<R> {
    /// `None` where it is known that there is no such row.
    row: Option<R>,
    changed: bool,
    used: u64,
}

impl<R: Row> Slots<R> {
    const SCHEMA: &'static Schema = &R::SCHEMA;

    pub(crate) fn new() -> Slots<R> {
        Slots {
            by_key: HashMap::new(),
            missing: Vec::new(),
            changed: Vec::new(),
            undo: Vec::new(),
            generation: 0,
        }
    }

    pub(crate) fn want(&mut self, key: R::Key) {
        let generation = self.generation;
        if let Some(slot) = self.by_key.get_mut(&key) {
            slot.used = generation;
        } else {
            self.missing.push(key.clone());
            self.by_key.insert(key, Slot { row: None, changed: false, used: generation });
        }
    }

    pub(crate) fn want_new(&mut self, key: R::Key) {
        let fresh = Slot { row: None, changed: false, used: self.generation };
        self.by_key.entry(key).or_insert(fresh);
    }

    pub(crate) fn get(&self, key: &R::Key) -> Result<Option<&R>, ProjectionError> {
        match self.by_key.get(key) {
            Some(slot) => Ok(slot.row.as_ref()),
            None => Err(unprepared::<R>(key)),
        }
    }

    pub(crate) fn edit(&mut self, key: &R::Key) -> Result<&mut R, ProjectionError> {
        let slot = self.change(key)?;
        slot.row.as_mut().ok_or_else(|| ProjectionError::MissingRow {
            table: R::SCHEMA.name,
            key: format!("{key:?}"),
        })
    }

    pub(crate) fn edit_or(
        &mut self,
        key: &R::Key,
        fresh: impl FnOnce() -> R,
    ) -> Result<&mut R, ProjectionError> {
        Ok(self.change(key)?.row.get_or_insert_with(fresh))
    }

    pub(crate) fn put(&mut self, row: R) {
        let key = row.key();
        let fresh = Slot { row: Some(row), changed: true, used: self.generation };
        let before = self.by_key.insert(key.clone(), fresh);
        self.changed.push(key.clone());
        self.undo.push((key, before));
    }

    pub(crate) fn delete(&mut self, key: &R::Key) -> Result<(), ProjectionError> {
        self.change(key)?.row = None;
        Ok(())
    }

    fn change(&mut self, key: &R::Key) -> Result<&mut Slot<R>, ProjectionError> {
        let slot = self.by_key.get_mut(key).ok_or_else(|| unprepared::<R>(key))?;
        self.undo.push((key.clone(), Some(slot.clone())));
        if !slot.changed {
            slot.changed = true;
            self.changed.push(key.clone());
        }
        Ok(slot)
    }

    /// Keys that differ from the database, sorted, each once.
    fn changed_keys(&self) -> Vec<&R::Key> {
        let is_changed = |key: &&R::Key| self.by_key.get(*key).is_some_and(|slot| slot.changed);
        let mut keys: Vec<&R::Key> = self.changed.iter().filter(is_changed).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Forgets the longer unused half when there are more rows than that.
    fn evict(&mut self, most_rows: usize) {
        if self.by_key.len() <= most_rows {
            return;
        }
        let mut used: Vec<u64> = self.by_key.values().map(|slot| slot.used).collect();
        let middle = used.len() - most_rows.div_ceil(2).max(1);
        let (_, limit, _) = used.select_nth_unstable(middle);
        let limit = *limit;
        self.by_key.retain(|_, slot| slot.used > limit);
    }
}

fn unprepared<R: Row>(key: &R::Key) -> ProjectionError {
    ProjectionError::UnpreparedRow { table: R::SCHEMA.name, key: format!("{key:?}") }
}

impl<R: Row> Table for Slots<R> {
    fn schema(&self) -> &'static Schema {
        Self::SCHEMA
    }

    fn known(&self) -> usize {
        self.by_key.len()
    }

    fn changed_rows(&self) -> usize {
        self.changed.len()
    }

    fn take_missing(&mut self) -> Vec<Vec<Cell>> {
        let mut keys = std::mem::take(&mut self.missing);
        keys.sort_unstable();
        keys.iter().map(R::key_cells).collect()
    }

    fn load(&mut self, cells: &[Cell]) -> Result<(), ProjectionError> {
        let malformed = ProjectionError::MalformedRow { table: R::SCHEMA.name };
        let row = R::from_cells(cells).ok_or(malformed)?;
        let slot = Slot { row: Some(row.clone()), changed: false, used: self.generation };
        self.by_key.insert(row.key(), slot);
        Ok(())
    }

    fn changes(&self) -> Changes {
        let mut written = Vec::new();
        let mut deleted = Vec::new();
        for key in self.changed_keys() {
            match self.by_key.get(key).and_then(|slot| slot.row.as_ref()) {
                Some(row) => written.push(row.cells()),
                None => deleted.push(R::key_cells(key)),
            }
        }
        Changes { schema: Self::SCHEMA, written, deleted }
    }

    fn mark_saved(&mut self, most_rows: usize) {
        for key in self.changed.drain(..) {
            if let Some(slot) = self.by_key.get_mut(&key) {
                slot.changed = false;
            }
        }
        self.begin_event();
        self.evict(most_rows);
        self.generation += 1;
    }

    fn begin_event(&mut self) {
        self.undo.clear();
    }

    fn undo_event(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(slot) => self.by_key.insert(key, slot),
                None => self.by_key.remove(&key),
            };
        }
    }

    /// By the key's cells, which is how databases sort: an enum's variants by their names.
    fn sorted(&self) -> Vec<Vec<Cell>> {
        let by_key = self.by_key.values().filter_map(|slot| slot.row.as_ref());
        let mut rows: Vec<Vec<Cell>> = by_key.map(Row::cells).collect();
        let key_columns = R::SCHEMA.key_columns;
        rows.sort_unstable_by(|left, right| left[..key_columns].cmp(&right[..key_columns]));
        rows
    }
}

//! Rows in memory: what was loaded, what an event changed, and the way back when it fails.

use std::any::Any;
use std::collections::{HashMap, HashSet};

use quipu_domain::{Position, Recorded};

use crate::cell::Cell;
use crate::error::ProjectionError;
use crate::slots::Slots;
use crate::table::{Row, Schema};

/// The rows of one projection's tables.
///
/// [`apply_page`](crate::apply_page) brings them in and changes them; [`Rows::changes`] is then
/// what to write.
pub struct Rows {
    tables: Vec<Box<dyn Table>>,
    wanted_events: HashSet<Position>,
    events: HashMap<Position, Recorded>,
}

/// What to write to one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The table.
    pub schema: &'static Schema,
    /// Rows to insert, or to replace by key; sorted by key.
    pub written: Vec<Vec<Cell>>,
    /// Keys of rows to delete; sorted.
    pub deleted: Vec<Vec<Cell>>,
}

/// A row that an event touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchedRow {
    /// The table.
    pub schema: &'static Schema,
    /// Its key.
    pub key: Vec<Cell>,
    /// What the event made of it; `None` where it took it away.
    pub row: Option<Vec<Cell>>,
}

/// One table's rows, whatever their type.
pub(crate) trait Table: Any + Send {
    fn schema(&self) -> &'static Schema;
    fn begin_complete(&mut self);
    fn known(&self) -> usize;
    fn changed_rows(&self) -> usize;
    fn take_missing(&mut self) -> Vec<Vec<Cell>>;
    fn load(&mut self, cells: &[Cell]) -> Result<(), ProjectionError>;
    fn changes(&self) -> Changes;
    fn mark_saved(&mut self, most_rows: usize);
    fn begin_event(&mut self);
    fn undo_event(&mut self);
    fn touched(&self) -> Vec<TouchedRow>;
    fn sorted(&self) -> Vec<Vec<Cell>>;
}

impl Rows {
    /// No tables yet.
    pub(crate) fn new() -> Rows {
        Rows { tables: Vec::new(), wanted_events: HashSet::new(), events: HashMap::new() }
    }

    /// The same with one more table, without rows.
    pub(crate) fn with<R: Row>(mut self) -> Rows {
        self.tables.push(Box::new(Slots::<R>::new()));
        self
    }

    /// The same where no row is stored yet: what is not in memory does not exist, and nothing is asked
    /// for before some of the rows are forgotten.
    #[must_use]
    pub fn from_the_beginning(mut self) -> Rows {
        self.tables.iter_mut().for_each(|table| table.begin_complete());
        self
    }

    /// The tables that there are.
    pub fn schemas(&self) -> impl Iterator<Item = &'static Schema> + '_ {
        self.tables.iter().map(|table| table.schema())
    }

    /// Makes sure that a row can be looked up, if it exists.
    pub(crate) fn want<R: Row>(&mut self, key: R::Key) {
        self.slots_mut::<R>().want(key);
    }

    /// Like [`Rows::want`] for a row that the event itself makes: there is nothing to load.
    pub(crate) fn want_new<R: Row>(&mut self, key: R::Key) {
        self.slots_mut::<R>().want_new(key);
    }

    /// Makes sure that an earlier event can be looked up.
    pub(crate) fn want_event(&mut self, position: Position) {
        if !self.events.contains_key(&position) {
            self.wanted_events.insert(position);
        }
    }

    /// Keys of wanted rows that are not in memory, by table. Each is named once: what the caller
    /// then does not [`load`](Rows::load) does not exist.
    pub(crate) fn missing(&mut self) -> Vec<(&'static Schema, Vec<Vec<Cell>>)> {
        let missing = self.tables.iter_mut().map(|table| (table.schema(), table.take_missing()));
        missing.filter(|(_, keys)| !keys.is_empty()).collect()
    }

    /// Earlier events that are wanted and not in memory, in order.
    pub(crate) fn missing_events(&self) -> Vec<Position> {
        let mut positions: Vec<Position> = self.wanted_events.iter().copied().collect();
        positions.sort_unstable();
        positions
    }

    /// Takes in a row as it was stored.
    pub(crate) fn load(&mut self, table: &Schema, cells: &[Cell]) -> Result<(), ProjectionError> {
        match self.tables.iter_mut().find(|candidate| candidate.schema().name == table.name) {
            Some(found) => found.load(cells),
            None => Err(ProjectionError::MalformedRow { table: table.name }),
        }
    }

    /// Takes in an earlier event.
    pub(crate) fn load_event(&mut self, event: Recorded) {
        self.wanted_events.remove(&event.position);
        self.events.insert(event.position, event);
    }

    /// A wanted event.
    pub(crate) fn event(&self, position: Position) -> Result<&Recorded, ProjectionError> {
        self.events.get(&position).ok_or(ProjectionError::UnpreparedEvent { position })
    }

    /// The row with this key.
    pub(crate) fn get<R: Row>(&self, key: &R::Key) -> Result<Option<&R>, ProjectionError> {
        self.slots::<R>().get(key)
    }

    /// The row with this key, to be changed; an error when there is none.
    pub(crate) fn edit<R: Row>(&mut self, key: &R::Key) -> Result<&mut R, ProjectionError> {
        self.slots_mut::<R>().edit(key)
    }

    /// The row with this key, to be changed; a fresh one when there is none.
    pub(crate) fn edit_or<R: Row>(
        &mut self,
        key: &R::Key,
        fresh: impl FnOnce() -> R,
    ) -> Result<&mut R, ProjectionError> {
        self.slots_mut::<R>().edit_or(key, fresh)
    }

    /// Makes a row, or replaces it.
    pub(crate) fn put<R: Row>(&mut self, row: R) {
        self.slots_mut::<R>().put(row);
    }

    /// Takes a row away, if it is there.
    pub(crate) fn delete<R: Row>(&mut self, key: &R::Key) -> Result<(), ProjectionError> {
        self.slots_mut::<R>().delete(key)
    }

    /// From here on, [`Rows::undo_event`] leads back to here.
    pub(crate) fn begin_event(&mut self) {
        self.tables.iter_mut().for_each(|table| table.begin_event());
    }

    /// Takes back what was changed since [`Rows::begin_event`].
    pub(crate) fn undo_event(&mut self) {
        self.tables.iter_mut().for_each(|table| table.undo_event());
    }

    /// The rows that the event applied last has touched, as they are now.
    #[must_use]
    pub fn touched(&self) -> Vec<TouchedRow> {
        self.tables.iter().flat_map(|table| table.touched()).collect()
    }

    /// How many rows are different from the database, at most.
    #[must_use]
    pub fn changed_rows(&self) -> usize {
        self.tables.iter().map(|table| table.changed_rows()).sum()
    }

    /// What is different from the database, coalesced: each row once, as it is now.
    #[must_use]
    pub fn changes(&self) -> Vec<Changes> {
        let changes = self.tables.iter().map(|table| table.changes());
        changes.filter(|changed| !changed.is_empty()).collect()
    }

    /// The changes are in the database now, or on their way there: those rows stay in memory until
    /// the next time. Of each table's others, some `most_rows` stay, those that were used last.
    pub fn mark_saved(&mut self, most_rows: usize) {
        self.tables.iter_mut().for_each(|table| table.mark_saved(most_rows));
    }

    /// Earlier events are needed rarely, and never twice.
    pub(crate) fn forget_events(&mut self) {
        self.events.clear();
        self.wanted_events.clear();
    }

    /// How many rows and events there is knowledge of, whether they exist or not.
    pub(crate) fn known(&self) -> usize {
        self.tables.iter().map(|table| table.known()).sum::<usize>() + self.events.len()
    }

    /// All rows in memory, table by table, sorted by key.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&'static Schema, Vec<Vec<Cell>>)> {
        self.tables.iter().map(|table| (table.schema(), table.sorted())).collect()
    }

    fn slots<R: Row>(&self) -> &Slots<R> {
        let mut tables = self.tables.iter().map(|table| &**table as &dyn Any);
        tables
            .find_map(|table| table.downcast_ref())
            .expect("a projection uses no table but those it lists")
    }

    fn slots_mut<R: Row>(&mut self) -> &mut Slots<R> {
        let mut tables = self.tables.iter_mut().map(|table| &mut **table as &mut dyn Any);
        tables
            .find_map(|table| table.downcast_mut())
            .expect("a projection uses no table but those it lists")
    }
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.written.is_empty() && self.deleted.is_empty()
    }
}

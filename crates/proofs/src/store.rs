//! Published checkpoints and full tiles, in a database of their own: writing them never waits for
//! the journal, nor the journal for them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quipu_database::{Connection, Database, DatabaseError, Durability, Migrations, Row, Value};
use quipu_domain::{Label, Timestamp};
use quipu_journal::Root;

use crate::tiles::{Level, Tile};
use crate::{Checkpoint, ProofError, SignedNote};

const MIGRATIONS: Migrations = Migrations {
    sqlite: &[("0001_tables", include_str!("../../../migrations/sqlite/proofs_0001_tables.sql"))],
    postgres: &[(
        "0001_tables",
        include_str!("../../../migrations/postgres/proofs_0001_tables.sql"),
    )],
};

/// The schema in PostgreSQL.
const SCHEMA: &str = "quipu_proofs";

/// A checkpoint that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// 1, 2, 3 ... in the order of publication.
    pub number: u64,
    /// The epoch of its origin.
    pub epoch: u64,
    /// Under which origin.
    pub origin: Label,
    /// Over how many events.
    pub size: u64,
    /// The tree head over them.
    pub root: Root,
    /// When.
    pub published_at: Timestamp,
    /// The checkpoint with its signatures, as it is served.
    pub note: String,
}

/// The database of checkpoints and tiles.
#[derive(Clone)]
pub struct ProofStore {
    database: Database,
    /// Kept from one write to the next; replaced after a failure.
    writer: Arc<Mutex<Option<Connection>>>,
    /// What would be written of tiles where the database is only read.
    unkept: Arc<Mutex<Unkept>>,
}

/// Tiles that are kept in memory, for as long as somebody reads.
#[derive(Default)]
struct Unkept {
    tiles: HashMap<(Level, u64), Vec<Root>>,
    /// Those of the database are not believed.
    forgotten: bool,
}

impl ProofStore {
    /// In a SQLite file, which is created where there is none.
    pub fn open_sqlite(path: &Path) -> Result<ProofStore, DatabaseError> {
        Ok(ProofStore::over(Database::open_sqlite(path, Durability::Full, &MIGRATIONS)?))
    }

    /// In schema `quipu_proofs` of a PostgreSQL database.
    pub fn connect_postgres(url: &str) -> Result<ProofStore, DatabaseError> {
        Ok(ProofStore::over(Database::connect_postgres(url, SCHEMA, &MIGRATIONS)?))
    }

    /// In a SQLite file that is there, to be read and nothing else. Tiles that it lacks are made for
    /// as long as this lives.
    pub fn open_sqlite_read_only(path: &Path) -> Result<ProofStore, DatabaseError> {
        Ok(ProofStore::over(Database::open_sqlite_read_only(path, &MIGRATIONS)?))
    }

    /// As [`open_sqlite_read_only`](Self::open_sqlite_read_only), in a PostgreSQL database.
    pub fn connect_postgres_read_only(url: &str) -> Result<ProofStore, DatabaseError> {
        Ok(ProofStore::over(Database::connect_postgres_read_only(url, SCHEMA, &MIGRATIONS)?))
    }

    fn over(database: Database) -> ProofStore {
        ProofStore { database, writer: Arc::default(), unkept: Arc::default() }
    }

    pub(crate) fn newest(&self) -> Result<Option<Published>, ProofError> {
        let rows = self.database.query(NEWEST, &[])?;
        rows.first().map(published).transpose()
    }

    /// The newest of those over exactly so many events.
    pub(crate) fn of_size(&self, size: u64) -> Result<Option<Published>, ProofError> {
        let rows = self.database.query(OF_SIZE, &[size.into()])?;
        rows.first().map(published).transpose()
    }

    pub(crate) fn after(&self, number: u64, most: usize) -> Result<Vec<Published>, ProofError> {
        let params = [Value::from(number), (most as u64).into()];
        let rows = self.database.query(AFTER, &params)?;
        rows.iter().map(published).collect()
    }

    /// Keeps a checkpoint; an error where its number is taken.
    pub(crate) fn publish(&self, checkpoint: &Published) -> Result<(), DatabaseError> {
        let params = [
            checkpoint.number.into(),
            checkpoint.epoch.into(),
            checkpoint.origin.as_str().into(),
            checkpoint.size.into(),
            checkpoint.root.0.to_vec().into(),
            checkpoint.published_at.micros().into(),
            checkpoint.note.as_str().into(),
        ];
        self.write(|connection| connection.execute(PUBLISH, &params)).map(drop)
    }

    /// Replaces a checkpoint's note by one with more signatures.
    pub(crate) fn set_note(&self, number: u64, note: &str) -> Result<(), DatabaseError> {
        let params = [note.into(), Value::from(number)];
        self.write(|connection| connection.execute(SET_NOTE, &params)).map(drop)
    }

    /// How many tiles of the lowest level there are before one is missing.
    pub(crate) fn full_tiles(&self) -> Result<u64, DatabaseError> {
        if self.unkept().forgotten {
            return Ok(0);
        }
        let rows = self.database.query(TILE_COUNT, &[])?;
        let (count, next) =
            rows.first().map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))?;
        // One that is missing makes what was built on it worthless, too.
        Ok(if count == next { count.unsigned_abs() } else { 0 })
    }

    pub(crate) fn tile(
        &self,
        level: Level,
        index: u64,
    ) -> Result<Option<Vec<Root>>, DatabaseError> {
        let unkept = self.unkept();
        let tile = unkept.tiles.get(&(level, index));
        if unkept.forgotten || tile.is_some() {
            return Ok(tile.cloned());
        }
        drop(unkept);
        let params = [i64::from(level.0).into(), Value::from(index)];
        let rows = self.database.query(TILE, &params)?;
        rows.first().map(|row| row.blob(0)?.chunks(32).map(hash).collect()).transpose()
    }

    /// The hashes over whole tiles, from one of them on.
    pub(crate) fn tile_roots(&self, level: Level, from: u64) -> Result<Vec<Root>, DatabaseError> {
        let params = [i64::from(level.0).into(), Value::from(from)];
        let rows = self.database.query(TILE_ROOTS, &params)?;
        rows.iter().map(|row| hash(row.blob(0)?)).collect()
    }

    /// Keeps full tiles. Another process may have kept the same ones already.
    pub(crate) fn save_tiles(&self, tiles: &[Tile]) -> Result<(), DatabaseError> {
        if self.database.is_read_only() {
            let tiles = tiles.iter().map(|tile| ((tile.level, tile.index), tile.hashes.clone()));
            self.unkept().tiles.extend(tiles);
            return Ok(());
        }
        let rows: Vec<Vec<Value>> = tiles
            .iter()
            .map(|tile| {
                let hashes: Vec<u8> = tile.hashes.iter().flat_map(|hash| hash.0).collect();
                let root = tile.root.0.to_vec();
                vec![i64::from(tile.level.0).into(), tile.index.into(), root.into(), hashes.into()]
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let save = |connection: &mut Connection| connection.execute_many(SAVE_TILE, &rows);
        self.write(|connection| connection.transaction(save)).map(drop)
    }

    pub(crate) fn forget_tiles(&self) -> Result<(), DatabaseError> {
        if self.database.is_read_only() {
            *self.unkept() = Unkept { tiles: HashMap::new(), forgotten: true };
            return Ok(());
        }
        self.write(|connection| connection.execute(FORGET_TILES, &[])).map(drop)
    }

    fn unkept(&self) -> MutexGuard<'_, Unkept> {
        // Each change is one step.
        self.unkept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.database.writer()?,
        };
        let done = work(&mut connection)?;
        *slot = Some(connection);
        Ok(done)
    }
}

const NEWEST: &str = "\
    SELECT number, epoch, origin, size, root, published_at, note FROM checkpoint
    ORDER BY number DESC LIMIT 1";

const OF_SIZE: &str = "\
    SELECT number, epoch, origin, size, root, published_at, note FROM checkpoint
    WHERE size = $1 ORDER BY number DESC LIMIT 1";

const AFTER: &str = "\
    SELECT number, epoch, origin, size, root, published_at, note FROM checkpoint
    WHERE number > $1 ORDER BY number LIMIT $2";

const PUBLISH: &str = "\
    INSERT INTO checkpoint (number, epoch, origin, size, root, published_at, note)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const SET_NOTE: &str = "UPDATE checkpoint SET note = $1 WHERE number = $2";

const TILE_COUNT: &str = "\
    SELECT count(*), coalesce(max(tile_index) + 1, 0) FROM tile WHERE level = 0";

const TILE: &str = "SELECT hashes FROM tile WHERE level = $1 AND tile_index = $2";

const TILE_ROOTS: &str = "\
    SELECT root FROM tile WHERE level = $1 AND tile_index >= $2 ORDER BY tile_index";

const SAVE_TILE: &str = "\
    INSERT INTO tile (level, tile_index, root, hashes) VALUES ($1, $2, $3, $4)
    ON CONFLICT (level, tile_index) DO NOTHING";

const FORGET_TILES: &str = "DELETE FROM tile";

/// Whoever has the database may have changed it, and what was read from it is signed over and served.
fn published(row: &Row) -> Result<Published, ProofError> {
    let number = row.int(0)?;
    let bad = |why: String| ProofError::Stored { number, why };
    let count = |column: usize, what: &str| -> Result<u64, ProofError> {
        u64::try_from(row.int(column)?).map_err(|_| bad(format!("its {what} is below zero")))
    };
    let published = Published {
        number: count(0, "number")?,
        epoch: count(1, "epoch")?,
        origin: row.text(2)?.parse().map_err(|error| bad(format!("its origin: {error}")))?,
        size: count(3, "size")?,
        root: hash(row.blob(4)?).map_err(|error| bad(error.to_string()))?,
        published_at: Timestamp::from_micros(row.int(5)?)
            .map_err(|error| bad(error.to_string()))?,
        note: row.text(6)?.to_owned(),
    };
    let note = SignedNote::parse(&published.note).and_then(|note| Checkpoint::of(&note));
    let Checkpoint { origin, size, root } = note.map_err(|error| bad(error.to_string()))?;
    if (origin.as_str(), size, root) != (published.origin.as_str(), published.size, published.root)
    {
        return Err(bad("its note is another checkpoint".to_owned()));
    }
    Ok(published)
}

fn hash(bytes: &[u8]) -> Result<Root, DatabaseError> {
    Root::stored(bytes).ok_or_else(|| DatabaseError::Corrupt("a hash that has not 32 bytes".into()))
}

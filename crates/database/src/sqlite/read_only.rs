//! Opening a file to read it and nothing else: nothing is made beside it, changed or left there.
//!
//! A file with a write-ahead log is read with the log (`-wal`) and the log's index (`-shm`). SQLite
//! makes both where they are missing, and leaves them behind where the connection cannot write
//! (sqlite.org/wal.html, "Read-Only Databases"). So:
//!
//! - **Somebody may be at it**: there is a log, and its index. The file is opened read-only, with its
//!   log, under the locks that every reader takes. `readonly_shm` has SQLite open the index as it
//!   does where its permissions forbid to write to it.
//! - **Nobody is**, as there is no log, or no index that anybody keeps. Whoever wrote last has ended,
//!   or was killed, or the power went, or these are copies. The file is opened without locks: as
//!   immutable where there is no log, which SQLite would make before it reads anything; else with an
//!   index that SQLite makes in memory, which it does for whoever says that nobody else is there
//!   (sqlite.org/wal.html, "Use of WAL Without Shared-Memory"). Where somebody is there after all,
//!   answers may be wrong or speak of damage, and a server may start at any moment. So what was read
//!   counts only if the files are what they were before.
//!
//! One thing can be left behind: where a writer ends between the look at its log and the opening,
//! SQLite makes an empty log.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::BUSY_TIMEOUT;
use crate::DatabaseError;

/// Of two changes within one tick of the system's clock, the second leaves no other time. Ticks are
/// at most 10 ms apart.
const TICK: Duration = Duration::from_millis(20);
const MOST_TICKS: usize = 5;

/// SQLite waits ten seconds for what comes after a log's header, and then gives up
/// (`walBeginShmUnreliable` in its source), where nobody keeps the index.
const LOG_HEADER_BYTES: u64 = 32;

/// What a file is like, and what lies beside it, while nobody writes to it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct AtRest {
    file: State,
    log: Option<State>,
    index: Option<State>,
}

#[derive(Clone, PartialEq, Eq)]
struct State {
    device: u64,
    inode: u64,
    bytes: u64,
    /// In seconds and nanoseconds.
    modified: (i64, i64),
}

/// Opens a file, whose path has no links in it, for the first time in a process: where it has a log
/// that nobody keeps, with what it is like. It is read so from then on, or not at all. To close a
/// connection that takes no locks gives up the locks of this process, which it then may not have.
pub(super) fn begin(
    path: &Path,
    failed: impl Fn(&rusqlite::Error) -> DatabaseError,
) -> Result<Option<AtRest>, DatabaseError> {
    let mut at_rest = AtRest::settled(path)?;
    if at_rest.may_be_written_to() {
        match beside_others(path) {
            Ok(_) => return Ok(None),
            // The index went away just now; or nobody keeps it, and what the log begins with is no
            // header, which SQLite waits for as well.
            Err(error) if is_of_an_index(&error) => {}
            Err(error) => return Err(failed(&error)),
        }
        at_rest = AtRest::settled(path)?;
    }
    Ok(at_rest.has_log().then_some(at_rest))
}

/// Opens it in whichever way it can be read now, with what it is like where that takes no locks.
pub(super) fn open(
    path: &Path,
    unkept: Option<&AtRest>,
    failed: impl Fn(&rusqlite::Error) -> DatabaseError,
) -> Result<(Connection, Option<AtRest>), DatabaseError> {
    let at_rest = AtRest::settled(path)?;
    if let Some(unkept) = unkept {
        if *unkept != at_rest {
            return Err(changed(path));
        }
        let alone = connect(path, "mode=ro", Some("unix-none")).and_then(|connection| {
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            Ok(connection)
        });
        return Ok((alone.map_err(|error| failed(&error))?, Some(at_rest)));
    }
    if at_rest.may_be_written_to() {
        return match beside_others(path) {
            Ok(connection) => Ok((connection, None)),
            Err(error) if is_of_an_index(&error) => Err(changed(path)),
            Err(error) => Err(failed(&error)),
        };
    }
    if at_rest.has_log() {
        return Err(changed(path));
    }
    let connection = connect(path, "immutable=1", None).map_err(|error| failed(&error))?;
    Ok((connection, Some(at_rest)))
}

/// Whoever reads again, and from the beginning, can do it.
pub(super) fn changed(path: &Path) -> DatabaseError {
    let path = path.display();
    DatabaseError::Unavailable(format!("somebody began to write to {path} meanwhile, or ended"))
}

/// With its log, under locks. Where whoever wrote ends in this moment, SQLite makes an empty log.
fn beside_others(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, "readonly_shm=1", None)?;
    // The log is looked at with the first read.
    connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
    Ok(connection)
}

fn is_of_an_index(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed))
}

fn connect(path: &Path, how: &str, system: Option<&str>) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match system {
        None => Connection::open_with_flags(uri(path, how), flags)?,
        Some(system) => Connection::open_with_flags_and_vfs(uri(path, how), flags, system)?,
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Whoever is the last to close a file moves its log into it and takes the log away.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

impl AtRest {
    /// Whether the file still is so.
    pub(super) fn is_of(&self, path: &Path) -> bool {
        AtRest::read(path).is_ok_and(|now| now == *self)
    }

    /// What any later change can be told from; where there are changes all the time, whatever it is.
    fn settled(path: &Path) -> Result<AtRest, DatabaseError> {
        let mut found = AtRest::read(path);
        for _ in 0..MOST_TICKS {
            if found.as_ref().is_ok_and(|found| found.states().all(State::is_settled)) {
                break;
            }
            sleep(TICK);
            found = AtRest::read(path);
        }
        found.map_err(|error| {
            DatabaseError::Misconfigured(format!("cannot read {}: {error}", path.display()))
        })
    }

    fn read(path: &Path) -> io::Result<AtRest> {
        let file = fs::metadata(path)?;
        if !file.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let file = State::of(file);
        let [log, index] =
            ["-wal", "-shm"].map(|suffix| match fs::metadata(beside(path, suffix)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                found => found.map(State::of).map(Some),
            });
        Ok(AtRest { file, log: log?, index: index? })
    }

    /// Of an empty file, SQLite takes the log for another one's, and takes it away.
    fn may_be_written_to(&self) -> bool {
        let is_begun = |log: &State| log.bytes != LOG_HEADER_BYTES;
        self.file.bytes > 0 && self.index.is_some() && self.log.as_ref().is_some_and(is_begun)
    }

    fn has_log(&self) -> bool {
        self.file.bytes > 0 && self.log.as_ref().is_some_and(|log| log.bytes > LOG_HEADER_BYTES)
    }

    fn states(&self) -> impl Iterator<Item = &State> {
        [Some(&self.file), self.log.as_ref(), self.index.as_ref()].into_iter().flatten()
    }
}

impl State {
    #[expect(clippy::needless_pass_by_value, reason = "the signature that map wants")]
    fn of(metadata: fs::Metadata) -> State {
        State {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// Whether a change from now on gives it another time.
    fn is_settled(&self) -> bool {
        let (seconds, nanoseconds) = self.modified;
        let modified = Duration::new(
            u64::try_from(seconds).unwrap_or_default(),
            u32::try_from(nanoseconds).unwrap_or_default(),
        );
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // A time to come is not the clock's, and is as different from the next one.
        modified > now || now - modified >= TICK
    }
}

fn uri(path: &Path, parameters: &str) -> String {
    let mut uri = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                uri.push(char::from(*byte));
            }
            other => write!(uri, "%{other:02X}").expect("a text takes whatever is written to it"),
        }
    }
    uri + "?" + parameters
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

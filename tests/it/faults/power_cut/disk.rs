//! What a disk may have after a power cut: all that was synced, and of the rest whatever it likes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::faults::kill_during_import::Random;

/// What a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// What a process did to the files below a folder, as `trace.c` wrote it down.
pub(super) struct Trace {
    folder: PathBuf,
    bytes: Vec<u8>,
    records: Vec<Record>,
}

struct Record {
    what: What,
    /// How long the trace was with it.
    end: usize,
}

/// A file is known by the record that made it.
enum What {
    Write {
        file: usize,
        offset: usize,
        bytes: Range<usize>,
    },
    Truncate {
        file: usize,
        length: usize,
    },
    /// `path` is a folder's where its entries are synced.
    BeginSync {
        file: usize,
        sync: usize,
        path: PathBuf,
    },
    EndSync {
        sync: usize,
    },
    FailSync {
        sync: usize,
    },
    Entry(Entry),
}

/// A change of a folder.
enum Entry {
    Create { file: usize, path: PathBuf },
    MakeFolder(PathBuf),
    Rename { from: PathBuf, to: PathBuf },
    Remove(PathBuf),
}

/// How a disk keeps what it promised.
#[derive(Clone, Copy)]
pub(super) enum Promise {
    Kept,
    /// Of files whose names end so, it says that they are synced, and only notes it down.
    BrokenFor(&'static str),
}

/// Of what was not synced.
#[derive(Clone, Copy)]
enum Fate {
    Kept,
    Lost,
    /// Each write is kept, or lost, or some of its sectors are.
    Mixed,
}

impl Trace {
    pub(super) fn read(file: &Path, folder: &Path) -> Trace {
        let bytes = fs::read(file).expect("the trace was written");
        let (mut records, mut start) = (Vec::new(), 0);
        // A file that was removed leaves its inode to another one.
        let mut files = HashMap::new();
        // The last record may be half there: the process was killed.
        while let Some(line) = memchr::memchr(b'\n', &bytes[start..]) {
            let head = std::str::from_utf8(&bytes[start..start + line]).expect("a line of ASCII");
            let fields: Vec<&str> = head.split(' ').collect();
            let [name, inode, number, length] = fields[..] else { panic!("not a record: {head}") };
            let place = number.parse().expect("a number");
            let begin = start + line + 1;
            let body = begin..begin + length.parse::<usize>().expect("a length");
            if body.end > bytes.len() {
                break;
            }
            if name == "create" {
                files.insert(inode, records.len());
            }
            let file = files.get(inode).copied().unwrap_or_default();
            let what = What::parse(name, file, place, body.clone(), &bytes);
            start = body.end;
            records.push(Record { what, end: start });
        }
        Trace { folder: folder.to_owned(), bytes, records }
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// How long the trace was with the first records.
    pub(super) fn length_after(&self, records: usize) -> u64 {
        self.records[..records].last().map_or(0, |record| record.end as u64)
    }

    /// How many records were written when it was this long.
    pub(super) fn records_within(&self, length: u64) -> usize {
        self.records.partition_point(|record| record.end as u64 <= length)
    }

    /// Makes in `into` what the folder may hold when the power goes after the first records.
    pub(super) fn cut(&self, records: usize, promise: Promise, random: &mut Random, into: &Path) {
        let done = &self.records[..records];
        let fate = [Fate::Kept, Fate::Lost, Fate::Mixed][random.index(3)];
        let synced = Synced::of(done, promise);
        let mut files = HashMap::<usize, Vec<u8>>::new();
        for (index, record) in done.iter().enumerate() {
            match &record.what {
                What::Write { file, offset, bytes } => {
                    let content = files.entry(*file).or_default();
                    let bytes = &self.bytes[bytes.clone()];
                    let fate = if synced.file(*file, index) { Fate::Kept } else { fate };
                    write(content, *offset, bytes, fate, random);
                }
                What::Truncate { file, length } => {
                    let kept = synced.file(*file, index) || fate.keeps(random);
                    let content = files.entry(*file).or_default();
                    content.resize(if kept { *length } else { content.len() }, 0);
                }
                _ => {}
            }
        }
        self.make(&entries(done, &synced, fate, random), &files, random, into);
    }

    fn make(
        &self,
        entries: &BTreeMap<&Path, Option<usize>>,
        files: &HashMap<usize, Vec<u8>>,
        random: &mut Random,
        into: &Path,
    ) {
        for (path, file) in entries {
            let path = into.join(path.strip_prefix(&self.folder).expect("only those are traced"));
            // What is in a folder that is not there is not there either.
            if !path.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match file {
                None => fs::create_dir(&path).expect("it is made once"),
                Some(_) if path.to_string_lossy().ends_with("-shm") => make_index(&path, random),
                Some(file) => {
                    fs::write(&path, files.get(file).map_or(&[][..], Vec::as_slice)).expect("made");
                    for_its_owner_only(&path);
                }
            }
        }
    }
}

/// Which changes folders have: per folder, the first of those that were not synced are there, too.
fn entries<'a>(
    done: &'a [Record],
    synced: &Synced<'_>,
    fate: Fate,
    random: &mut Random,
) -> BTreeMap<&'a Path, Option<usize>> {
    let mut there = BTreeMap::new();
    let mut lost = Vec::<&Path>::new();
    for (index, record) in done.iter().enumerate() {
        let What::Entry(entry) = &record.what else { continue };
        let folder = entry.folder();
        if !synced.folder(folder, index) {
            if !lost.contains(&folder) && !fate.keeps(random) {
                lost.push(folder);
            }
            if lost.contains(&folder) {
                continue;
            }
        }
        match entry {
            Entry::Create { file, path } => drop(there.insert(path.as_path(), Some(*file))),
            Entry::MakeFolder(path) => drop(there.insert(path.as_path(), None)),
            Entry::Rename { from, to } => {
                let file = there.remove(from.as_path()).expect("it was made before");
                there.insert(to.as_path(), file);
            }
            Entry::Remove(path) => drop(there.remove(path.as_path())),
        }
    }
    there
}

/// Up to which record each file and each folder is on the disk.
#[derive(Default)]
struct Synced<'a> {
    files: HashMap<usize, usize>,
    folders: HashMap<&'a Path, usize>,
    /// What a sync that failed was to bring there. The system believes it is there: no later sync
    /// brings it, and programs read it until the power goes.
    given_up: HashMap<usize, Vec<Range<usize>>>,
}

impl<'a> Synced<'a> {
    fn of(done: &'a [Record], promise: Promise) -> Synced<'a> {
        let mut begun = HashMap::new();
        let mut synced = Synced::default();
        for (index, record) in done.iter().enumerate() {
            match &record.what {
                What::BeginSync { file, sync, path } => {
                    begun.insert(*sync, (*file, path.as_path(), index));
                }
                What::EndSync { sync } => {
                    let (file, path, index) = begun.remove(sync).expect("it has begun");
                    if promise.holds_for(path) {
                        // Of two at a time, the one that began first may end last.
                        let raise = |until: &mut usize| *until = index.max(*until);
                        raise(synced.files.entry(file).or_default());
                        raise(synced.folders.entry(path).or_default());
                    }
                }
                What::FailSync { sync } => {
                    let (file, _, index) = begun.remove(sync).expect("it has begun");
                    let from = synced.files.get(&file).copied().unwrap_or_default();
                    synced.given_up.entry(file).or_default().push(from..index);
                }
                _ => {}
            }
        }
        synced
    }

    fn file(&self, file: usize, index: usize) -> bool {
        let given_up = self.given_up.get(&file).map(Vec::as_slice).unwrap_or_default();
        self.files.get(&file).is_some_and(|until| index < *until)
            && !given_up.iter().any(|records| records.contains(&index))
    }

    fn folder(&self, folder: &Path, index: usize) -> bool {
        self.folders.get(folder).is_some_and(|until| index < *until)
    }
}

impl Promise {
    fn holds_for(self, path: &Path) -> bool {
        match self {
            Promise::Kept => true,
            Promise::BrokenFor(end) => !path.to_string_lossy().ends_with(end),
        }
    }
}

impl What {
    fn parse(name: &str, file: usize, number: usize, body: Range<usize>, bytes: &[u8]) -> What {
        let text = || std::str::from_utf8(&bytes[body.clone()]).expect("a path in UTF-8");
        match name {
            "write" => What::Write { file, offset: number, bytes: body },
            "truncate" => What::Truncate { file, length: number },
            "begin_sync" => What::BeginSync { file, sync: number, path: text().into() },
            "end_sync" => What::EndSync { sync: number },
            "fail_sync" => What::FailSync { sync: number },
            "create" => What::Entry(Entry::Create { file, path: text().into() }),
            "make_folder" => What::Entry(Entry::MakeFolder(text().into())),
            "remove" => What::Entry(Entry::Remove(text().into())),
            "rename" => {
                let (from, to) = text().split_once('\0').expect("two paths");
                What::Entry(Entry::Rename { from: from.into(), to: to.into() })
            }
            other => panic!("trace.c writes no {other}"),
        }
    }
}

impl Entry {
    /// The folder that it changes.
    fn folder(&self) -> &Path {
        let path = match self {
            Entry::Create { path, .. } | Entry::MakeFolder(path) | Entry::Remove(path) => path,
            Entry::Rename { from, to } => {
                assert_eq!(from.parent(), to.parent(), "a rename within a folder");
                to
            }
        };
        path.parent().expect("a file is in a folder")
    }
}

impl Fate {
    fn keeps(self, random: &mut Random) -> bool {
        match self {
            Fate::Kept => true,
            Fate::Lost => false,
            Fate::Mixed => random.below(2) == 0,
        }
    }
}

fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8], fate: Fate, random: &mut Random) {
    let torn = matches!(fate, Fate::Mixed) && random.below(3) == 0;
    if !torn && !fate.keeps(random) {
        return;
    }
    let end = offset + bytes.len();
    content.resize(content.len().max(end), 0);
    let mut start = offset;
    while start < end {
        let stop = end.min((start / SECTOR + 1) * SECTOR);
        if !torn || random.below(2) == 0 {
            content[start..stop].copy_from_slice(&bytes[start - offset..stop - offset]);
        }
        start = stop;
    }
}

/// The index of SQLite's log is a mapped file, which is never synced: the disk has any of it.
fn make_index(path: &Path, random: &mut Random) {
    const BYTES: usize = 32_768;
    let found = [None, Some(vec![]), Some(vec![0; BYTES]), Some(vec![0xa5; BYTES])];
    if let Some(bytes) = &found[random.index(found.len())] {
        fs::write(path, bytes).expect("made");
    }
}

/// The program makes all its secrets so; the trace has no modes.
fn for_its_owner_only(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is there");
}

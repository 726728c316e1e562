//! Where an export goes: standard output, or a file that is there whole or not at all.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, BufWriter, Stdout, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

use crate::book::files::{folder_of, follow, is_open_already};
use crate::book::{self, Place};
use crate::error::CliError;
use crate::{output, signals};

/// Where it goes.
#[derive(Args, Debug)]
pub(super) struct TargetArgs {
    /// Write to this file, in place of what it was, once all is written [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// An export in the making.
pub(super) struct Target(Kind);

enum Kind {
    Stdout(BufWriter<Stdout>),
    /// A pipe or a device, in whose place no file may be put.
    Stream(BufWriter<File>),
    /// A file by its own name, and as the command line has it.
    File(BufWriter<Draft>, PathBuf, PathBuf),
}

/// A temporary file beside the one that it will become. Nobody knows its name, so a signal that ends
/// the program takes it away.
struct Draft {
    file: NamedTempFile,
    /// Waits for the signal.
    watch: Runtime,
}

impl Target {
    /// Begins. No file of the book is written over.
    pub(super) fn open(args: &TargetArgs, place: &Place) -> Result<Target, CliError> {
        let Some(named) = &args.output else { return Ok(Target::stdout()) };
        place.refuse_own(named)?;
        let path = follow(named).map_err(|error| unwritable(named, &error))?;
        let there = path.metadata().ok();
        if there.as_ref().is_some_and(is_stdout) {
            return Ok(Target::stdout());
        }
        if is_open_already(&path) || there.as_ref().is_some_and(|there| !there.is_file()) {
            // Behind what is there, should it be a file.
            let file = File::options().append(true).open(&path);
            let file = file.map_err(|error| unwritable(named, &error))?;
            return Ok(Target(Kind::Stream(BufWriter::new(file))));
        }
        let draft = Draft::begin(folder_of(&path), there.map(|there| there.permissions()))?;
        Ok(Target(Kind::File(BufWriter::new(draft), path, named.clone())))
    }

    fn stdout() -> Target {
        Target(Kind::Stdout(BufWriter::new(io::stdout())))
    }

    /// Ends: what was written is there now, on the disk. Then says what was done, on standard
    /// output unless the export itself went there.
    pub(super) fn finish(
        self,
        summary: &impl Serialize,
        told: &str,
        json: bool,
    ) -> Result<(), CliError> {
        let text = if json { output::json_text(summary)? } else { told.to_owned() };
        match self.0 {
            Kind::Stdout(mut out) => {
                out.flush()?;
                writeln!(io::stderr(), "{text}")?;
            }
            Kind::Stream(mut out) => {
                out.flush()?;
                writeln!(io::stdout(), "{text}")?;
            }
            Kind::File(out, path, named) => {
                let Draft { file, watch } =
                    out.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                // From here on it is not to be taken away any more.
                drop(watch);
                file.persist(&path).map_err(|error| error.error)?;
                quipu_files::sync_folder(folder_of(&path))?;
                let written = format!("{text}, written to {}", named.display());
                writeln!(io::stdout(), "{}", if json { text } else { written })?;
            }
        }
        Ok(())
    }
}

impl Draft {
    /// With the permissions of the file that it replaces, if there is one.
    fn begin(folder: &Path, kept: Option<Permissions>) -> Result<Draft, CliError> {
        let watch = book::runtime()?;
        let made = Arc::new(Mutex::new(None::<PathBuf>));
        let path = Arc::clone(&made);
        // Before there is a file; while it is made, the signal waits.
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        signals::end_after(watch.handle(), move || {
            if let Some(path) = path.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // The program ends, whatever comes of it.
                let _removed = fs::remove_file(path);
            }
        })?;
        // Like any other new file: the umask takes away from this what it takes away from those.
        let permissions = kept.clone().unwrap_or_else(|| Permissions::from_mode(0o666));
        let file = tempfile::Builder::new().permissions(permissions).tempfile_in(folder);
        let file = file.map_err(|error| unwritable(folder, &error))?;
        *made = Some(file.path().to_owned());
        drop(made);
        if let Some(kept) = kept {
            file.as_file().set_permissions(kept)?;
        }
        Ok(Draft { file, watch })
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether it is where standard output goes: opened once more, a file would have what is told at
/// the end in the midst of the export.
fn is_stdout(there: &Metadata) -> bool {
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let stdout = stdout.and_then(|stdout| stdout.metadata());
    stdout.is_ok_and(|stdout| (stdout.dev(), stdout.ino()) == (there.dev(), there.ino()))
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::Malformed {
        what: format!("cannot write {}: {}", path.display(), error.kind()),
        hint: "name a file in a folder that is there and yours to write in, with --output".into(),
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Stdout(out) => out.write(bytes),
            Kind::Stream(out) => out.write(bytes),
            Kind::File(out, ..) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Stdout(out) => out.flush(),
            Kind::Stream(out) => out.flush(),
            Kind::File(out, ..) => out.flush(),
        }
    }
}

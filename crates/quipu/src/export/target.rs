//! Where an export goes: standard output, or a file that is there whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Stdout, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;

use crate::error::CliError;
use crate::{book, output, signals};

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
    File(BufWriter<Draft>, PathBuf),
}

/// A temporary file beside the one that it will become. Nobody knows its name, so a signal that ends
/// the program takes it away.
struct Draft {
    file: NamedTempFile,
    /// Waits for the signal.
    watch: Runtime,
}

impl Target {
    /// Begins.
    pub(super) fn open(args: &TargetArgs) -> Result<Target, CliError> {
        let Some(path) = &args.output else {
            return Ok(Target(Kind::Stdout(BufWriter::new(io::stdout()))));
        };
        if path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            let file = File::options().write(true).open(path)?;
            return Ok(Target(Kind::Stream(BufWriter::new(file))));
        }
        let draft = Draft::begin(folder_of(path))?;
        Ok(Target(Kind::File(BufWriter::new(draft), path.clone())))
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
            Kind::File(out, path) => {
                let Draft { file, watch } =
                    out.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                // From here on it is not to be taken away any more.
                drop(watch);
                file.persist(&path).map_err(|error| error.error)?;
                quipu_files::sync_folder(folder_of(&path))?;
                let written = format!("{text}, written to {}", path.display());
                writeln!(io::stdout(), "{}", if json { text } else { written })?;
            }
        }
        Ok(())
    }
}

impl Draft {
    fn begin(folder: &Path) -> Result<Draft, CliError> {
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
        let permissions = Permissions::from_mode(0o666);
        let file = tempfile::Builder::new().permissions(permissions).tempfile_in(folder);
        let file = file.map_err(|error| CliError::Malformed {
            what: format!("cannot write in {}: {}", folder.display(), error.kind()),
            hint: "name a file in a folder that is there, with --output".into(),
        })?;
        *made = Some(file.path().to_owned());
        drop(made);
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

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Stdout(out) => out.write(bytes),
            Kind::Stream(out) => out.write(bytes),
            Kind::File(out, _) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Stdout(out) => out.flush(),
            Kind::Stream(out) => out.flush(),
            Kind::File(out, _) => out.flush(),
        }
    }
}

//! The command line.

mod show;

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use quipu_verify::{
    Checkpoint, Grown, HeldTo, Included, Report, Trust, VerifierKey, verify_event, verify_export,
    verify_growth,
};

/// The exit code where nothing could be checked.
pub(crate) const UNUSABLE: u8 = 2;

/// A file of evidence that is larger than this is not one.
const MOST_BYTES_IN_FILE: u64 = 1 << 20;

const EXIT_CODES: &str = "\
Exit codes:
  0  everything that was asked for holds
  1  something does not: the verdict says what and where
  2  nothing was checked: a file cannot be read, a key or policy cannot be used, or the command
     line is wrong";

/// Check a Quipu journal from outside: offline, by published formats, trusting nobody who runs it.
///
/// Give it the verifier key of the log (--vkey) or a policy with witnesses (--policy), and a
/// checkpoint that was saved earlier: whatever was signed then must still be there.
#[derive(Debug, Parser)]
#[command(name = "quipu-verify", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Write the verdict as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Recompute a whole journal from its export, and hold it to checkpoints
    Export {
        /// What `quipu export journal` wrote; - reads standard input
        file: PathBuf,
        /// A checkpoint that was saved earlier; may be repeated
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Check that one event is in the journal under a signed checkpoint
    Proof {
        /// The .tlog-proof file
        file: PathBuf,
        /// The event, byte for byte as it was recorded
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
        #[command(flatten)]
        trust: TrustArgs,
    },
    /// Check that a later checkpoint only added to an earlier one
    Consistency {
        /// The checkpoint that was saved earlier
        old: PathBuf,
        /// The proof, which ends with the later checkpoint
        file: PathBuf,
        #[command(flatten)]
        trust: TrustArgs,
    },
}

/// Whose signatures count.
#[derive(Args, Debug)]
struct TrustArgs {
    /// A verifier key of the log, NAME+HEX+BASE64; repeat it for each that the log has had
    #[arg(long, value_name = "VKEY")]
    vkey: Vec<VerifierKey>,
    /// A file that names logs, witnesses and a quorum (C2SP tlog-policy)
    #[arg(long, value_name = "FILE", conflicts_with = "vkey")]
    policy: Option<PathBuf>,
}

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A file does not open or read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// Nobody was named whose signatures count.
    #[error("a signature proves nothing without a key: give the log's --vkey, or a --policy")]
    NobodyTrusted,
    /// The keys or the policy cannot be used.
    #[error("{0}")]
    Trust(String),
    /// The verdict cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// What was asked, and what came out.
enum Verdict {
    Export(Report),
    Included(Included),
    Grown(Grown),
    /// The evidence itself does not hold; the words say why.
    Worthless(String),
}

impl Cli {
    /// Checks what was asked for and says what was found: whether it holds.
    pub(crate) fn run(self) -> Result<bool, CliError> {
        let verdict = match &self.verb {
            Verb::Export { file, checkpoint, trust } => export(file, checkpoint, trust)?,
            Verb::Proof { file, event, trust } => {
                let trust = trust.required()?;
                let verified = verify_event(&read(file)?, &read(event)?, &trust);
                verified.map_or_else(|why| worthless(file, &why), Verdict::Included)
            }
            Verb::Consistency { old, file, trust } => {
                let trust = trust.required()?;
                let verified = verify_growth(&read(old)?, &read(file)?, &trust);
                verified.map_or_else(|why| worthless(file, &why), Verdict::Grown)
            }
        };
        let out = &mut io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &verdict.json()).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            verdict.write(out)?;
        }
        Ok(verdict.holds())
    }
}

fn export(file: &Path, checkpoints: &[PathBuf], trust: &TrustArgs) -> Result<Verdict, CliError> {
    let mut held_to = Vec::new();
    if !checkpoints.is_empty() {
        let trust = trust.required()?;
        for path in checkpoints {
            match Checkpoint::open(&read(path)?, &trust) {
                Ok(checkpoint) => held_to.push((path.display().to_string(), checkpoint)),
                Err(why) => return Ok(worthless(path, &why)),
            }
        }
    }
    let unreadable = |error| CliError::Unreadable { path: file.display().to_string(), error };
    let mut input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::with_capacity(1 << 16, File::open(file).map_err(unreadable)?))
    };
    let mut progress = Progress::default();
    let report = verify_export(&mut *input, held_to, &mut |at, of| progress.show(at, of));
    progress.clear();
    report.map(Verdict::Export).map_err(unreadable)
}

fn worthless(path: &Path, why: &impl ToString) -> Verdict {
    Verdict::Worthless(format!("{}: {}", path.display(), why.to_string()))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(MOST_BYTES_IN_FILE + 1).read_to_end(&mut bytes))
        .and_then(|_| match bytes.len() as u64 > MOST_BYTES_IN_FILE {
            true => Err(io::Error::other("it is larger than 1 MiB, which no such file is")),
            false => Ok(()),
        });
    read.map_err(|error| CliError::Unreadable { path: path.display().to_string(), error })?;
    Ok(bytes)
}

impl TrustArgs {
    fn required(&self) -> Result<Trust, CliError> {
        let Some(path) = &self.policy else {
            if self.vkey.is_empty() {
                return Err(CliError::NobodyTrusted);
            }
            let trust = Trust::in_logs(self.vkey.clone());
            return trust.map_err(|why| CliError::Trust(why.to_owned()));
        };
        let shown = path.display();
        let text = String::from_utf8(read(path)?)
            .map_err(|_| CliError::Trust(format!("{shown}: the policy is not UTF-8 text")))?;
        Trust::from_policy(&text).map_err(|error| CliError::Trust(format!("{shown}: {error}")))
    }
}

/// How far a long check is, for whoever watches.
#[derive(Default)]
struct Progress {
    shown: bool,
    percent: u64,
}

impl Progress {
    fn show(&mut self, at: u64, of: u64) {
        let percent = at.saturating_mul(100).checked_div(of).unwrap_or(100);
        if percent > self.percent && io::stderr().is_terminal() {
            eprint!("\r{percent:>3} %  {at} of {of} events");
            (self.shown, self.percent) = (true, percent);
        }
    }

    fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

//! `quipu prove`: proofs as files, for whoever verifies them offline.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use quipu_proofs::{AddCheckpoint, Checkpoint, verify_consistency};
use serde::Serialize;

use crate::checkpoint::{self, malformed};
use crate::error::CliError;
use crate::evidence::{Evidence, EvidenceArgs};
use crate::exit_codes;
use crate::output;

/// Prove that an event is in the book, or that the book continues an old checkpoint
///
/// For an event, writes two files: its exact text, event-N.json, and the proof that leads from it
/// to a signed checkpoint, event-N.tlog-proof (c2sp.org/tlog-proof). With --consistency, writes the
/// proof that leads from an old checkpoint to a newer one (the add-checkpoint body of
/// c2sp.org/tlog-witness); where the book does not continue it, exits with 1.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct ProveArgs {
    /// The position of an event
    #[arg(group = "what")]
    position: Option<u64>,
    /// A file with an old checkpoint
    #[arg(long, value_name = "OLD_CHECKPOINT", group = "what")]
    consistency: Option<PathBuf>,
    /// Prove it towards the published checkpoint of this size; the newest where absent
    #[arg(long, value_name = "EVENTS")]
    size: Option<u64>,
    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    evidence: EvidenceArgs,
}

/// What was proved.
#[derive(Serialize)]
struct Shown {
    files: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    origin: String,
    size: u64,
}

/// Writes what was asked for.
pub(crate) fn run(args: &ProveArgs, json: bool) -> Result<u8, CliError> {
    let evidence = args.evidence.open()?;
    let shown = match (args.position, &args.consistency) {
        (Some(position), _) => inclusion(args, &evidence, position)?,
        (None, Some(old)) => consistency(args, &evidence, old)?,
        (None, None) => unreachable!("the command line asks for one of them"),
    };
    if json {
        output::json(&shown)?;
    } else {
        for file in &shown.files {
            writeln!(io::stdout().lock(), "{}", file.display())?;
        }
        let what = match shown.position {
            Some(position) => format!("event {position} is in"),
            None => {
                format!("the checkpoint of {} is continued by", events(shown.from.unwrap_or(0)))
            }
        };
        output::tell(format_args!("{what} {}, {}", shown.origin, events(shown.size)));
    }
    Ok(exit_codes::OK)
}

fn inclusion(args: &ProveArgs, evidence: &Evidence, position: u64) -> Result<Shown, CliError> {
    let proof = evidence.inclusion(position, args.size)?;
    let event = evidence.event(position)?;
    let (_, note) = proof.split_once("\n\n").unwrap_or_default();
    let Checkpoint { origin, size, .. } = checkpoint::of(note)?;
    let files = vec![
        write(&args.out, &format!("event-{position}.json"), &event)?,
        write(&args.out, &format!("event-{position}.tlog-proof"), &proof)?,
    ];
    Ok(Shown { files, position: Some(position), from: None, origin, size })
}

fn consistency(args: &ProveArgs, evidence: &Evidence, old: &Path) -> Result<Shown, CliError> {
    let old = checkpoint::read(old)?;
    let newest = checkpoint::of(&evidence.newest()?)?;
    if newest.size < old.size {
        return Err(CliError::NotVerified {
            what: format!(
                "the book has signed {} as {}, and the checkpoint has {}: its end is missing",
                events(newest.size),
                newest.origin,
                old.size
            ),
        });
    }
    let body = evidence.consistency(old.size, args.size)?;
    let step = AddCheckpoint::parse(&body).map_err(|error| malformed(&error))?;
    let Checkpoint { origin, size, root } = step.checkpoint;
    if !verify_consistency((old.size, &old.root), (size, &root), &step.proof) {
        return Err(CliError::NotVerified {
            what: format!(
                "the book of {} does not continue the checkpoint {} of {}: what it covers was changed",
                events(size),
                old.origin,
                old.size
            ),
        });
    }
    let name = format!("consistency-{}-{size}.tlog-consistency", old.size);
    let files = vec![write(&args.out, &name, &body)?];
    Ok(Shown { files, position: None, from: Some(old.size), origin, size })
}

fn events(number: u64) -> String {
    output::count(number, "event")
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, CliError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied => {
            CliError::Malformed {
                what: format!("cannot write {}: {}", path.display(), error.kind()),
                hint: "name a folder that is there, with --out".into(),
            }
        }
        _ => error.into(),
    })?;
    Ok(path)
}

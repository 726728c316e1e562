//! `quipu checkpoint`: the newest signed checkpoint.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use quipu_proofs::{Checkpoint, FormatError, SignedNote};
use serde::Serialize;

use crate::error::CliError;
use crate::evidence::EvidenceArgs;
use crate::exit_codes;
use crate::output;

/// Print the newest signed checkpoint
///
/// Keep it, away from whoever runs the book: with it, `quipu prove --consistency` and an offline
/// verifier catch every later change of what it covers.
#[derive(Args, Debug)]
pub(crate) struct CheckpointArgs {
    #[command(flatten)]
    evidence: EvidenceArgs,
}

/// A checkpoint as JSON.
#[derive(Serialize)]
struct Shown {
    origin: String,
    size: u64,
    root: String,
    signed_by: Vec<String>,
    checkpoint: String,
}

/// Prints it, byte for byte as it was signed.
pub(crate) fn run(args: &CheckpointArgs, json: bool) -> Result<u8, CliError> {
    let note = args.evidence.open()?.newest()?;
    if json {
        output::json(&shown(note).map_err(|error| malformed(&error))?)?;
    } else {
        io::stdout().lock().write_all(note.as_bytes())?;
    }
    Ok(exit_codes::OK)
}

fn shown(note: String) -> Result<Shown, FormatError> {
    let signed = SignedNote::parse(&note)?;
    let Checkpoint { origin, size, root } = Checkpoint::of(&signed)?;
    let signed_by = signed.signatures.into_iter().map(|signature| signature.name).collect();
    Ok(Shown { origin, size, root: root.to_string(), signed_by, checkpoint: note })
}

/// A checkpoint that was kept in a file.
pub(crate) fn read(file: &Path) -> Result<Checkpoint, CliError> {
    let text = fs::read_to_string(file).map_err(|error| CliError::Malformed {
        what: format!("cannot read {}: {error}", file.display()),
        hint: "name a file that `quipu checkpoint` was written to".into(),
    })?;
    of(&text)
}

/// The checkpoint that a note is.
pub(crate) fn of(note: &str) -> Result<Checkpoint, CliError> {
    let checkpoint = SignedNote::parse(note).and_then(|note| Checkpoint::of(&note));
    checkpoint.map_err(|error| malformed(&error))
}

/// A text that is not what it should be.
pub(crate) fn malformed(error: &FormatError) -> CliError {
    CliError::Malformed {
        what: error.to_string(),
        hint: "give a checkpoint as `quipu checkpoint` printed it, byte for byte".into(),
    }
}

//! `quipu erase`: personal data of a tenant becomes unreadable.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;
use serde_json::json;

use crate::client::{Client, ServerArgs, part};
use crate::error::CliError;
use crate::exit_codes;
use crate::output;

/// Destroy the keys of what was sealed for a tenant: its names, reasons and references
///
/// They read [erased] from then on, for everybody and for ever; amounts, hashes and proofs stay as
/// they are. The erasure itself is recorded, with its reason, which stays in clear: refer to the
/// request, and name nobody. It names every key that the journal's texts are sealed with, so a
/// backup of the keys that was made before can bring them back only until a server starts on it.
#[derive(Args, Debug)]
pub(crate) struct EraseArgs {
    /// The tenant's id, such as t_acme
    subject: String,
    /// Why; it is kept for ever
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Do not ask whether that is meant
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Asks, has it done, and says what was done.
pub(crate) fn run(args: &EraseArgs, json: bool) -> Result<u8, CliError> {
    let client = Client::new(&args.server)?;
    if !args.yes {
        confirm(&args.subject)?;
    }
    let path = format!("/v1/subjects/{}/erase", part(&args.subject));
    let key = format!("erase-{}", uuid::Uuid::now_v7());
    let answer = client.post(&path, Some(&key), &json!({"reason": args.reason}))?;
    let erased = client.recorded(answer, "SubjectErased")?;
    if json {
        output::json(&erased)?;
    } else {
        let keys = erased["keys"].as_array().map_or(0, Vec::len) as u64;
        writeln!(
            io::stdout().lock(),
            "erased {}: {} destroyed, recorded at position {}",
            args.subject,
            output::count(keys, "key"),
            output::text(&erased["position"])
        )?;
    }
    Ok(exit_codes::OK)
}

/// There is no way back, so a person is asked, and a program must say that it means it.
fn confirm(subject: &str) -> Result<(), CliError> {
    let not_confirmed = || CliError::Malformed {
        what: "nothing was erased: it was not confirmed".into(),
        hint: "type the tenant's id when asked, or say --yes".into(),
    };
    if !io::stdin().is_terminal() {
        return Err(not_confirmed());
    }
    eprint!(
        "Names, reasons and references of {subject} will be unreadable for ever. Type its id to confirm: "
    );
    let mut typed = String::new();
    io::stdin().read_line(&mut typed)?;
    if typed.trim() == subject { Ok(()) } else { Err(not_confirmed()) }
}

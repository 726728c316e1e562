//! `quipu keys`: the keys that sign checkpoints.

use std::io;
use std::path::Path;

use clap::{Args, Subcommand};
use quipu_domain::Timestamp;
use quipu_domain::epoch;
use quipu_engine::{Clock as _, SystemClock};
use quipu_proofs::{Algorithm, KeyFolder, KeyRecord, LogName};
use serde::Serialize;

use crate::book::BookArgs;
use crate::error::CliError;
use crate::exit_codes;
use crate::output::{self, Align, Table};
use crate::server::UNSAID_ORIGIN;
use crate::signing::KeysArgs;

/// Make, list and rotate the keys that sign checkpoints
///
/// Secrets are never shown; a key is known by its verifier key (vkey), which whoever verifies is
/// given. A running server takes changes up within a second.
#[derive(Args, Debug)]
pub(crate) struct KeysCommand {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    keys: KeysArgs,
    /// The name that the keys sign under: the log's, or the witness's
    #[arg(
        long,
        env = "QUIPU_ORIGIN",
        hide_env_values = true,
        value_name = "NAME",
        default_value = UNSAID_ORIGIN
    )]
    origin: LogName,
    /// Show the keys as those of a witness
    #[arg(long)]
    witness: bool,
    /// Show them for the checkpoints of this epoch; the one that was signed last where absent
    #[arg(long, value_name = "NUMBER", conflicts_with = "witness",
        value_parser = clap::value_parser!(u64).range(1..))]
    epoch: Option<u64>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key, which signs from now on beside those that there are
    Generate,
    /// Show the keys, without their secrets
    List,
    /// Make a key, and end those before it once whoever verifies has had time to learn of it
    Rotate {
        /// How long the keys before it sign beside it
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        overlap_days: u32,
    },
}

/// A key as it is shown.
#[derive(Serialize)]
struct Shown {
    key: String,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    active: bool,
    vkey: String,
}

/// Does what was asked, and shows the keys that there are then.
pub(crate) fn run(args: &KeysCommand, json: bool) -> Result<u8, CliError> {
    let place = args.book.place();
    if let (Verb::List | Verb::Rotate { .. }, Some(folder)) = (&args.verb, args.keys.folder(&place))
        && !folder.is_dir()
    {
        return Err(no_keys(&folder));
    }
    let (folder, now) = (args.keys.open(&place)?, SystemClock.now());
    match args.verb {
        Verb::Generate => made(&folder, &folder.generate(now)?),
        Verb::Rotate { overlap_days } => {
            // Whoever means to end a key must not believe that it is ended where there is none.
            if folder.list()?.is_empty() {
                return Err(no_keys(folder.path()));
            }
            let end = now.plus_seconds(i64::from(overlap_days) * 86_400);
            made(&folder, &folder.rotate(now, end)?);
        }
        Verb::List => {}
    }
    let shown = shown(args, &folder, now)?;
    if json {
        output::json(&shown)?;
    } else {
        table(&shown).write(&mut io::stdout().lock())?;
    }
    Ok(exit_codes::OK)
}

fn no_keys(folder: &Path) -> CliError {
    CliError::Unusable {
        what: format!("there are no keys in {}", folder.display()),
        hint: "name the folder with --keys, or make a key with `quipu keys generate`".into(),
    }
}

fn made(folder: &KeyFolder, key: &KeyRecord) {
    output::tell(format_args!("made key {} in {}", key.id, folder.path().display()));
}

fn shown(args: &KeysCommand, folder: &KeyFolder, now: Timestamp) -> Result<Vec<Shown>, CliError> {
    let last = folder.last_signed()?;
    let (name, algorithm) = if args.witness {
        (args.origin.to_string(), Algorithm::Witness)
    } else {
        let number = args.epoch.unwrap_or_else(|| last.map_or(1, |last| last.epoch));
        (epoch::origin(args.origin.as_str(), number), Algorithm::Log)
    };
    let keys = folder.list()?;
    let shown = |key: KeyRecord| Shown {
        created_at: key.created_at,
        ends_at: key.ends_at,
        active: key.is_active(now),
        vkey: key.verifier(&name, algorithm).to_string(),
        key: key.id,
    };
    Ok(keys.into_iter().map(shown).collect())
}

fn table(keys: &[Shown]) -> Table {
    let headings = ["key", "since", "until", "signs", "vkey"].map(|heading| (heading, Align::Left));
    let mut table = Table::new(&headings);
    for key in keys {
        table.row(vec![
            key.key.clone(),
            key.created_at.to_string(),
            key.ends_at.map_or_else(String::new, |end| end.to_string()),
            if key.active { "yes" } else { "no" }.to_owned(),
            key.vkey.clone(),
        ]);
    }
    table
}

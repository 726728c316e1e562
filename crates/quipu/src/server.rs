//! Wires the parts to a server, and takes them down again in order.

pub(crate) mod beside;
mod cosigning;
mod lease;
mod opening;
mod parts;
mod publication;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use clap::Args;

use crate::book::{Book, BookArgs, Place};
use crate::error::CliError;
use crate::exit_codes;
use crate::signals::Signals;
use crate::signing::{KeysArgs, unsaid_folder};
use crate::subject_keys::SubjectKeysArgs;
use cosigning::WitnessAddress;
use opening::Opening;
use parts::Parts;
use quipu_proofs::LogName;

/// How far back grants, debits and usage may be dated, where nothing else is said.
const BACKDATING_DAYS: u32 = 3_660;

/// What the first signal makes of a server.
pub(crate) const FINISHING: &str = "stopping once requests under way are answered";
/// What a book is called in its checkpoints, where nothing else is said.
pub(crate) const UNSAID_ORIGIN: &str = "quipu.local/main";

/// What a server is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServingArgs {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    subject_keys: SubjectKeysArgs,
    /// The loopback address to listen on; port 0 takes a free one
    #[arg(
        long,
        env = "QUIPU_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:7171",
        value_parser = address
    )]
    listen: SocketAddr,
    /// Answer requests to this host, too, and not only to loopback: the name that a proxy in front
    /// is reached by, where it passes it on; repeat it for more of them
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// How far back grants, debits and usage may be dated
    #[arg(
        long,
        env = "QUIPU_BACKDATING_DAYS",
        hide_env_values = true,
        value_name = "DAYS",
        default_value_t = BACKDATING_DAYS
    )]
    backdating_days: u32,
    #[command(flatten)]
    signing: SigningArgs,
}

/// How checkpoints are signed.
#[derive(Args, Clone, Debug)]
struct SigningArgs {
    #[command(flatten)]
    keys: KeysArgs,
    /// The name of the book in its checkpoints; with the epoch it is their origin
    #[arg(
        long,
        env = "QUIPU_ORIGIN",
        hide_env_values = true,
        value_name = "NAME",
        default_value = UNSAID_ORIGIN
    )]
    origin: LogName,
    /// Have this witness cosign every checkpoint; repeat it for more of them
    #[arg(long, value_name = "URL=VKEY")]
    witness: Vec<WitnessAddress>,
}

/// How the checkpoints of a book are signed.
struct Signing {
    /// Absent where nothing signs.
    keys: Option<PathBuf>,
    origin: LogName,
    witnesses: Vec<WitnessAddress>,
}

impl SigningArgs {
    fn of(&self, place: &Place) -> Signing {
        let (origin, witnesses) = (self.origin.clone(), self.witness.clone());
        Signing { keys: self.keys.folder(place), origin, witnesses }
    }
}

impl Signing {
    /// As `quipu serve` has it where neither a flag nor the environment says anything.
    fn unsaid(place: &Place) -> Signing {
        let origin = UNSAID_ORIGIN.parse().expect("the default is a log's name");
        Signing { keys: unsaid_folder(place), origin, witnesses: Vec::new() }
    }
}

/// A server that answers.
pub(crate) struct Ready {
    /// Where it is reached.
    pub(crate) url: String,
    /// Becomes true when it is about to go down.
    pub(crate) stopping: Arc<AtomicBool>,
}

/// Serves until a signal comes, then finishes what is under way. `beside` starts threads that
/// work beside the server; they are to end when `Ready::stopping` becomes true.
pub(crate) fn run(
    args: &ServingArgs,
    json: bool,
    beside: impl FnOnce(&Ready) -> Result<Vec<JoinHandle<()>>, CliError>,
) -> Result<u8, CliError> {
    log_to_stderr(json);
    let runtime = crate::book::runtime()?;
    let signals = Signals::watch_of_server(runtime.handle(), FINISHING)?;
    let place = args.book.place();
    let opening = Opening::listen(args.listen, &runtime)?;
    let Some(book) = lease::open_book(&place, &signals, &opening)? else {
        return Ok(exit_codes::OK);
    };
    let keys = args.subject_keys.open(&place)?;
    let runtime_handle = runtime.handle();
    let days = args.backdating_days;
    let signing = args.signing.of(&place);
    let parts = Parts::start(&book, keys, days, &signing, runtime_handle, &signals, &opening)?;
    let Some(parts) = parts else {
        return Ok(exit_codes::OK);
    };
    let parts = parts.allowing_hosts(args.allow_host.clone());
    let address = opening.address()?;
    let ready = Ready { url: format!("http://{address}"), stopping: signals.stopping() };
    announce(&book, &ready)?;
    let threads = beside(&ready)?;
    let first = signals.first();
    let served = runtime.block_on(runtime.spawn(parts.serve(opening.done(), first)));
    // One that ends by itself takes them along.
    ready.stopping.store(true, Ordering::SeqCst);
    let served = served.map_err(|_| panicked())?;
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread beside the server panicked");
        }
    }
    served?;
    tracing::info!("stopped; everything that was acknowledged is in the book");
    Ok(exit_codes::OK)
}

/// An address to listen on. Names are not looked up: what they lead to may change.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, such as 127.0.0.1:7171 or [::1]:7171".to_owned()
    })
}

fn panicked() -> CliError {
    CliError::Unusable {
        what: "the server panicked".into(),
        hint: "start it again: what was acknowledged is in the book; and report its log".into(),
    }
}

/// Says where the book is, how it is kept, and where to go.
fn announce(book: &Book, ready: &Ready) -> Result<(), CliError> {
    let settings: Vec<String> =
        book.settings()?.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    tracing::info!("book: {} ({})", book.place, settings.join(", "));
    tracing::info!("listening on {} (loopback only: there is no access control yet)", ready.url);
    tracing::info!("docs: {}/docs", ready.url);
    Ok(())
}

/// The log: on standard error, as lines for people or as JSON; `QUIPU_LOG` chooses what.
pub(crate) fn log_to_stderr(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("QUIPU_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,quipu=info"));
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        // Where a line cannot be written, as on a full disk, it would say so and panic.
        .log_internal_errors(false);
    // A second server in one process, as in tests, keeps the first one's log.
    let started =
        if json { log.json().try_init() } else { log.with_target(false).compact().try_init() };
    drop(started);
}

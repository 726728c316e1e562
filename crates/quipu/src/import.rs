//! `quipu import`: brings usage records, or a whole journal, from files into the book.
//!
//! Of usage nothing is remembered on this side. A row's identity in the book is the file's name and the
//! row's number, so the server itself knows what it has already: running the same command again,
//! after an interruption or after mending a line, goes on where it stopped.

mod columns;
mod journal;
mod postgres_es;
mod summary;
mod time;

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::book::files::{follow, is_open_already};
use crate::client::{Client, Patience, ServerArgs, part};
use crate::csv_file::ClosedQuotes;
use crate::error::CliError;
use crate::exit_codes;
use crate::output;
use crate::usage::{self, UsageRecord};
use columns::{ColumnArgs, Columns, Common};
use summary::Summary;

/// Bring records from a file, or the events of another store, into the book
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Usage(Box<UsageArgs>),
    PostgresEs(postgres_es::PostgresEsArgs),
    Journal(journal::JournalArgs),
}

/// Record each row of a CSV file as usage of one tenant
///
/// Run it again as often as you like within 32 days: a row that the book has is not recorded
/// again, so after an interruption, a top-up or a mended line the same command goes on where it
/// stopped. A row is known by the file's name, without its folder (or by --source), and its number
/// among the rows; rows may be appended to the file, but not inserted or reordered. Another file of
/// the same name needs a --source of its own, and so does what is no file, such as standard input.
/// After 32 days the book may have forgotten which rows it has.
#[derive(Args, Debug)]
struct UsageArgs {
    /// The file, with a line of column names first
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
    /// Whose usage it is
    #[arg(long, value_name = "ID")]
    tenant: String,
    /// What it counts on
    #[arg(long, value_name = "NAME")]
    meter: String,
    #[command(flatten)]
    columns: ColumnArgs,
    /// What the rows are known by, instead of the file's name
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    source: Option<String>,
    /// Rows per request
    #[arg(long, value_name = "ROWS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    batch: u64,
    /// How long to go on trying when the server is away or busy
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
}

/// Does it; the number is the exit code.
pub(crate) fn run(args: &ImportArgs, json: bool) -> Result<u8, CliError> {
    match &args.what {
        What::Usage(args) => usage(args, json),
        What::PostgresEs(args) => postgres_es::run(args, json),
        What::Journal(args) => journal::run(args, json),
    }
}

fn usage(args: &UsageArgs, json: bool) -> Result<u8, CliError> {
    let client = Client::new(&args.server)?;
    let mut import = Import::open(args, client)?;
    let ended = import.all();
    if ended.is_ok() && import.summary.has_recorded() {
        import.await_views();
    }
    import.progress.finish_and_clear();
    import.summary.write(&import.name, json)?;
    ended?;
    Ok(if import.summary.is_complete() { exit_codes::OK } else { exit_codes::REFUSED })
}

/// One run over one file.
struct Import<'a> {
    args: &'a UsageArgs,
    client: Client,
    /// The journal's last position when the import began.
    began_at: u64,
    /// The file as the user named it, for messages.
    name: String,
    rows: csv::Reader<ClosedQuotes<File>>,
    columns: Columns,
    batch: Vec<(u64, UsageRecord)>,
    summary: Summary,
    progress: ProgressBar,
}

impl<'a> Import<'a> {
    fn open(args: &'a UsageArgs, client: Client) -> Result<Import<'a>, CliError> {
        let name = args.file.display().to_string();
        let unreadable = |error: std::io::Error| CliError::Malformed {
            what: format!("cannot read {name}: {error}"),
            hint: "check the path and its permissions".into(),
        };
        let file = File::open(&args.file).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let source = source(args, &metadata)?;
        // A carriage return before the line feed is trimmed off; as part of the terminator it
        // would make the reader's line numbers late.
        let mut rows = csv::ReaderBuilder::new()
            .terminator(csv::Terminator::Any(b'\n'))
            .trim(csv::Trim::All)
            .from_reader(ClosedQuotes::new(file));
        let headings = rows.headers().map_err(|error| malformed(&name, 1, &error))?;
        let common = Common { tenant: args.tenant.clone(), meter: args.meter.clone(), source };
        let columns = Columns::find(&args.columns, common, headings, &name)?;
        Ok(Import {
            args,
            began_at: 0,
            client,
            name,
            rows,
            columns,
            batch: Vec::new(),
            summary: Summary::default(),
            progress: progress_bar(metadata.len()),
        })
    }

    fn all(&mut self) -> Result<(), CliError> {
        let ready = self.patiently(|patience| patience.send(|| self.client.ready()))?;
        self.began_at = self.client.head_of(ready)?;
        let mut row = csv::StringRecord::new();
        for number in 1.. {
            let read = self.rows.read_record(&mut row);
            let line = row.position().map_or(0, csv::Position::line);
            let record = match read {
                Ok(false) => break,
                Ok(true) => self.columns.record(number, &row).map_err(|what| CliError::Malformed {
                    what: format!("{}:{line}: {what}", self.name),
                    hint: KEPT.into(),
                }),
                Err(error) => Err(malformed(&self.name, line, &error)),
            };
            match record {
                Ok(record) => self.batch.push((line, record)),
                Err(error) => {
                    self.send()?;
                    return Err(error);
                }
            }
            if self.batch.len() as u64 >= self.args.batch {
                self.send()?;
            }
        }
        self.send()
    }

    /// Waits until reports have what was recorded, for whoever asks for one next. Where that takes
    /// long, it says so and no more: the rows are in the book.
    fn await_views(&self) {
        let path = format!("/v1/tenants/{}/balance", part(&self.args.tenant));
        if let Err(error) = self.client.get_caught_up(&path, Vec::new()) {
            self.progress.suspend(|| {
                output::tell(format_args!("reports may lack some rows for a while: {error}"))
            });
        }
    }

    /// Does what may have to wait for the server.
    fn patiently<T>(
        &self,
        work: impl FnOnce(&mut Patience<'_>) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let tell = &mut |why: &str| self.progress.suspend(|| output::tell(why));
        let most = Duration::from_secs(self.args.patience);
        work(&mut Patience { most, tell, stopping: None })
    }

    /// Sends what has been gathered, and waits for the answer to it.
    fn send(&mut self) -> Result<(), CliError> {
        let batch = std::mem::take(&mut self.batch);
        self.send_rows(&batch)
    }

    /// One row that is not well-formed has its whole request refused: the halves are sent by
    /// themselves then, until it stands alone and is named.
    fn send_rows(&mut self, rows: &[(u64, UsageRecord)]) -> Result<(), CliError> {
        let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        let records: Vec<&UsageRecord> = rows.iter().map(|(_, record)| record).collect();
        let sent =
            self.patiently(|patience| usage::send(&self.client, patience, &records, self.began_at));
        let outcomes = match sent {
            Err(CliError::Malformed { .. } | CliError::Refused { .. }) if rows.len() > 1 => {
                let (left, right) = rows.split_at(rows.len() / 2);
                return self.send_rows(left).and_then(|()| self.send_rows(right));
            }
            Err(error) => {
                let rest = if first == last { String::new() } else { format!("-{last}") };
                return Err(error.about(&format!("{}:{first}{rest}", self.name)));
            }
            Ok(outcomes) => outcomes,
        };
        for ((line, _), outcome) in rows.iter().zip(outcomes) {
            self.summary.add(*line, outcome);
        }
        self.progress.set_position(self.rows.position().byte());
        self.progress.set_message(output::count(self.summary.rows(), "row"));
        Ok(())
    }
}

/// What to do about a line that is not well-formed.
const KEPT: &str =
    "the rows before it are in the book; mend the line and run the same command again to go on";

fn malformed(name: &str, line: u64, error: &csv::Error) -> CliError {
    let line = error.position().map_or(line, csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{name}:{line}: has {len} columns where the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("{name}:{line}: column {} is not UTF-8 text", err.field() + 1)
        }
        // It names its line itself, where it has one.
        csv::ErrorKind::Io(error) => format!("{name}: {error}"),
        _ => format!("{name}:{line}: {error}"),
    };
    CliError::Malformed { what, hint: KEPT.into() }
}

/// What the rows are known by. What is no file, or is open already, has the name of others.
fn source(args: &UsageArgs, file: &Metadata) -> Result<String, CliError> {
    let is_named = file.is_file() && !follow(&args.file).is_ok_and(|file| is_open_already(&file));
    match &args.source {
        Some(source) => Ok(format!("import:{source}")),
        None if is_named => Ok(format!("import:{}", file_name(&args.file))),
        None => Err(CliError::Malformed {
            what: format!("{} is no file whose name its rows can be known by", args.file.display()),
            hint: "name what they are known by, and by nothing else: --source NAME".into(),
        }),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A bar over the file's bytes; draws nothing where standard error is not a terminal.
fn progress_bar(length_bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}  {elapsed}")
        .expect("the template is a constant");
    ProgressBar::new(length_bytes).with_style(style)
}

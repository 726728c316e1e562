//! `quipu assert`: says whether balances are what they should be, for nightly jobs.

mod file;

use std::io;
use std::path::PathBuf;

use clap::Args;
use quipu_domain::Credits;
use serde::Serialize;

use crate::client::{Client, ServerArgs, part};
use crate::error::CliError;
use crate::exit_codes;
use crate::moment::MomentArgs;
use crate::output::{self, Align, Table};

/// Check that balances are what they should be
///
/// Without a moment, available is what can be spent now. With --as-of or --known-at, it is what the
/// books of that moment say. Exit code 1 where an assertion does not hold.
#[derive(Args, Debug)]
pub(crate) struct AssertArgs {
    /// The tenant's id, such as t_acme
    #[arg(required_unless_present = "file", requires = "balance")]
    tenant: Option<String>,
    #[command(flatten)]
    expected: ExpectedArgs,
    #[command(flatten)]
    moment: MomentArgs,
    /// Assertions one a line, as CSV. Its first line names the columns: tenant, then any of
    /// available, held, overdraft, as_of and known_at; an empty field asserts nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tenant", "balance", "as_of", "known_at"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// What a balance should be.
#[derive(Args, Clone, Copy, Debug, Default)]
#[group(id = "balance", multiple = true)]
struct ExpectedArgs {
    /// What should be available
    #[arg(long, value_name = "CREDITS", allow_negative_numbers = true)]
    available: Option<Credits>,
    /// What holds should have reserved
    #[arg(long, value_name = "CREDITS")]
    held: Option<Credits>,
    /// What should be owed
    #[arg(long, value_name = "CREDITS")]
    overdraft: Option<Credits>,
}

/// What is asserted of one tenant.
#[derive(Debug)]
struct Assertion {
    /// Its file and line, where it stands in one.
    place: Option<String>,
    tenant: String,
    expected: ExpectedArgs,
    moment: MomentArgs,
}

/// What became of all assertions.
#[derive(Serialize)]
struct Report {
    holds: bool,
    assertions: usize,
    differences: Vec<Difference>,
    /// What could not be asked, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unanswered: Vec<String>,
}

/// A balance that is not what it should be.
#[derive(Serialize)]
struct Difference {
    tenant: String,
    balance: &'static str,
    expected: Credits,
    found: String,
    /// Where the book stood.
    position: u64,
}

/// Asks the server and compares.
pub(crate) fn run(args: &AssertArgs, json: bool) -> Result<u8, CliError> {
    let assertions = match (&args.file, &args.tenant) {
        (Some(file), _) => file::read(file)?,
        (None, tenant) => vec![Assertion {
            place: None,
            tenant: tenant.clone().unwrap_or_default(),
            expected: args.expected,
            moment: args.moment.clone(),
        }],
    };
    let client = Client::new(&args.server)?;
    let head = client.head()?;
    let (mut differences, mut errors) = (Vec::new(), Vec::new());
    for assertion in &assertions {
        match assertion.differences(&client, head) {
            Ok(found) => differences.extend(found),
            // One that cannot be asked hides none of the others.
            Err(error) => errors.push(match &assertion.place {
                Some(place) => error.about(place),
                None => error,
            }),
        }
    }
    let unanswered: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let holds = differences.is_empty() && unanswered.is_empty();
    let report = Report { holds, assertions: assertions.len(), differences, unanswered };
    match errors.into_iter().next() {
        Some(error) if report.differences.is_empty() && report.assertions == 1 => Err(error),
        error => show(&report, error, json),
    }
}

/// Shows what became of them; what is not as said comes before what could not be asked.
fn show(report: &Report, error: Option<CliError>, json: bool) -> Result<u8, CliError> {
    let differs = !report.differences.is_empty();
    if json {
        output::json(&report)?;
    } else if differs {
        table(&report.differences).write(&mut io::stdout().lock())?;
    }
    let unanswered = report.unanswered.len();
    let checked = output::count((report.assertions - unanswered) as u64, "assertion");
    if differs {
        let differences = output::count(report.differences.len() as u64, "balance");
        report.unanswered.iter().for_each(|why| output::tell(format_args!("not checked: {why}")));
        output::tell(format_args!("{checked} checked: {differences} not as said"));
        return Ok(exit_codes::NOT_VERIFIED);
    }
    output::tell(format_args!("{checked} checked: all hold"));
    let Some(error) = error else { return Ok(exit_codes::OK) };
    report
        .unanswered
        .iter()
        .skip(1)
        .for_each(|why| output::tell(format_args!("not checked: {why}")));
    Err(error)
}

impl Assertion {
    fn differences(&self, client: &Client, head: u64) -> Result<Vec<Difference>, CliError> {
        let mut query = vec![("at_least", head.to_string())];
        self.moment.add_to(&mut query);
        let balance = client.get(&format!("/v1/tenants/{}/balance", part(&self.tenant)), &query)?;
        let mut differences = Vec::new();
        for (name, expected) in self.expected.by_name() {
            let Some(expected) = expected else { continue };
            let found = balance[name].as_str().ok_or_else(|| client.not_understood())?;
            if found != expected.to_string() {
                let (tenant, balance_name) = (self.tenant.clone(), name);
                let position = balance["position"].as_u64().unwrap_or_default();
                differences.push(Difference {
                    tenant,
                    balance: balance_name,
                    expected,
                    found: found.to_owned(),
                    position,
                });
            }
        }
        Ok(differences)
    }
}

impl ExpectedArgs {
    fn by_name(&self) -> [(&'static str, Option<Credits>); 3] {
        [("available", self.available), ("held", self.held), ("overdraft", self.overdraft)]
    }
}

fn table(differences: &[Difference]) -> Table {
    let mut table = Table::new(&[
        ("tenant", Align::Left),
        ("balance", Align::Left),
        ("expected", Align::Right),
        ("found", Align::Right),
        ("at position", Align::Right),
    ]);
    for Difference { tenant, balance, expected, found, position } in differences {
        table.row(vec![
            tenant.clone(),
            (*balance).to_owned(),
            expected.to_string(),
            found.clone(),
            position.to_string(),
        ]);
    }
    table
}

//! `quipu close`: seals the trial balance of a period that is over.

use std::io;

use clap::Args;
use serde_json::{Value, json};

use crate::client::{Client, ServerArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::output::{self, Align, Table};

/// Seal the trial balance of a period that is over, as an event of the journal
///
/// Closing the same period again changes nothing and shows what it was sealed with.
#[derive(Args, Debug)]
pub(crate) struct CloseArgs {
    /// A year, a month or a day of UTC, such as 2026, 2026-10 or 2026-10-31
    period: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Asks the server and shows what it sealed.
pub(crate) fn run(args: &CloseArgs, json: bool) -> Result<u8, CliError> {
    let client = Client::new(&args.server)?;
    let key = format!("close-{}", args.period);
    let answer = client.post("/v1/periods/close", Some(&key), &json!({ "period": args.period }))?;
    let closed = client.recorded(answer, "PeriodClosed")?;
    if json {
        output::json(&closed)?;
        return Ok(exit_codes::OK);
    }
    output::tell(format_args!(
        "period {} is closed by event {}, as known at position {} with root {}",
        args.period,
        output::text(&closed["position"]),
        output::text(&closed["known_at"]),
        output::text(&closed["root"]),
    ));
    table(&closed).write(&mut io::stdout().lock())?;
    Ok(exit_codes::OK)
}

fn table(closed: &Value) -> Table {
    let amounts = ["opening", "late", "movement", "closing"];
    let mut headings = vec![("account", Align::Left)];
    headings.extend(amounts.map(|amount| (amount, Align::Right)));
    let mut table = Table::new(&headings);
    for balance in closed["balances"].as_array().map(Vec::as_slice).unwrap_or_default() {
        table.row(headings.iter().map(|(name, _)| output::text(&balance[*name])).collect());
    }
    table
}

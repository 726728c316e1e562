//! `quipu close`: seals the trial balance of a period that is over.

use std::io;

use clap::Args;
use serde_json::{Value, json};

use crate::client::{Answer, Client, ServerArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::output::{self, Align, Table};

/// Seal the trial balance of a period that is over, as an event of the journal
///
/// Closing the same period again changes nothing and shows what it was sealed with, whoever closed
/// it.
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
    let closed = match answer.code() {
        Some("period_closed") => closed_before(&client, args, answer)?,
        _ => client.recorded(answer, "PeriodClosed")?,
    };
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

/// The event that closed a period under another key.
fn closed_before(client: &Client, args: &CloseArgs, refused: Answer) -> Result<Value, CliError> {
    let mut query = Vec::new();
    loop {
        let mut page = client.get_caught_up("/v1/periods", query)?;
        let mut periods = page["periods"].as_array_mut().into_iter().flatten();
        if let Some(period) = periods.find(|period| period["period"] == args.period) {
            return Ok(event_of(period));
        }
        // Where it is on no page, only the refusal is known of it.
        let Some(next) = page["next_after"].as_str() else { return refused.success() };
        query = vec![("after", next.to_owned())];
    }
}

/// A closed period with the names that the event which closed it has for the same.
fn event_of(period: &mut Value) -> Value {
    let fields = period.as_object_mut().map(std::mem::take).unwrap_or_default();
    let named = fields.into_iter().map(|(name, value)| match name.as_str() {
        "event" => ("position".to_owned(), value),
        "closed_at" => ("recorded_at".to_owned(), value),
        _ => (name, value),
    });
    named.chain([("type".to_owned(), json!("PeriodClosed"))]).collect()
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

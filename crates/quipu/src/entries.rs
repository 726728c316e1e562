//! `quipu entries`: a tenant's statement.

use std::io;

use clap::Args;
use serde_json::Value;

use crate::client::{Client, ServerArgs, part};
use crate::error::CliError;
use crate::exit_codes;
use crate::moment::MomentArgs;
use crate::output::{self, Align, Table};

/// Show a tenant's statement: what moved its credits, and what was left
#[derive(Args, Debug)]
pub(crate) struct EntriesArgs {
    /// The tenant's id, such as t_acme
    tenant: String,
    #[command(flatten)]
    server: ServerArgs,
    /// How many entries at most
    #[arg(long, value_name = "ENTRIES", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    limit: u64,
    /// Go on after this position
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Entries that count from then on
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Entries that count before then
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    moment: MomentArgs,
    /// The last entry first
    #[arg(long)]
    newest_first: bool,
}

/// Asks the server and shows the answer.
pub(crate) fn run(args: &EntriesArgs, json: bool) -> Result<u8, CliError> {
    let client = Client::new(&args.server)?;
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.after.map(|after| ("after", after.to_string())));
    query.extend(args.newest_first.then(|| ("order", "newest_first".to_owned())));
    query.extend(args.from.clone().map(|from| ("from", from)));
    query.extend(args.to.clone().map(|to| ("to", to)));
    args.moment.add_to(&mut query);
    let page =
        client.get_caught_up(&format!("/v1/tenants/{}/entries", part(&args.tenant)), query)?;
    if json {
        output::json(&page)?;
        return Ok(exit_codes::OK);
    }
    table(args, &page).write(&mut io::stdout().lock())?;
    if let Some(after) = page["next_after"].as_u64() {
        output::tell(format_args!("there are more: add --after {after}"));
    }
    Ok(exit_codes::OK)
}

/// The lines, and of a period what stood in the books at its edges: on the first page before them,
/// on the last one after them.
fn table(args: &EntriesArgs, page: &Value) -> Table {
    let mut table = Table::new(&[
        ("entry", Align::Left),
        ("effective at", Align::Left),
        ("what", Align::Left),
        ("change", Align::Right),
        ("available", Align::Right),
        ("held", Align::Right),
        ("overdraft", Align::Right),
        ("for", Align::Left),
        ("by", Align::Left),
    ]);
    let edges = if args.newest_first { ["closing", "opening"] } else { ["opening", "closing"] };
    if args.after.is_none() {
        balance_row(&mut table, edges[0], &page[edges[0]]);
    }
    for entry in page["entries"].as_array().into_iter().flatten() {
        table.row(vec![
            output::text(&entry["id"]),
            output::text(&entry["effective_at"]),
            output::text(&entry["type"]),
            output::text(&entry["available_delta"]),
            output::text(&entry["available_after"]),
            output::text(&entry["held_after"]),
            output::text(&entry["overdraft_after"]),
            purpose(entry),
            output::text(&entry["actor"]),
        ]);
    }
    if page["next_after"].is_null() {
        balance_row(&mut table, edges[1], &page[edges[1]]);
    }
    table
}

/// What stood in the books before the entries of a period, or after them.
fn balance_row(table: &mut Table, name: &str, balance: &Value) {
    if balance.is_null() {
        return;
    }
    let amount = |account: &str| output::text(&balance[account]);
    let mut row = vec![String::new(), String::new(), name.to_owned(), String::new()];
    row.extend(["available", "held", "overdraft"].map(amount));
    row.extend([String::new(), String::new()]);
    table.row(row);
}

/// What an entry was for: meter, agent and model, or the reason given, or where it came from.
fn purpose(entry: &Value) -> String {
    let named = ["meter", "agent", "model"].map(|name| output::text(&entry[name]));
    let named: Vec<String> = named.into_iter().filter(|text| !text.is_empty()).collect();
    if named.is_empty() {
        let others = ["reason", "source", "reference"].map(|name| output::text(&entry[name]));
        return others.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    }
    named.join(" ")
}

//! `quipu trial-balance`: opening, movements and closing of every account.

use std::io;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::client::{Client, ServerArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::moment::MomentArgs;
use crate::output::{self, Align, Table};

/// Show what stood in every account, what moved it and what stands in it
#[derive(Args, Debug)]
pub(crate) struct TrialBalanceArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// What the lines are about
    #[arg(long, value_enum, default_value_t = GroupBy::Account)]
    by: GroupBy,
    /// Only this tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Movements that count from then on
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Movements that count before then
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    moment: MomentArgs,
}

/// What the lines are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GroupBy {
    /// Each account, over all tenants
    Account,
    /// Each account of each tenant
    Tenant,
    /// What was consumed, by meter
    Meter,
}

impl GroupBy {
    const fn name(self) -> &'static str {
        match self {
            GroupBy::Account => "account",
            GroupBy::Tenant => "tenant",
            GroupBy::Meter => "meter",
        }
    }
}

/// Asks the server and shows the answer.
pub(crate) fn run(args: &TrialBalanceArgs, json: bool) -> Result<u8, CliError> {
    let client = Client::new(&args.server)?;
    let mut query = vec![("group_by", args.by.name().to_owned())];
    query.extend(args.tenant.clone().map(|tenant| ("tenant", tenant)));
    query.extend(args.from.clone().map(|from| ("from", from)));
    query.extend(args.to.clone().map(|to| ("to", to)));
    args.moment.add_to(&mut query);
    let trial = client.get_caught_up("/v1/trial-balance", query)?;
    if json {
        output::json(&trial)?;
    } else {
        table(&trial, args.by == GroupBy::Tenant).write(&mut io::stdout().lock())?;
    }
    if trial["sum"] == "0" {
        return Ok(exit_codes::OK);
    }
    let sum = output::text(&trial["sum"]);
    Err(CliError::NotVerified { what: format!("the accounts sum up to {sum}, and not to 0") })
}

fn table(trial: &Value, by_tenant: bool) -> Table {
    let amounts = ["opening", "movement", "closing"];
    let mut headings = vec![("account", Align::Left)];
    if by_tenant {
        headings.insert(0, ("tenant", Align::Left));
    }
    headings.extend(amounts.map(|amount| (amount, Align::Right)));
    let mut table = Table::new(&headings);
    for line in trial["lines"].as_array().map(Vec::as_slice).unwrap_or_default() {
        table.row(headings.iter().map(|(name, _)| output::text(&line[*name])).collect());
    }
    let mut sum = vec![String::new(); headings.len()];
    sum[0] = "sum".to_owned();
    if let Some(last) = sum.last_mut() {
        *last = output::text(&trial["sum"]);
    }
    table.row(sum);
    table
}

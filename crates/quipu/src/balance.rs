//! `quipu balance`: what a tenant has.

use std::io;

use clap::Args;
use serde_json::Value;

use crate::client::{Client, ServerArgs, part};
use crate::error::CliError;
use crate::exit_codes;
use crate::moment::MomentArgs;
use crate::output::{self, Align, Table};

/// Show what a tenant has
#[derive(Args, Debug)]
pub(crate) struct BalanceArgs {
    /// The tenant's id, such as t_acme
    tenant: String,
    #[command(flatten)]
    moment: MomentArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Asks the server and shows the answer.
pub(crate) fn run(args: &BalanceArgs, json: bool) -> Result<u8, CliError> {
    let client = Client::new(&args.server)?;
    let mut query = Vec::new();
    args.moment.add_to(&mut query);
    let balance =
        client.get_caught_up(&format!("/v1/tenants/{}/balance", part(&args.tenant)), query)?;
    if json {
        output::json(&balance)?;
    } else {
        table(&args.tenant, &balance).write(&mut io::stdout().lock())?;
    }
    Ok(exit_codes::OK)
}

fn table(tenant: &str, balance: &Value) -> Table {
    let mut table = Table::new(&[("tenant", Align::Left), (tenant, Align::Right)]);
    for name in ["available", "held", "overdraft", "overdraft_limit", "pending"] {
        // The books of a moment are not kept by lots, so they say less.
        if !balance[name].is_null() {
            table.row(vec![name.replace('_', " "), output::text(&balance[name])]);
        }
    }
    if balance["frozen"] == true {
        table.row(vec!["frozen".into(), "yes".into()]);
    }
    table.row(vec!["at position".into(), output::text(&balance["position"])]);
    table
}

//! `quipu explain`: any number down to the events, who sent them, and what caused them.

mod sum;
mod tree;

use std::io::{self, Write as _};

use clap::Args;
use serde_json::Value;

use crate::client::{Client, ServerArgs, part};
use crate::error::CliError;
use crate::exit_codes;
use crate::output;

/// Explain a number: a balance, an account, a usage figure, an entry, a grant, a hold
///
/// Shows what it is made of, down to the events (position, id, hash), who sent them, under which
/// key and request, what they were computed from and which events caused them. Checks that all of
/// it comes to the number, and exits with 1 where it does not.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// What to explain: balance, account, usage, an id such as entry_17, grant_17 or hold_17, or an
    /// event's position
    number: String,
    /// Whose balance, account or usage; without it, an account over all tenants
    tenant: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// Of a balance: available, held or overdraft [default: available]; otherwise any account, such
    /// as consumed/llm_tokens
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Of a balance: the books at this effective time
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Of a balance: the books as they were known at this time of recording, or at this position
    #[arg(long, value_name = "POSITION|TIME")]
    known_at: Option<String>,
    /// Of usage: hour (of UTC), or day or month (of the tenant's time zone)
    #[arg(long, value_name = "UNIT", requires = "window_start")]
    window: Option<String>,
    /// Of usage: the window's first moment, as the usage report gives it
    #[arg(long, value_name = "TIME", requires = "window")]
    window_start: Option<String>,
    /// Of usage: only this meter
    #[arg(long)]
    meter: Option<String>,
    /// Of usage: only this agent
    #[arg(long)]
    agent: Option<String>,
    /// Of usage: only this model
    #[arg(long)]
    model: Option<String>,
    /// How many events to tell, the last ones; the others are summed up [default: 20]
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1..=100))]
    limit: Option<u64>,
}

const EXAMPLES: &str = "\
Examples:
  quipu explain balance t_acme
  quipu explain balance t_acme --account held --known-at 17
  quipu explain account t_acme --account consumed/llm_tokens
  quipu explain usage t_acme --window month --window-start 2026-11-01T00:00:00Z --meter llm_tokens
  quipu explain entry_17";

/// Asks the server, shows the answer, and checks that it adds up.
pub(crate) fn run(args: &ExplainArgs, json: bool) -> Result<u8, CliError> {
    let client = Client::new(&args.server)?;
    let answer = client.get_caught_up(&args.path()?, args.query())?;
    if json {
        output::json(&answer)?;
    } else {
        let mut out = io::stdout().lock();
        tree::write(&answer, &mut out)?;
        out.flush()?;
    }
    match sum::gaps(&answer).as_slice() {
        [] => Ok(exit_codes::OK),
        gaps => {
            Err(CliError::NotVerified { what: format!("it does not add up: {}", gaps.join("; ")) })
        }
    }
}

impl ExplainArgs {
    /// Where the explanation is to be had.
    fn path(&self) -> Result<String, CliError> {
        let whose = || {
            self.tenant.as_deref().ok_or_else(|| CliError::Malformed {
                what: format!("whose {} is to be explained?", self.number),
                hint: format!("name a tenant: quipu explain {} t_acme", self.number),
            })
        };
        let path = match self.number.as_str() {
            "account" => "account".to_owned(),
            "balance" => format!("balance/{}", part(whose()?)),
            "usage" => format!("usage/{}", part(whose()?)),
            id => part(id),
        };
        Ok(format!("/v1/explain/{path}"))
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("account", &self.account),
            ("as_of", &self.as_of),
            ("known_at", &self.known_at),
            ("window", &self.window),
            ("window_start", &self.window_start),
            ("meter", &self.meter),
            ("agent", &self.agent),
            ("model", &self.model),
        ];
        let mut query: Vec<_> =
            given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
        if self.number == "account" {
            query.extend(self.tenant.clone().map(|tenant| ("tenant", tenant)));
        }
        query.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        query
    }
}

/// The items of a list; none where it is absent.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

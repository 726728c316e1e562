//! What a run needs in a book before it can begin: prices, a meter, wallets with credits.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use quipu_load::{Extent, Session, Step};
use serde_json::json;

use super::actor;
use super::connection::Connection;
use super::run_id::RunId;
use super::usage_body::MODEL;
use crate::error::CliError;

/// Connections that make wallets side by side.
const CONNECTIONS: usize = 32;
/// From when the prices hold: before any usage of a run.
const PRICES_SINCE: &str = "2020-01-01T00:00:00Z";
/// What each wallet gets: more than any run consumes.
const GRANT: &str = "1000000";

/// Makes everything.
pub(super) async fn set_up(
    server: SocketAddr,
    run: &RunId,
    wallets: usize,
    stopping: &AtomicBool,
) -> Result<(), CliError> {
    publish_prices(&mut Connection::new(server), run).await?;
    let next = Rc::new(Cell::new(0));
    let session = |_| Wallets {
        connection: Connection::new(server),
        run: run.clone(),
        next: Rc::clone(&next),
        wallets,
        granting: None,
    };
    let sessions = (0..CONNECTIONS.min(wallets)).map(session).collect();
    let wanted = wallets as u64;
    let (made, _) = quipu_load::run(sessions, Extent::Operations(wanted), stopping).await;
    if made.operations == wanted {
        return Ok(());
    }
    Err(CliError::Unavailable {
        what: format!(
            "only {} of {wanted} wallets could be made: refused {:?}, failed {:?}",
            made.operations, made.refused, made.failed
        ),
        hint: "look at the server's log, and run it again".into(),
    })
}

async fn publish_prices(connection: &mut Connection, run: &RunId) -> Result<(), CliError> {
    let (meter, table) = (run.meter(), run.price_table());
    let prices = json!({
        "effective_at": PRICES_SINCE,
        "models": { MODEL: { "input": "2", "cached_input": "0.2", "output": "8" } },
    });
    let metered = json!({ "name": meter, "aggregation": "sum", "unit": "token" });
    let price = json!({
        "effective_at": PRICES_SINCE,
        "price": { "model": "tokens", "price_table": table },
    });
    let commands = [
        (format!("/v1/price-tables/{table}/prices"), prices),
        ("/v1/meters".to_owned(), metered),
        (format!("/v1/meters/{meter}/prices"), price),
    ];
    for (number, (path, body)) in commands.into_iter().enumerate() {
        let key = format_args!("{run}-prices-{number}");
        let (path, body) = (format_args!("{path}"), body.to_string());
        let answer = connection.post(path, key, body.as_bytes()).await;
        match actor::step(&answer, 1) {
            Step::Done { .. } => {}
            Step::Refused { code: why } | Step::Failed { why } => {
                return Err(CliError::Unavailable {
                    what: format!("the prices of the run could not be published: {why}"),
                    hint: "check that it is a quipu server of this version".into(),
                });
            }
        }
    }
    Ok(())
}

/// Makes the next wallet that no other session makes.
struct Wallets {
    connection: Connection,
    run: RunId,
    next: Rc<Cell<usize>>,
    wallets: usize,
    /// The tenant that was made and has no credits yet.
    granting: Option<usize>,
}

impl Session for Wallets {
    async fn step(&mut self) -> Step {
        let run = &self.run;
        if let Some(wallet) = self.granting.take() {
            let path = format_args!("/v1/tenants/{}/grants", run.tenant(wallet));
            let body = format!(r#"{{"amount":"{GRANT}","kind":"paid","origin":"purchase"}}"#);
            let key = format_args!("{run}-grant-{wallet}");
            let answer = self.connection.post(path, key, body.as_bytes()).await;
            return actor::step(&answer, 1);
        }
        let wallet = self.next.get();
        if wallet == self.wallets {
            // The others finish; asking whether they have costs them nothing.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            return Step::Done { operations: 0 };
        }
        self.next.set(wallet + 1);
        let body = format!(r#"{{"id":"{}","name":"wallet {wallet}"}}"#, run.tenant(wallet));
        let key = format_args!("{run}-tenant-{wallet}");
        let path = format_args!("/v1/tenants");
        let answer = self.connection.post(path, key, body.as_bytes()).await;
        let step = actor::step(&answer, 0);
        if matches!(step, Step::Done { .. }) {
            self.granting = Some(wallet);
        }
        step
    }
}

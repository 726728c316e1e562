//! HTTP: resources, problem+json, OpenAPI.
//!
//! [`router`] gives the whole interface over an engine and its views, [`serve`] serves it. One
//! file per resource; what all of them share is in `strict_json` (bodies), `parameters` (paths and
//! queries), `idempotency` (keys), `call` (commands), `answer` (receipts), `reading` (views),
//! `problem` (errors) and `edge` (the outermost layer).
//!
//! What must hold:
//! - a request that is not understood to the last field is refused, and leaves no event;
//! - an answer to a command is a pure function of its receipt, so a replay is the same bytes;
//! - personal texts are sealed before a command is made of them, and opened when its answer is
//!   rendered (P1, P2): nothing between the two has seen them;
//! - nothing that blocks runs on a thread that serves requests;
//! - the text of an internal error never leaves the process.
//!
//! **Absent from this crate:** rules (they are in `quipu-domain`), SQL, and any state that an
//! engine or a view does not hold.

mod accounts;
mod agents;
mod answer;
mod audit;
mod balance;
mod call;
mod checkpoints;
mod choices;
mod commands;
mod debits;
mod docs;
mod due;
mod edge;
mod entries;
mod events;
mod explain;
mod grants;
mod health;
mod holds;
mod idempotency;
mod lots;
mod meters;
mod openapi;
mod opening;
mod parameters;
mod periods;
mod price_tables;
mod problem;
mod problems;
mod projections;
mod proofs;
mod quota;
mod reading;
mod refunds;
mod routes;
mod server;
mod state;
mod strict_json;
mod subjects;
mod tenants;
mod tiles;
mod trial_balance;
mod usage;
mod usage_report;
mod wallet;
mod wire;
mod witness;

pub use due::DueWallets;
pub use opening::opening_router;
pub use routes::{openapi_document, router};
pub use server::{ServerError, ServerOptions, listen, serve};
pub use state::{Limits, State};
pub use witness::witness_router;

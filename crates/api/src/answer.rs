//! What a command is answered with: a pure function of its receipt, so that the same key gives
//! the same bytes again.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use quipu_domain::meter::MeterEvent;
use quipu_domain::price_table::PriceTableEvent;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::{Credits, Event, Position, Recorded, Timestamp, Version};
use quipu_engine::Receipt;
use quipu_sealing::SubjectKeys;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::problem::Problem;

/// Says that an earlier request with the same key did it.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What a command did: where its event stands, the event's own fields beside it, and the balance
/// right after.
#[derive(Serialize, ToSchema)]
#[schema(as = CommandAnswer, example = json!({
    "id": "grant_2", "position": 2, "version": 1, "recorded_at": "2026-11-20T12:00:00Z",
    "type": "CreditsGranted", "grant": "grant_2", "amount": "500",
    "terms": {"kind": "paid", "priority": 50, "effective_at": "2026-11-20T12:00:00Z", "origin": "purchase"},
    "balance": {"available": "500", "held": "0", "overdraft": "0", "overdraft_limit": "0", "pending": "0", "frozen": false}
}))]
pub(crate) struct CommandAnswer {
    /// The id of what was created; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Where the event stands in the journal; reads take it as `at_least`.
    #[schema(value_type = u64)]
    position: Position,
    /// Where it stands in its stream.
    #[schema(value_type = u64)]
    version: Version,
    /// When the journal took it.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// When it counts, where that is another moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<Timestamp>,
    /// The event's type.
    #[serde(rename = "type")]
    event_type: String,
    /// The event's own fields.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    facts: Facts,
    /// The wallet right after; for commands to a wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Balance>,
}

impl CommandAnswer {
    /// What the command's event of this type did.
    pub(crate) fn of(receipt: &Receipt, event_type: &str) -> Result<CommandAnswer, Problem> {
        let main = receipt.events.iter().find(|recorded| recorded.event.type_name() == event_type);
        let Some(recorded) = main else {
            return Err(Problem::internal(&format_args!("a receipt without {event_type}")));
        };
        Ok(CommandAnswer {
            id: id_of(recorded),
            position: recorded.position,
            version: recorded.version,
            recorded_at: recorded.recorded_at,
            effective_at: recorded.effective_at.filter(|_| !says_when_itself(&recorded.event)),
            event_type: recorded.event.type_name().to_owned(),
            facts: Facts(Arc::clone(recorded)),
            balance: receipt.balance.map(Balance::from),
        })
    }
}

/// The fields of an event's data.
struct Facts(Arc<Recorded>);

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.event.data().serialize(serializer)
    }
}

/// What a wallet has.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Balance {
    /// What can be spent: effective, unexpired and not held.
    #[schema(value_type = String, example = "498.75")]
    pub(crate) available: Credits,
    /// What holds have reserved.
    #[schema(value_type = String, example = "75")]
    pub(crate) held: Credits,
    /// What is owed.
    #[schema(value_type = String, example = "0")]
    pub(crate) overdraft: Credits,
    /// How far the wallet may go below zero.
    #[schema(value_type = String, example = "0")]
    pub(crate) overdraft_limit: Credits,
    /// What was granted and is not effective yet.
    #[schema(value_type = String, example = "0")]
    pub(crate) pending: Credits,
    /// Whether debits, holds and usage are refused.
    pub(crate) frozen: bool,
}

impl From<quipu_domain::wallet::Balance> for Balance {
    fn from(balance: quipu_domain::wallet::Balance) -> Balance {
        Balance {
            available: balance.available,
            held: balance.held,
            overdraft: balance.overdraft,
            overdraft_limit: balance.overdraft_limit,
            pending: balance.pending,
            frozen: balance.frozen,
        }
    }
}

/// 201: the command's event of this type created something.
pub(crate) fn created(receipt: &Receipt, event_type: &str) -> Result<Response, Problem> {
    answered(StatusCode::CREATED, receipt, event_type)
}

/// 200: the command's event of this type changed something.
pub(crate) fn changed(receipt: &Receipt, event_type: &str) -> Result<Response, Problem> {
    answered(StatusCode::OK, receipt, event_type)
}

fn answered(status: StatusCode, receipt: &Receipt, event_type: &str) -> Result<Response, Problem> {
    let mut response = json(status, &CommandAnswer::of(receipt, event_type)?);
    if receipt.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Whether the event's own fields have an `effective_at`, which then is the answer's.
fn says_when_itself(event: &Event) -> bool {
    matches!(
        event,
        Event::Meter(MeterEvent::MeterPriced(_))
            | Event::PriceTable(PriceTableEvent::PricesPublished(_))
    )
}

/// The id of what an event created, if it is one that creates.
fn id_of(recorded: &Recorded) -> Option<String> {
    use quipu_domain::agent::AgentEvent;
    use quipu_domain::tenant::TenantEvent;
    match &recorded.event {
        Event::Tenant(TenantEvent::TenantCreated(e)) => Some(e.tenant.to_string()),
        Event::Agent(AgentEvent::AgentRegistered(e)) => Some(e.agent.to_string()),
        Event::Meter(MeterEvent::MeterDefined(e)) => Some(e.meter.to_string()),
        Event::PriceTable(PriceTableEvent::PricesPublished(e)) => Some(e.table.to_string()),
        Event::Wallet(WalletEvent::CreditsGranted(e)) => Some(e.grant.to_string()),
        Event::Wallet(WalletEvent::CreditsDebited(e)) => Some(e.entry.to_string()),
        Event::Wallet(WalletEvent::HoldPlaced(e)) => Some(e.hold.to_string()),
        Event::Wallet(WalletEvent::CreditsRefunded(e)) => Some(e.entry.to_string()),
        _ => None,
    }
}

/// A body with sealed texts in it. The outermost layer, which may wait for the keys, opens them.
#[derive(Clone)]
pub(crate) struct Sealed(pub(crate) Bytes);

/// A JSON answer, with what is sealed in it opened.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let bytes: Bytes = match serde_json::to_vec(body) {
        Ok(bytes) => bytes.into(),
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let mut response = json_bytes(status, bytes.clone());
    if SubjectKeys::may_be_sealed(&bytes) {
        response.extensions_mut().insert(Sealed(bytes));
    }
    response
}

/// A JSON answer that goes out as it is.
pub(crate) fn json_bytes(status: StatusCode, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

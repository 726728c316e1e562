//! `/v1/events`: the journal itself, as pages or as a stream that goes on.

mod page;
mod tail;

use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use quipu_domain::{Position, Stream, TenantId};
use quipu_journal::StoredEvent;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::parameters::{Limit, StrictQuery};
use crate::problem::{Code, Problem};
use crate::reading::blocking;
use crate::server::Closing;
use crate::state::State;
use page::EventPage;

/// Which events.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Only events after this position; all where absent.
    #[param(value_type = Option<u64>)]
    after: Position,
    /// At most so many, 1 to 1000; 100 where absent. A stream ignores it.
    #[param(inline)]
    limit: Limit,
    /// Only events of this tenant.
    #[param(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// Only events of this stream, such as `wallet/t_acme`.
    #[param(value_type = Option<String>)]
    stream: Option<Stream>,
    /// Only events of this type, such as `CreditsGranted`.
    #[serde(rename = "type")]
    event_type: Option<String>,
}

impl EventsQuery {
    fn admits(&self, event: &StoredEvent) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| event.tenant.as_ref() == Some(tenant))
            && self.stream.as_ref().is_none_or(|stream| event.stream == *stream)
            && self.event_type.as_ref().is_none_or(|name| event.type_name == *name)
    }
}

/// Events in the journal's order, each as it is stored. With `Accept: text/event-stream` the
/// events after `after` (or after the header `Last-Event-ID`) and then those that are yet to come.
#[utoipa::path(
    get, path = "/v1/events", tag = "journal",
    operation_id = "list_events", params(EventsQuery),
    responses((status = 200, content(
        (EventPage = "application/json"),
        (String = "text/event-stream"),
    ), description = "A page, and where the next one begins; or a stream whose ids are positions."))
)]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    StrictQuery(query): StrictQuery<EventsQuery>,
    request: Request,
) -> Result<Response, Problem> {
    if !wants_stream(request.headers()) {
        require_reached(&state, query.after).await?;
        return page::answer(&state, query).await;
    }
    let after = last_event_id(request.headers())?.unwrap_or(query.after);
    require_reached(&state, after).await?;
    let closing = request.extensions().get::<Closing>().cloned();
    Ok(tail::stream(state, query, after, closing).into_response())
}

/// Refuses a cursor that lies beyond the journal's end. Whoever was given it read a journal that
/// went further, and would miss the events that now take the places up to there.
async fn require_reached(state: &State, cursor: Position) -> Result<(), Problem> {
    if cursor <= state.engine.subscribe().borrow().position {
        return Ok(());
    }
    // What is committed may be read a moment before it is announced.
    let journal = state.engine.journal().clone();
    let head = blocking(move || journal.head()).await?.position;
    if cursor <= head {
        return Ok(());
    }
    Err(Problem::new(
        Code::FutureMoment,
        format!("the journal ends at position {head}, before {cursor}"),
        "name a position that the journal has; if it had this one, it was restored from an older \
         copy, and what was read of it after the copy has to be read again",
    )
    .with("position", head)
    .with("wanted", cursor))
}

/// RFC 9110, section 12.5.1: whoever takes both gets what he prefers, and a stream where he does not
/// say; who prefers a page would wait for its end for ever.
fn wants_stream(headers: &HeaderMap) -> bool {
    let stream = quality(headers, "text/event-stream");
    stream > 0.0 && stream >= quality(headers, "application/json")
}

/// How much a type that the request names is wanted, 0 to 1; 0 where it does not name it.
fn quality(headers: &HeaderMap, media_type: &str) -> f32 {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let qualities = accepted.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_named = parts.next()?.eq_ignore_ascii_case(media_type);
        let weight = |it: &str| it.strip_prefix("q=").or(it.strip_prefix("Q="))?.parse().ok();
        is_named.then(|| parts.find_map(weight).unwrap_or(1.0))
    });
    qualities.fold(0.0, f32::max)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    position.map(Some).ok_or_else(|| {
        Problem::new(
            Code::InvalidHeader,
            "the header Last-Event-ID is not a position",
            "send the id of the last event that was received, a whole number",
        )
    })
}

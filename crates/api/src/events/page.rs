//! A page of events.

use axum::http::StatusCode;
use axum::response::Response;
use quipu_domain::Position;
use quipu_journal::{Journal, JournalError};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::EventsQuery;
use crate::answer::json;
use crate::problem::Problem;
use crate::reading::blocking;
use crate::state::State;

/// Events that one request looks at, whether they match or not.
const MOST_SCANNED: usize = 10_000;

/// Events that are read at a time while looking for matches.
const SCAN_STEP: usize = 1_000;

/// Events, and where to go on.
#[derive(Serialize, ToSchema)]
pub(super) struct EventPage {
    /// The events, byte for byte as they are stored.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Box<RawValue>>,
    /// The `after` of the next page. It moves on even where nothing matched.
    #[schema(value_type = u64)]
    next_after: Position,
    /// The journal's last position.
    #[schema(value_type = u64)]
    head: Position,
}

pub(super) async fn answer(state: &State, query: EventsQuery) -> Result<Response, Problem> {
    let head = state.engine.subscribe().borrow().position;
    let journal = state.engine.journal().clone();
    let page = blocking(move || scan(&journal, &query, head)).await?;
    Ok(json(StatusCode::OK, &page))
}

fn scan(journal: &Journal, query: &EventsQuery, head: Position) -> Result<EventPage, Problem> {
    let mut page = EventPage { events: Vec::new(), next_after: query.after, head };
    let mut scanned = 0;
    while page.events.len() < query.limit.0 && scanned < MOST_SCANNED {
        let step = step(query, page.events.len());
        let stored = journal.stored_page(page.next_after, step)?;
        for event in &stored {
            if page.events.len() == query.limit.0 {
                return Ok(page);
            }
            if query.admits(event) {
                page.events.push(verbatim(&event.text, event.position)?);
            }
            page.next_after = event.position;
        }
        scanned += stored.len();
        if stored.len() < step {
            break;
        }
    }
    Ok(page)
}

/// Without a filter every event matches, so no more than are wanted need be read.
fn step(query: &EventsQuery, found: usize) -> usize {
    let is_filtered =
        query.tenant.is_some() || query.stream.is_some() || query.event_type.is_some();
    if is_filtered { SCAN_STEP } else { query.limit.0 - found }
}

fn verbatim(text: &str, position: Position) -> Result<Box<RawValue>, JournalError> {
    RawValue::from_string(text.to_owned())
        .map_err(|error| JournalError::Corrupt { position, why: error.to_string() })
}

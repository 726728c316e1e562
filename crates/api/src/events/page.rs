//! A page of events.

use axum::http::StatusCode;
use axum::response::Response;
use quipu_domain::Position;
use quipu_journal::{Journal, JournalError, StoredEvent};
use quipu_views::Views;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::EventsQuery;
use crate::answer::json_bytes;
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
    let views = state.views.clone();
    let page = blocking(move || Scan { journal, views, query }.page(head)).await?;
    // What is stored is what is proved, so sealed texts stay sealed here.
    let body = serde_json::to_vec(&page).map_err(|error| Problem::internal(&error))?;
    Ok(json_bytes(StatusCode::OK, body))
}

/// A search for events.
struct Scan {
    journal: Journal,
    views: Views,
    query: EventsQuery,
}

impl Scan {
    fn page(&self, head: Position) -> Result<EventPage, Problem> {
        let after = self.query.after;
        let mut page = self.scan(EventPage { events: Vec::new(), next_after: after, head })?;
        // More may have been recorded since it was asked where the journal ends, and was read then.
        if page.next_after > after {
            page.head = page.head.max(page.next_after);
        }
        Ok(page)
    }

    fn scan(&self, mut page: EventPage) -> Result<EventPage, Problem> {
        let mut scanned = 0;
        while page.events.len() < self.query.limit.0 && scanned < MOST_SCANNED {
            let (stored, until) = self.step(&page)?;
            scanned += stored.len();
            for event in &stored {
                if page.events.len() == self.query.limit.0 {
                    return Ok(page);
                }
                if self.query.admits(event) {
                    page.events.push(verbatim(&event.text, event.position)?);
                }
                page.next_after = event.position;
            }
            if until <= page.next_after && stored.is_empty() {
                break;
            }
            page.next_after = page.next_after.max(until);
        }
        Ok(page)
    }

    /// The next events that may match, and the position up to which there are no others. Where
    /// a tenant's events stand the views know, as far as they have come.
    fn step(&self, page: &EventPage) -> Result<(Vec<StoredEvent>, Position), Problem> {
        let after = page.next_after;
        if let Some(tenant) = &self.query.tenant {
            let known = self.views.positions_after(tenant, after)?;
            if known.until > after {
                return Ok((self.journal.stored_at(&known.positions)?, known.until));
            }
        }
        let stored = self.journal.stored_page(after, self.step_events(page.events.len()))?;
        let until = stored.last().map_or(after, |event| event.position);
        Ok((stored, until))
    }

    /// Without a filter every event matches, so no more than are wanted need be read.
    fn step_events(&self, found: usize) -> usize {
        let EventsQuery { tenant, stream, event_type, .. } = &self.query;
        let is_filtered = tenant.is_some() || stream.is_some() || event_type.is_some();
        if is_filtered { SCAN_STEP } else { self.query.limit.0 - found }
    }
}

fn verbatim(text: &str, position: Position) -> Result<Box<RawValue>, JournalError> {
    RawValue::from_string(text.to_owned())
        .map_err(|error| JournalError::Corrupt { position, why: error.to_string() })
}

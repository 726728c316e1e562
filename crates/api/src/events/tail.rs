//! Events as they come: those that are there already, then each new one (server-sent events).

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, stream};
use quipu_domain::Position;
use quipu_journal::{Head, StoredEvent};
use tokio::sync::watch;

use super::EventsQuery;
use crate::reading::blocking;
use crate::server::Closing;
use crate::state::State;

/// Events that are read at a time.
const STEP: usize = 500;

pub(super) fn stream(
    state: State,
    query: EventsQuery,
    after: Position,
    closing: Option<Closing>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let heartbeat = KeepAlive::new().interval(state.limits.heartbeat).text("heartbeat");
    let heads = state.engine.subscribe();
    let tail = Tail { state, query, after, heads, closing, found: VecDeque::new() };
    Sse::new(stream::unfold(tail, Tail::next)).keep_alive(heartbeat)
}

/// A reader that follows the journal.
struct Tail {
    state: State,
    query: EventsQuery,
    /// The last position that was looked at.
    after: Position,
    heads: watch::Receiver<Head>,
    closing: Option<Closing>,
    /// Read, matching, and not yet sent.
    found: VecDeque<StoredEvent>,
}

impl Tail {
    /// The next event that matches, once there is one. The stream ends when the server shuts
    /// down or the journal cannot be read; a client then comes again with its `Last-Event-ID`.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Tail)> {
        loop {
            if let Some(event) = self.found.pop_front() {
                let sent = Event::default().id(event.position.to_string()).data(event.text);
                return Some((Ok(sent), self));
            }
            if self.heads.borrow_and_update().position > self.after {
                self.read().await?;
            } else if !self.has_moved().await {
                return None;
            }
        }
    }

    async fn read(&mut self) -> Option<()> {
        let journal = self.state.engine.journal().clone();
        let after = self.after;
        let stored = blocking(move || journal.stored_page(after, STEP)).await.ok()?;
        self.after = stored.last()?.position;
        self.found.extend(stored.into_iter().filter(|event| self.query.admits(event)));
        Some(())
    }

    /// Waits for the journal to grow; false when the server stops first.
    async fn has_moved(&mut self) -> bool {
        let closing = async {
            match &mut self.closing {
                Some(Closing(closing)) => drop(closing.wait_for(|is_closing| *is_closing).await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            moved = self.heads.changed() => moved.is_ok(),
            () = closing => false,
        }
    }
}

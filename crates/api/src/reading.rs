//! Reads: off the threads that serve requests, at a position that is told, and not sent again to
//! whoever has the same bytes already.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use quipu_domain::{Position, Timestamp};
use quipu_sealing::SubjectKeys;
use quipu_views::{Answer, Views, ViewsError};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::answer::json_bytes;
use crate::problem::Problem;
use crate::state::State;

/// The position up to which a read has seen the journal.
const POSITION: HeaderName = HeaderName::from_static("quipu-position");

/// Runs what blocks where blocking is allowed.
pub(crate) async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Send + 'static,
    Problem: From<E>,
{
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|panic| Problem::internal(&panic))??)
}

/// A body with what is sealed in it opened.
pub(crate) async fn opened(keys: &SubjectKeys, body: Vec<u8>) -> Result<Vec<u8>, Problem> {
    if !SubjectKeys::may_be_sealed(&body) {
        return Ok(body);
    }
    let keys = keys.clone();
    blocking(move || Ok::<_, Problem>(keys.open_json(body))).await
}

/// A read of the views, and what its caller has already.
pub(crate) struct Reader {
    state: State,
    known: Vec<HeaderValue>,
}

impl FromRequestParts<State> for Reader {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &State,
    ) -> Result<Reader, Self::Rejection> {
        let known = parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        Ok(Reader { state: state.clone(), known })
    }
}

impl Reader {
    /// Runs a query on views that have seen at least this position, with the present by the
    /// book's clock (M5), and answers with what it found.
    pub(crate) async fn answer<T, W>(
        self,
        at_least: Option<Position>,
        query: impl FnOnce(&Views, Timestamp) -> Result<Answer<T>, ViewsError> + Send + 'static,
        wire: impl FnOnce(T, Position) -> W,
    ) -> Result<Response, Problem>
    where
        T: Send + 'static,
        W: Serialize,
    {
        let views = self.state.views.clone();
        if let Some(position) = at_least {
            views.wait_for(position, self.state.limits.view_timeout).await?;
        }
        let engine = self.state.engine.clone();
        let found = blocking(move || query(&views, engine.now())).await?;
        let body = serde_json::to_vec(&wire(found.value, found.position))
            .map_err(|error| Problem::internal(&error))?;
        let body = opened(&self.state.keys, body).await?;
        Ok(self.conditional(found.position, body))
    }

    /// Adds position and entity tag; leaves the body out where the caller has it. The tag is
    /// made from the bytes: a balance can change with time alone, while the position stands.
    fn conditional(self, position: Position, body: Vec<u8>) -> Response {
        let digest = Sha256::digest(&body);
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let mut response = if self.known.iter().any(|known| names(known, &hex)) {
            let mut unchanged = Response::new(Body::empty());
            *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
            unchanged
        } else {
            json_bytes(StatusCode::OK, body)
        };
        let tag = HeaderValue::try_from(format!("W/\"{hex}\""))
            .expect("hex digits in quotes are a header value");
        let headers = response.headers_mut();
        headers.insert(header::ETAG, tag);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(POSITION, HeaderValue::from(position.0));
        response
    }
}

/// Whether an `If-None-Match` header names a tag, compared weakly (RFC 9110, section 8.8.3.2).
fn names(header: &HeaderValue, hex: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    header
        .to_str()
        .is_ok_and(|text| text.split(',').any(|tag| tag.trim() == "*" || opaque(tag) == hex))
}

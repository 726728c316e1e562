//! The outermost layer: names each request, renders problems, opens what is sealed, counts and
//! logs answers.

use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request, State as Extracted};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use quipu_domain::Label;
use quipu_sealing::SubjectKeys;
use uuid::Uuid;

use crate::answer::Sealed;
use crate::problem::{self, Problem};
use crate::reading;

/// The header that names a request.
const REQUEST_ID: &str = "x-request-id";

/// The longest name that a caller may give a request.
const MOST_REQUEST_ID_CHARS: usize = 128;

/// What a request is called in answers, logs and events.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) Label);

impl RequestId {
    /// The caller's name for the request, if it is usable; otherwise one of ours.
    fn of(headers: &HeaderMap) -> RequestId {
        let usable = |text: &&str| {
            text.len() <= MOST_REQUEST_ID_CHARS && text.bytes().all(|b| b.is_ascii_graphic())
        };
        headers
            .get(REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .filter(usable)
            .and_then(|text| text.parse().ok())
            .map_or_else(RequestId::minted, RequestId)
    }

    fn minted() -> RequestId {
        RequestId(Uuid::now_v7().to_string().parse().expect("a UUID is a label"))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<RequestId, Self::Rejection> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(RequestId::minted))
    }
}

/// The layer.
pub(crate) async fn answer(
    Extracted(keys): Extracted<SubjectKeys>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let request_id = RequestId::of(request.headers());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(request_id.clone());

    let response = rendered(next.run(request).await, request_id.0.as_str());
    let mut response = opened(&keys, response, request_id.0.as_str()).await;

    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id.0.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (elapsed, status) = (started.elapsed(), response.status().as_u16());
    tracing::debug!(%method, route, status, ?elapsed, request_id = %request_id.0, "answered");
    count(method.as_str(), route, status, elapsed.as_secs_f64());
    response
}

/// Gives a problem its document, and an answer that the router refused its problem.
fn rendered(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| {
        let bare = !response.headers().contains_key(header::CONTENT_TYPE);
        let refused = status.is_client_error() || status.is_server_error();
        (bare && refused).then(|| problem::of_bare_status(status))
    });
    let Some(problem) = problem else { return response };
    let mut document = problem.render(request_id);
    let about_the_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH];
    for (name, value) in response.headers() {
        if !about_the_body.contains(name) && !document.headers().contains_key(name) {
            document.headers_mut().insert(name.clone(), value.clone());
        }
    }
    document
}

/// Opens what is sealed in an answer.
async fn opened(keys: &SubjectKeys, mut response: Response, request_id: &str) -> Response {
    let Some(Sealed(body)) = response.extensions_mut().remove() else { return response };
    match reading::opened(keys, body.into()).await {
        Ok(body) => {
            *response.body_mut() = body.into();
            response
        }
        Err(problem) => problem.render(request_id),
    }
}

/// The method is one of a few: whatever else a caller invents is refused by the router.
fn count(method: &str, route: String, status: u16, elapsed_seconds: f64) {
    let method = match method {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        _ => "other",
    };
    metrics::counter!(
        "quipu_http_requests_total",
        "method" => method, "route" => route.clone(), "status" => status.to_string()
    )
    .increment(1);
    metrics::histogram!("quipu_http_request_seconds", "method" => method, "route" => route)
        .record(elapsed_seconds);
}

//! What is around every route: it names each request, refuses one that means another host, keeps
//! the quotas, renders problems, opens what is sealed, counts and logs answers. A handler that
//! panics is answered.

mod counted;
mod hosts;

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Method, header, request};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use futures::FutureExt;
use futures::future::BoxFuture;
use quipu_domain::Label;
use quipu_sealing::SubjectKeys;
use tower::{Layer, Service};
use uuid::Uuid;

use counted::Counted;
pub(crate) use hosts::Hosts;

use crate::answer::Sealed;
use crate::problem::{self, Problem};
use crate::quota::Quotas;
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
    pub(crate) fn of(headers: &HeaderMap) -> RequestId {
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
        let mut text = Uuid::encode_buffer();
        let text: &str = Uuid::now_v7().as_hyphenated().encode_lower(&mut text);
        RequestId(text.parse().expect("a UUID is a label"))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut request::Parts,
        _: &S,
    ) -> Result<RequestId, Self::Rejection> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(RequestId::minted))
    }
}

/// Puts an [`Edge`] around a route.
#[derive(Clone)]
pub(crate) struct EdgeLayer {
    keys: SubjectKeys,
    quotas: Quotas,
    hosts: Hosts,
}

/// A route and what is around it.
#[derive(Clone)]
pub(crate) struct Edge {
    route: Route,
    parts: Arc<Parts>,
}

struct Parts {
    keys: SubjectKeys,
    quotas: Quotas,
    hosts: Hosts,
    counted: Counted,
}

/// A request, from when it came in.
struct Begun {
    at: Instant,
    id: RequestId,
    method: Method,
    route: Option<MatchedPath>,
}

impl EdgeLayer {
    pub(crate) const fn new(keys: SubjectKeys, quotas: Quotas, hosts: Hosts) -> EdgeLayer {
        EdgeLayer { keys, quotas, hosts }
    }
}

impl Layer<Route> for EdgeLayer {
    type Service = Edge;

    fn layer(&self, route: Route) -> Edge {
        let EdgeLayer { keys, quotas, hosts } = self.clone();
        Edge { route, parts: Arc::new(Parts { keys, quotas, hosts, counted: Counted::default() }) }
    }
}

/// By hand: functions as layers, of `axum::middleware`, clone and box for each request whatever is
/// below them. Two of them, another one for panics, and all counters looked up by their labels, made
/// a seventh fewer debits a second (`quipu bench hot`).
impl Service<Request> for Edge {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.route, context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let begun = Begun::of(&mut request);
        let place = match self.parts.hosts.check(request.headers()) {
            Ok(()) => self.parts.quotas.enter(&request).map_err(IntoResponse::into_response),
            Err(problem) => Err(problem.into_response()),
        };
        // A route does nothing before it is polled.
        let answer = place.map(|place| (place, self.route.call(request)));
        let parts = Arc::clone(&self.parts);
        Box::pin(async move {
            let response = match answer {
                Ok((place, answer)) => {
                    let answer = AssertUnwindSafe(answer).catch_unwind().await;
                    let mut response = answer.unwrap_or_else(|panic| Ok(panicked(&*panic)))?;
                    if let Some(place) = place {
                        place.leave(&mut response);
                    }
                    response
                }
                Err(refused) => refused,
            };
            Ok(parts.finish(begun, response).await)
        })
    }
}

impl Parts {
    /// What every answer has, whatever came of its request.
    async fn finish(&self, begun: Begun, response: Response) -> Response {
        let Begun { at, id: RequestId(id), method, route } = begun;
        let response = rendered(response, id.as_str());
        let mut response = opened(&self.keys, response, id.as_str()).await;

        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(id.as_str()) {
            headers.insert(REQUEST_ID, value);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let (elapsed, status) = (at.elapsed(), response.status());
        tracing::debug!(
            %method, route = route.as_ref().map(MatchedPath::as_str), status = status.as_u16(),
            ?elapsed, request_id = %id, "answered"
        );
        self.counted.count(route, &method, status, elapsed);
        response
    }
}

impl Begun {
    /// Names the request.
    fn of(request: &mut Request) -> Begun {
        let at = Instant::now();
        let id = RequestId::of(request.headers());
        let route = request.extensions().get().cloned();
        request.extensions_mut().insert(id.clone());
        Begun { at, id, method: request.method().clone(), route }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Problem::internal(&format_args!("a handler panicked: {}", text.unwrap_or("without a text")))
        .into_response()
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

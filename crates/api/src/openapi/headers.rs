//! The headers of answers, as the document lists them.

use std::collections::BTreeMap;

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{Ref, RefOr, Response};

const ETAG: &str = "ETag";
const POSITION: &str = "Quipu-Position";
const REPLAYED: &str = "Idempotency-Replayed";
const DUPLICATES: &str = "Quipu-Duplicates";
const QUOTA: [&str; 2] = ["RateLimit", "RateLimit-Policy"];
const RETRY_AFTER: &str = "Retry-After";

/// Every header that says something of Quipu's own, or that a client acts on.
pub(super) fn all() -> BTreeMap<String, RefOr<Header>> {
    [
        (
            ETAG,
            Type::String,
            "Names these bytes; sent as `If-None-Match`, it spares sending them again.",
        ),
        (POSITION, Type::Integer, "Up to where the view knew the journal."),
        (REPLAYED, Type::String, "`true` where an earlier request with the same key did it."),
        (DUPLICATES, Type::Integer, "How many of the records were known already."),
        (QUOTA[0], Type::String, "How many more requests may be under way: `\"tenant\";r=2047`."),
        (
            QUOTA[1],
            Type::String,
            "How many may be at a time: `\"tenant\";q=2048;qu=\"concurrent-requests\"`.",
        ),
        (
            RETRY_AFTER,
            Type::Integer,
            "After how many seconds asking again makes sense; where it does.",
        ),
    ]
    .map(|(name, of, description)| {
        let header = HeaderBuilder::new().schema(Some(Object::with_type(of)));
        (name.to_owned(), RefOr::T(header.description(Some(description)).build()))
    })
    .into()
}

/// Names the headers that the answers of an operation have, and the answer that is one of headers
/// alone.
pub(super) fn announce(path: &str, method: &HttpMethod, operation: &mut Operation) {
    let is_post = *method == HttpMethod::Post;
    let is_batch = is_post && matches!(path, "/v1/usage" | "/v1/commands");
    let reads_a_view = !is_post && takes_at_least(operation) && !path.starts_with("/v1/explain/");
    let responses = &mut operation.responses.responses;
    if reads_a_view {
        let unchanged = Response::new("What the tag in `If-None-Match` names has not changed.");
        responses.insert("304".to_owned(), RefOr::T(unchanged));
    }
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        let is_refused = matches!(status.as_str(), "4XX" | "5XX");
        let own: &[&str] = match path {
            _ if is_refused => &[RETRY_AFTER],
            _ if reads_a_view => &[ETAG, POSITION],
            "/v1/usage" => &[DUPLICATES],
            _ if is_post && !is_batch => &[REPLAYED],
            _ => &[],
        };
        let has_quota = is_batch || path.starts_with("/v1/tenants/");
        let quota = if has_quota { &QUOTA[..] } else { &[] };
        response.headers.extend(own.iter().chain(quota).map(|name| {
            let reference = Ref::new(format!("#/components/headers/{name}"));
            ((*name).to_owned(), RefOr::Ref(reference))
        }));
    }
}

fn takes_at_least(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| matches!(parameter, RefOr::T(it) if it.name == "at_least"))
}

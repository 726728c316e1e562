//! Reading a body: of a type that is expected, not larger than is allowed, and in time.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use futures::StreamExt;

use crate::problem::{Code, Problem};
use crate::state::Limits;

/// What a body can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    CloudEvent,
    CloudEventBatch,
}

impl MediaType {
    const fn name(self) -> &'static str {
        match self {
            MediaType::Json => "application/json",
            MediaType::CloudEvent => "application/cloudevents+json",
            MediaType::CloudEventBatch => "application/cloudevents-batch+json",
        }
    }
}

/// Which of the allowed types the body has.
pub(crate) fn require(headers: &HeaderMap, allowed: &[MediaType]) -> Result<MediaType, Problem> {
    let refused = |found: &str| {
        let names: Vec<_> = allowed.iter().map(|allowed| allowed.name()).collect();
        Problem::new(
            Code::UnsupportedMediaType,
            format!("the body is {found}"),
            format!("send the header Content-Type: {}", names.join(" or ")),
        )
    };
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "the body has a content encoding",
            "send it uncompressed, without Content-Encoding",
        ));
    }
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(refused("of no single content type"));
    };
    essence(value)
        .and_then(|essence| allowed.iter().copied().find(|allowed| allowed.name() == essence))
        .ok_or_else(|| refused(&format!("{value:?}")))
}

/// The type without parameters, unless a parameter says that the body is not UTF-8.
fn essence(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next()?.to_owned();
    let utf8 = |parameter: &str| match parameter.split_once('=') {
        Some(("charset", charset)) => charset.trim_matches('"') == "utf-8",
        _ => true,
    };
    parts.all(utf8).then_some(essence)
}

/// The whole body, read before anything about it is refused. One that is too large is still taken
/// off the wire, up to a limit, because a client that is cut off while it writes never reads why.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    most_bytes: usize,
    limits: &Limits,
) -> Result<Bytes, Problem> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    let reading = collect(body, announced, most_bytes, limits.drained_body_bytes);
    tokio::time::timeout(limits.body_timeout, reading).await.unwrap_or_else(|_elapsed| {
        Err(Problem::new(
            Code::BodyTimeout,
            "the body did not arrive in time",
            "send it again, faster or in smaller parts",
        ))
    })
}

async fn collect(
    body: Body,
    announced: Option<usize>,
    most_bytes: usize,
    drained_bytes: usize,
) -> Result<Bytes, Problem> {
    let mut chunks = body.into_data_stream();
    let mut buffer = Vec::with_capacity(announced.unwrap_or(0).min(most_bytes));
    let mut seen = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            tracing::debug!(%error, "body unreadable");
            Problem::new(Code::BodyUnreadable, "the body broke off", "send the request again")
        })?;
        seen = seen.saturating_add(chunk.len());
        if seen <= most_bytes {
            buffer.extend_from_slice(&chunk);
        } else {
            buffer = Vec::new();
        }
        if seen > drained_bytes {
            break;
        }
    }
    if seen > most_bytes {
        return Err(Problem::new(
            Code::BodyTooLarge,
            format!("the body is larger than {most_bytes} bytes"),
            "send it in smaller parts",
        )
        .with("most_bytes", most_bytes));
    }
    Ok(buffer.into())
}

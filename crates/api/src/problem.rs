//! Everything that goes wrong is answered as a problem document (RFC 9457) with a stable code.

mod catalogue;
mod engine;
mod proofs;
mod reading;
mod refusal;
mod rules;
mod sealing;

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::answer;

pub(crate) use catalogue::{Code, all_codes};
pub(crate) use engine::{outcome_unknown, usage_id_repeated, usage_id_reused};
pub(crate) use proofs::checkpoints_not_signed;
pub(crate) use refusal::from_refusal;

/// What went wrong, and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    hint: Cow<'static, str>,
    members: Map<String, Value>,
    retry_after_seconds: Option<u32>,
}

/// A problem document (RFC 9457). Refusals carry the numbers that are needed to act, such as
/// `needed`, `available` and `held`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/problems/insufficient_credits",
    "title": "Not enough is available",
    "status": 402,
    "code": "insufficient_credits",
    "detail": "75 needed, 50 available",
    "hint": "grant credits, raise the overdraft limit, or wait until a hold ends",
    "needed": "75",
    "spendable": "50",
    "available": "50",
    "held": "450",
    "overdraft": "0",
    "overdraft_limit": "0",
    "request_id": "01995fd3-5c3c-7b52-8f0c-2f6a1c9f5a10"
}))]
pub(crate) struct ProblemDocument {
    /// Where the code is explained.
    #[serde(rename = "type")]
    kind: String,
    /// What the code means.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The stable code; programs decide by it.
    code: &'static str,
    /// What happened this time.
    detail: String,
    /// What to do about it.
    hint: String,
    /// Numbers and names that go with the code.
    #[serde(flatten)]
    members: Map<String, Value>,
    /// The request, as it is called in the log and in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Problem {
    pub(crate) fn new(
        code: Code,
        detail: impl Into<String>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Problem {
        Problem {
            code,
            detail: detail.into(),
            hint: hint.into(),
            members: Map::new(),
            retry_after_seconds: None,
        }
    }

    /// An error whose cause is ours. The cause goes to the log, never to the caller.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Problem {
        tracing::error!(%cause, "request failed inside the server");
        Problem::new(
            Code::InternalError,
            "the server failed to answer this request",
            "report the request id; a command may be sent again with the same Idempotency-Key",
        )
    }

    /// Adds a member of its own to the document.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Serialize) -> Problem {
        let value = serde_json::to_value(value)
            .expect("members are texts, numbers and lists of them, which are always JSON");
        if !value.is_null() {
            self.members.insert(name.to_owned(), value);
        }
        self
    }

    /// Says after how many seconds trying again makes sense.
    #[must_use]
    pub(crate) fn retry_after_seconds(mut self, seconds: u32) -> Problem {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The same problem under another code.
    #[must_use]
    pub(crate) fn recoded(mut self, code: Code) -> Problem {
        self.code = code;
        self
    }

    /// The same problem, with another hint where it is of this code.
    #[must_use]
    pub(crate) fn hinting_where(self, code: Code, hint: &'static str) -> Problem {
        if self.code == code { self.hinting(hint) } else { self }
    }

    /// The same problem with another hint.
    #[must_use]
    pub(crate) fn hinting(mut self, hint: &'static str) -> Problem {
        self.hint = hint.into();
        self
    }

    /// Names the parameter of a query that it is about, unless the detail does.
    #[must_use]
    pub(crate) fn of_parameter(mut self, name: &str) -> Problem {
        if !self.detail.contains(&format!("`{name}`")) {
            self.detail = format!("{name}: {}", self.detail);
        }
        self.with("parameter", name)
    }

    /// The document, for the body of an answer or for one record of a batch.
    pub(crate) fn document(self, request_id: Option<String>) -> ProblemDocument {
        let code = self.code.name();
        ProblemDocument {
            kind: format!("/problems/{code}"),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code,
            detail: self.detail,
            hint: self.hint.into_owned(),
            members: self.members,
            request_id,
        }
    }

    /// The whole answer.
    pub(crate) fn render(self, request_id: &str) -> Response {
        let status = self.code.status();
        let retry_after_seconds = self.retry_after_seconds;
        let document = self.document(Some(request_id.to_owned()));
        let mut response = answer::json(status, &document);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Leaves the document to the outermost layer, which knows the request's id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The problem that an answer without a body of its own stands for: what the router, and not a
/// handler, refused.
pub(crate) fn of_bare_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new(
            Code::NotFound,
            "there is nothing at this path",
            "see /docs or /openapi.json for the paths there are",
        ),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(
            Code::MethodNotAllowed,
            "this path does not take this method",
            "use a method that the Allow header names",
        ),
        _ => Problem::internal(&format_args!("an answer of status {status} without a body")),
    }
}

//! The codes that the edge itself gives, with status and meaning. The rules' own codes are in
//! `quipu_domain::Refusal`; both appear in the OpenAPI document.

use axum::http::StatusCode;
use quipu_domain::Refusal;
use quipu_domain::refusal::RefusalKind;

use super::rules;

/// Declares the codes once: as an enum, and as the list that is documented.
macro_rules! codes {
    ($($variant:ident = $name:literal, $status:ident, $title:literal;)+) => {
        /// A code of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code {
            $($variant,)+
            /// A rule of the domain, by its code and kind.
            Refused(&'static str, RefusalKind),
        }

        /// The codes of the edge.
        const OF_THE_EDGE: &[Code] = &[$(Code::$variant,)+];

        impl Code {
            /// The stable name.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Code::$variant => $name,)+
                    Code::Refused(name, _) => name,
                }
            }

            /// The status it is answered with.
            pub(crate) const fn status(self) -> StatusCode {
                match self {
                    $(Code::$variant => StatusCode::$status,)+
                    Code::Refused(_, kind) => match kind {
                        RefusalKind::NotFound => StatusCode::NOT_FOUND,
                        RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
                        RefusalKind::Conflict => StatusCode::CONFLICT,
                        RefusalKind::Insufficient => StatusCode::PAYMENT_REQUIRED,
                    },
                }
            }

            /// What it means.
            pub(crate) fn title(self) -> &'static str {
                match self {
                    $(Code::$variant => $title,)+
                    Code::Refused(name, _) => rules::title(name),
                }
            }
        }
    };
}

codes! {
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not JSON";
    NestedTooDeep = "nested_too_deep", BAD_REQUEST, "The JSON is nested too deep";
    UnknownField = "unknown_field", BAD_REQUEST, "A field is not known";
    DuplicateField = "duplicate_field", BAD_REQUEST, "A field stands twice";
    MissingField = "missing_field", BAD_REQUEST, "A field is missing";
    InvalidType = "invalid_type", BAD_REQUEST, "A value has the wrong type";
    InvalidValue = "invalid_value", BAD_REQUEST, "A value does not have the right form";
    InvalidAmount = "invalid_amount", BAD_REQUEST, "An amount does not have the right form";
    InvalidNumber = "invalid_number", BAD_REQUEST, "A number does not have the right form";
    InvalidPath = "invalid_path", BAD_REQUEST, "An id in the path does not have the right form";
    InvalidQuery = "invalid_query", BAD_REQUEST, "The query string is not valid";
    FutureMoment = "future_moment", BAD_REQUEST, "The moment has not come yet";
    InvalidHeader = "invalid_header", BAD_REQUEST, "A header is not valid";
    HostNotAllowed = "host_not_allowed", MISDIRECTED_REQUEST, "The server does not answer under this host name";
    InvalidCloudEvent = "invalid_cloud_event", BAD_REQUEST, "The CloudEvent is not valid";
    EmptyBatch = "empty_batch", BAD_REQUEST, "The batch is empty";
    BatchTooLarge = "batch_too_large", PAYLOAD_TOO_LARGE, "The batch is too large";
    IdempotencyKeyRequired = "idempotency_key_required", BAD_REQUEST, "The idempotency key is missing";
    InvalidIdempotencyKey = "invalid_idempotency_key", BAD_REQUEST, "The idempotency key is not valid";
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request";
    IdempotencyKeyInFlight = "idempotency_key_in_flight", CONFLICT, "A request with this key is under way";
    UsageIdReused = "usage_id_reused", UNPROCESSABLE_ENTITY, "The usage id belongs to another record";
    NotFound = "not_found", NOT_FOUND, "There is nothing here";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    BodyTimeout = "body_timeout", REQUEST_TIMEOUT, "The body did not arrive in time";
    BodyUnreadable = "body_unreadable", BAD_REQUEST, "The body could not be read";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The content type is not supported";
    EventTooLarge = "event_too_large", PAYLOAD_TOO_LARGE, "The event would be too large";
    ExplanationTooLarge = "explanation_too_large", UNPROCESSABLE_ENTITY, "The number rests on too many events to explain it at once";
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests are under way";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too many requests are waiting";
    BookNotOpen = "book_not_open", SERVICE_UNAVAILABLE, "The server does not have its book yet";
    JournalUnavailable = "journal_unavailable", SERVICE_UNAVAILABLE, "The journal cannot be reached now";
    BookDoesNotHold = "book_does_not_hold", INTERNAL_SERVER_ERROR, "What is stored is not what was written";
    JournalNewer = "journal_newer", SERVICE_UNAVAILABLE, "The journal was written by a newer version";
    KeysUnavailable = "keys_unavailable", SERVICE_UNAVAILABLE, "The keys of personal texts cannot be read or written";
    ViewsUnavailable = "views_unavailable", SERVICE_UNAVAILABLE, "The views cannot be read now";
    ViewParked = "view_parked", SERVICE_UNAVAILABLE, "The view stopped at an event it could not apply";
    ViewBehind = "view_behind", SERVICE_UNAVAILABLE, "The view is not there yet";
    CheckpointNotPublished = "checkpoint_not_published", NOT_FOUND, "No such checkpoint was published";
    CheckpointsNotSigned = "checkpoints_not_signed", NOT_FOUND, "This server signs no checkpoints";
    CheckpointUnreachable = "checkpoint_unreachable", GONE, "The book does not lead to that checkpoint any more";
    ProofsUnavailable = "proofs_unavailable", SERVICE_UNAVAILABLE, "Checkpoints and tiles cannot be read now";
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, "It is not known yet whether the command took effect";
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE, "The server is shutting down";
    InternalError = "internal_error", INTERNAL_SERVER_ERROR, "The server failed";
}

/// Every code that there is: the edge's own, and those of the rules.
pub(crate) fn all_codes() -> impl Iterator<Item = Code> {
    let refused = Refusal::CODES.iter().map(|(code, kind)| Code::Refused(code, *kind));
    OF_THE_EDGE.iter().copied().chain(refused)
}

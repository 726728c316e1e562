//! What stands in a request's path and query string, read as strictly as its body.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use quipu_domain::{Position, Timestamp};
use quipu_views::{KnownAt, Order};
use serde::de::{DeserializeOwned, Error, Unexpected};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::Segment;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{KnownFormat, Object, RefOr, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::openapi::parameter;
use crate::problem::{Code, Problem};
use crate::strict_json;

/// The ids in the path.
pub(crate) struct PathIds<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathIds<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathIds<T>, Problem> {
        Path::<T>::from_request_parts(parts, state).await.map(|Path(ids)| PathIds(ids)).map_err(
            |rejection| match rejection {
                PathRejection::FailedToDeserializePathParams(error) => Problem::new(
                    Code::InvalidPath,
                    error.body_text(),
                    "write ids as the server gave them out",
                ),
                other => Problem::internal(&other),
            },
        )
    }
}

/// The query string: no parameter that is not known, none twice.
pub(crate) struct StrictQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<StrictQuery<T>, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        serde_urlencoded::from_str(query)
            .map(StrictQuery)
            .map_err(|error| diagnose::<T>(query, &error.to_string()))
    }
}

/// The problem with a query, and with which of its parameters.
fn diagnose<T: DeserializeOwned>(query: &str, message: &str) -> Problem {
    // Of a text that is no number Rust says only that it is none.
    let is_no_number = message.contains("digit found in string")
        || message.starts_with("cannot parse integer")
        || message.starts_with("number too large");
    let no_number = format!("not a whole number from 0 to {}", Position::LAST);
    let message = if is_no_number { &no_number } else { message };
    let problem = strict_json::of_message(message).recoded(Code::InvalidQuery);
    let named = || message.split('`').nth(1).map(str::to_owned);
    let Some(name) = parameter_of::<T>(query).or_else(named) else { return problem };
    let mut values = form_urlencoded::parse(query.as_bytes());
    let value = values.find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default();
    let was_time = value.contains(' ') && value.replace(' ', "+").parse::<Timestamp>().is_ok();
    let problem = if was_time {
        problem.hinting("in a query a + stands for a space: write %2B, or Z for UTC")
    } else {
        problem
    };
    problem.of_parameter(&name)
}

/// Which parameter of a query is refused.
fn parameter_of<T: DeserializeOwned>(query: &str) -> Option<String> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    let error = serde_path_to_error::deserialize::<_, T>(pairs).err()?;
    error.path().iter().find_map(|segment| match segment {
        Segment::Map { key } => Some(key.clone()),
        _ => None,
    })
}

/// A whole number from 1 to `most`, read from the text that it is in a query.
pub(crate) fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
    most: usize,
) -> Result<usize, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| {
        let expected = format!("a whole number from 1 to {most}");
        D::Error::invalid_value(Unexpected::Str(&text), &expected.as_str())
    })
}

/// What the document says of a [`whole_number`].
pub(crate) fn whole_number_schema(most: usize) -> RefOr<Schema> {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
    let number = Object::builder().schema_type(Type::Integer).format(Some(format));
    number.minimum(Some(1)).maximum(Some(most)).build().into()
}

/// The query string of what takes none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParameters {}

/// How many rows a page holds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) usize);

impl Limit {
    /// The longest page.
    const MOST: usize = 1_000;
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        whole_number_schema(Limit::MOST)
    }
}

impl ToSchema for Limit {}

impl Default for Limit {
    fn default() -> Limit {
        Limit(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Limit, D::Error> {
        whole_number(deserializer, Limit::MOST).map(Limit)
    }
}

/// The parameters of a read that has no others.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadQuery {
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    pub(crate) at_least: Option<Position>,
}

/// The parameters of a list that has no others. `C` is what its cursor is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "C: Deserialize<'de>"))]
pub(crate) struct ListQuery<C> {
    #[serde(default = "Option::default")]
    pub(crate) after: Option<C>,
    #[serde(default)]
    pub(crate) limit: Limit,
    #[serde(default)]
    pub(crate) at_least: Option<Position>,
}

impl<C> IntoParams for ListQuery<C> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let after = "Go on after this item: the `next_after` of the page before.";
        let after = parameter("after", ParameterIn::Query, after, Required::False);
        let number = |name, description, schema| {
            let mut number = parameter(name, ParameterIn::Query, description, Required::False);
            number.schema = Some(schema);
            number
        };
        let limit = "At most so many, 1 to 1000; 100 where absent.";
        let limit = number("limit", limit, Limit::schema());
        let at_least = "Wait, up to 5 s, until the view has this position: read your own write.";
        let at_least = number("at_least", at_least, u64::schema());
        vec![after, limit, at_least]
    }
}

/// How much of the journal is taken into account: a position, or a time of recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownAtParameter(pub(crate) KnownAt);

impl<'de> Deserialize<'de> for KnownAtParameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<KnownAtParameter, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known_at = if text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().ok().map(KnownAt::Position)
        } else {
            text.parse().ok().map(KnownAt::Time)
        };
        known_at.map(KnownAtParameter).ok_or_else(|| {
            let expected = "a position such as 17 or a time such as 2026-11-20T12:00:00Z";
            D::Error::invalid_value(Unexpected::Str(&text), &expected)
        })
    }
}

/// Refuses a period that ends before it begins: what it opened with would be taken from a later
/// moment than what it closed with.
pub(crate) fn require_period(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<(), Problem> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => Err(Problem::new(
            Code::InvalidQuery,
            format!("the period ends before it begins: from is {from}, to is {to}"),
            "write the earlier moment as from, and the later one as to",
        )),
        _ => Ok(()),
    }
}

/// In which order a list is read.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderParameter {
    /// From the first event on.
    #[default]
    OldestFirst,
    /// From the last event back.
    NewestFirst,
}

impl From<OrderParameter> for Order {
    fn from(order: OrderParameter) -> Order {
        match order {
            OrderParameter::OldestFirst => Order::OldestFirst,
            OrderParameter::NewestFirst => Order::NewestFirst,
        }
    }
}

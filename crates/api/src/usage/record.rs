//! A usage record as it is written in a request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use quipu_domain::wallet::event::{Attribution, Tokens, Usage};
use quipu_domain::{Label, MeterName, TenantId, Timestamp};
use quipu_engine::UsageReport;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::MOST_RECORDS;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem};
use crate::wire::{Number, bounded, dimensions};

/// The source of records that name none.
const DEFAULT_SOURCE: &str = "api";

/// A usage record: `quantity`, or tokens by kind.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UsageRecord, example = json!({
    "tenant": "t_acme", "meter": "llm_tokens", "input": 374, "output": 44, "model": "example-large",
    "agent": "analyst", "run": "run-8", "occurred_at": "2026-11-20T12:00:00Z",
    "source": "gateway-1", "id": "req-9001"
}))]
pub(crate) struct Record {
    /// Whose usage it is.
    #[schema(value_type = String)]
    pub(crate) tenant: TenantId,
    /// What was used.
    #[schema(value_type = String)]
    pub(crate) meter: MeterName,
    /// How much, for meters that are not priced by kind of token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quantity: Option<Number>,
    /// Tokens sent to the model and not cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<u64>,
    /// Tokens sent to the model and found in its cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cached_input: Option<u64>,
    /// Tokens that the model generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<u64>,
    /// What a unique count counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) value: Option<Label>,
    /// The agent that did the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) agent: Option<Label>,
    /// The run, meeting or job it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) run: Option<Label>,
    /// The model that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) model: Option<Label>,
    /// Your own dimensions, at most 16.
    #[serde(default, deserialize_with = "dimensions")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub(crate) dimensions: BTreeMap<Label, Label>,
    /// When it happened: it is rated at the prices of then. Now where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) occurred_at: Option<Timestamp>,
    /// Who reports it; `api` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) source: Option<Label>,
    /// The reporter's id for it, unique within source and tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) id: Option<Label>,
}

/// One record, or an array of them.
pub(crate) enum OneOrMany {
    One(Box<Record>),
    Many(Vec<Record>),
}

impl PartialSchema for OneOrMany {
    fn schema() -> RefOr<Schema> {
        let one = Ref::from_schema_name(Record::name());
        let many =
            ArrayBuilder::new().items(one.clone()).min_items(Some(1)).max_items(Some(MOST_RECORDS));
        OneOfBuilder::new()
            .description(Some("One record, or an array of them."))
            .item(one)
            .item(many)
            .into()
    }
}

impl ToSchema for OneOrMany {
    fn name() -> Cow<'static, str> {
        "UsageRecords".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Record::name().into(), Record::schema()));
        Record::schemas(schemas);
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany, D::Error> {
        struct ObjectOrArray;
        impl<'de> Visitor<'de> for ObjectOrArray {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a usage record or an array of them")
            }
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<OneOrMany, A::Error> {
                let record = Record::deserialize(MapAccessDeserializer::new(object))?;
                Ok(OneOrMany::One(Box::new(record)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<OneOrMany, A::Error> {
                bounded(array, MOST_RECORDS).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(ObjectOrArray)
    }
}

impl Record {
    /// Whether its id follows from the idempotency key.
    pub(crate) fn has_no_id(&self) -> bool {
        self.id.is_none()
    }

    fn tokens(&self) -> Option<Tokens> {
        let any = self.input.is_some() || self.cached_input.is_some() || self.output.is_some();
        any.then(|| Tokens {
            input: self.input.unwrap_or(0),
            cached_input: self.cached_input.unwrap_or(0),
            output: self.output.unwrap_or(0),
        })
    }

    fn usage(&self, id: Label) -> Usage {
        let default_source = || DEFAULT_SOURCE.parse().expect("the name is a label");
        Usage {
            meter: self.meter.clone(),
            quantity: self.quantity.map(|quantity| quantity.0),
            tokens: self.tokens(),
            value: self.value.clone(),
            attribution: Attribution {
                agent: self.agent.clone(),
                run: self.run.clone(),
                model: self.model.clone(),
                dimensions: self.dimensions.clone(),
            },
            occurred_at: self.occurred_at.unwrap_or_default(),
            source: self.source.clone().unwrap_or_else(default_source),
            id,
        }
    }
}

/// The records with what their writers left out: an id from the idempotency key and the place in
/// the array.
pub(super) fn complete(
    records: &[Record],
    key: Option<&IdempotencyKey>,
) -> Result<Vec<UsageReport>, Problem> {
    let complete = |(index, record): (usize, &Record)| {
        let id = match (&record.id, key) {
            (Some(id), _) => id.clone(),
            (None, Some(key)) => format!("{}/{index}", key.0)
                .parse()
                .expect("a key of 255 characters and an index are a label"),
            (None, None) => return Err(id_required(index)),
        };
        Ok(UsageReport {
            tenant: record.tenant.clone(),
            usage: record.usage(id),
            dated: record.occurred_at.is_some(),
        })
    };
    records.iter().enumerate().map(complete).collect()
}

fn id_required(index: usize) -> Problem {
    Problem::new(
        Code::IdempotencyKeyRequired,
        "a record has no id, and the header Idempotency-Key is missing",
        "give each record a source and an id, or send the header",
    )
    .with("index", index)
}

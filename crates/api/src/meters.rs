//! `/v1/meters`: what is counted, how counts add up, and what they cost (rules U2, U3).

mod price;

use axum::response::Response;
use quipu_domain::ids::new_name;
use quipu_domain::meter::{Aggregation, MeterCommand, MeterDefined, MeterPriced, UnpricedPolicy};
use quipu_domain::{Label, MeterName, Position, Timestamp};
use quipu_engine::Command;
use quipu_views::{Meter, Page, Views};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::choices;
use crate::parameters::{ListQuery, PathIds, ReadQuery, StrictQuery};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::state::now;
use crate::strict_json::StrictJson;
use crate::wire::{Embedded, Number, Object};
use price::Price;

/// A meter to be defined.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "llm_tokens", "aggregation": "sum", "unit": "token", "unpriced": {"policy": "refuse"}}))]
pub(crate) struct MeterRequest {
    /// Its name: 1 to 64 of a-z, 0-9, `_`, `-`, `.`.
    #[serde(deserialize_with = "new_name")]
    #[schema(value_type = String)]
    name: MeterName,
    /// How records add up within a calendar month of the tenant's time zone: `count`, `sum`,
    /// `max`, `unique_count` or `latest`.
    #[schema(value_type = choices::Aggregation)]
    aggregation: Aggregation,
    /// What one is called, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    unit: Option<Label>,
    /// What happens to usage that has no price; refused where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<UnpricedUsage>)]
    unpriced: Option<Object<UnpricedUsage>>,
}

/// What happens to usage that has no price. It is never silently free.
// A variant without fields has braces: serde would let any field pass beside the tag of a bare one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "policy", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum UnpricedUsage {
    /// It is refused: `usage_unpriceable`.
    Refuse {},
    /// It is kept, flagged, and rated later.
    RecordUnpriced {},
    /// It costs so much per unit; for token meters, per token of any kind.
    DefaultPrice {
        /// Credits per unit.
        unit_price: Number,
    },
}

impl From<UnpricedUsage> for UnpricedPolicy {
    fn from(policy: UnpricedUsage) -> UnpricedPolicy {
        match policy {
            UnpricedUsage::Refuse {} => UnpricedPolicy::Refuse,
            UnpricedUsage::RecordUnpriced {} => UnpricedPolicy::RecordUnpriced,
            UnpricedUsage::DefaultPrice { unit_price } => {
                UnpricedPolicy::DefaultPrice { unit_price: unit_price.0 }
            }
        }
    }
}

/// A price that holds from a moment on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"effective_at": "2026-01-01T00:00:00Z", "price": {"model": "flat", "unit_price": "0.002"}}))]
pub(crate) struct MeterPriceRequest {
    /// First moment at which it holds; now where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<Timestamp>,
    /// The price.
    #[schema(value_type = Price)]
    price: Object<Price>,
}

/// Defines a meter. Its price is set by `POST /v1/meters/{meter}/prices`.
#[utoipa::path(
    post, path = "/v1/meters", tag = "catalogue",
    operation_id = "define_meter", request_body = MeterRequest,
    responses((status = 201, body = CommandAnswer, description = "The meter exists now."))
)]
pub(crate) async fn define(
    call: Call,
    StrictJson(request): StrictJson<MeterRequest>,
) -> Result<Response, Problem> {
    let meter = request.name.clone();
    let command = MeterCommand::Define(MeterDefined {
        meter: meter.clone(),
        aggregation: request.aggregation,
        unit: request.unit.clone(),
        unpriced: request
            .unpriced
            .clone()
            .map_or(UnpricedPolicy::Refuse, |unpriced| unpriced.0.into()),
    });
    let command = Command::Meter { meter, command };
    let receipt = call.execute("meters.define", &(), &request, command).await?;
    answer::created(&receipt, "MeterDefined")
}

/// Sets what a meter costs from a moment on. Usage is rated at the price of when it occurred.
#[utoipa::path(
    post, path = "/v1/meters/{meter}/prices", tag = "catalogue",
    operation_id = "set_meter_price", request_body = MeterPriceRequest,
    responses((status = 201, body = CommandAnswer, description = "The price is set."))
)]
pub(crate) async fn set_price(
    call: Call,
    PathIds(meter): PathIds<MeterName>,
    StrictJson(request): StrictJson<MeterPriceRequest>,
) -> Result<Response, Problem> {
    let command = MeterCommand::SetPrice(MeterPriced {
        effective_at: request.effective_at.unwrap_or_else(now),
        price: request.price.0.clone().into(),
    });
    let command = Command::Meter { meter: meter.clone(), command };
    let receipt = call.execute("meters.set_price", &meter, &request, command).await?;
    answer::created(&receipt, "MeterPriced")
}

/// A meter, as the views know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeterView {
    /// Its name.
    #[schema(value_type = String)]
    name: MeterName,
    /// How records add up within a period.
    #[schema(value_type = choices::Aggregation)]
    aggregation: Aggregation,
    /// What one is called, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    unit: Option<Label>,
    /// What happens to usage without a price.
    #[schema(value_type = UnpricedUsage)]
    unpriced: Embedded,
    /// Its prices by `effective_at`.
    #[schema(value_type = Vec<MeterPriceRequest>)]
    prices: Embedded,
    /// When it was defined.
    #[schema(value_type = String, format = DateTime)]
    defined_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// Meters by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeterPage {
    meters: Vec<MeterView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_after: Option<MeterName>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

/// One meter.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeterAnswer {
    #[serde(flatten)]
    meter: MeterView,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<Meter> for MeterView {
    fn from(meter: Meter) -> MeterView {
        MeterView {
            name: meter.meter,
            aggregation: meter.aggregation,
            unit: meter.unit,
            unpriced: Embedded(meter.unpriced),
            prices: Embedded(meter.prices),
            defined_at: meter.defined_at,
            changed_at: meter.changed_at,
        }
    }
}

/// Lists meters by name.
#[utoipa::path(
    get, path = "/v1/meters", tag = "catalogue",
    operation_id = "list_meters", params(ListQuery<MeterName>),
    responses((status = 200, body = MeterPage, description = "A page of meters."))
)]
pub(crate) async fn list(
    reader: Reader,
    StrictQuery(query): StrictQuery<ListQuery<MeterName>>,
) -> Result<Response, Problem> {
    let ListQuery { after, limit, at_least } = query;
    let read = move |views: &Views, _| views.meters(after.as_ref(), limit.0);
    let wire = |page: Page<Meter, MeterName>, position| MeterPage {
        meters: page.items.into_iter().map(MeterView::from).collect(),
        next_after: page.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}

/// Shows one meter.
#[utoipa::path(
    get, path = "/v1/meters/{meter}", tag = "catalogue",
    operation_id = "show_meter", params(ReadQuery),
    responses((status = 200, body = MeterAnswer, description = "The meter."))
)]
pub(crate) async fn show(
    reader: Reader,
    PathIds(meter): PathIds<MeterName>,
    StrictQuery(query): StrictQuery<ReadQuery>,
) -> Result<Response, Problem> {
    let read = move |views: &Views, _| views.meter(&meter);
    let wire = |meter: Meter, position| MeterAnswer { meter: meter.into(), position };
    reader.answer(query.at_least, read, wire).await
}

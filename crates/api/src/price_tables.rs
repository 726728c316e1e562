//! `/v1/price-tables`: what a model's tokens cost, by effective date (rule U2).

use std::collections::BTreeMap;

use axum::response::Response;
use quipu_domain::price_table::{PriceTableCommand, PricesPublished};
use quipu_domain::{Label, Position, PriceTableName, Timestamp, price_table};
use quipu_engine::Command;
use quipu_views::{Page, PriceTable, Views};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::parameters::{ListQuery, PathIds, ReadQuery, StrictQuery};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::state::now;
use crate::strict_json::StrictJson;
use crate::wire::{Embedded, Number, Object, unique_map};

/// Prices that hold from a moment on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "effective_at": "2026-01-01T00:00:00Z",
    "models": {"example-large": {"input": "2.5", "cached_input": "1.25", "output": "10"}},
    "markup_percent": "20",
    "source": "the maker's price page, read 2026-01-01"
}))]
pub(crate) struct PricesRequest {
    /// First moment at which they hold; now where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<Timestamp>,
    /// Credits per million tokens, by model.
    #[serde(deserialize_with = "unique_map")]
    #[schema(value_type = BTreeMap<String, TokenPrice>)]
    models: BTreeMap<Label, Object<TokenPrice>>,
    /// Added to each price, in percent of it; zero where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    markup_percent: Option<Number>,
    /// Where the prices come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Option<Label>,
}

/// Credits per million tokens of one model.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenPrice {
    /// Tokens sent to the model.
    input: Number,
    /// Tokens sent that the model had cached; as much as `input` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached_input: Option<Number>,
    /// Tokens that the model generated.
    output: Number,
}

impl PricesRequest {
    fn publication(&self, table: PriceTableName) -> PricesPublished {
        let domain = |price: &TokenPrice| price_table::TokenPrice {
            input: price.input.0,
            cached_input: price.cached_input.map(|price| price.0),
            output: price.output.0,
        };
        let models = self.models.iter().map(|(model, price)| (model.clone(), domain(&price.0)));
        PricesPublished {
            table,
            effective_at: self.effective_at.unwrap_or_else(now),
            models: models.collect(),
            markup_percent: self.markup_percent.map_or(Decimal::ZERO, |markup| markup.0),
            source: self.source.clone(),
        }
    }
}

/// Publishes prices of a table from a moment on; the first publication makes the table.
#[utoipa::path(
    post, path = "/v1/price-tables/{table}/prices", tag = "catalogue",
    operation_id = "publish_prices", request_body = PricesRequest,
    responses((status = 201, body = CommandAnswer, description = "The prices are published."))
)]
pub(crate) async fn publish(
    call: Call,
    PathIds(table): PathIds<PriceTableName>,
    StrictJson(request): StrictJson<PricesRequest>,
) -> Result<Response, Problem> {
    let command = PriceTableCommand::Publish(request.publication(table.clone()));
    let command = Command::PriceTable { table: table.clone(), command };
    let receipt = call.execute("price_tables.publish", &table, &request, command).await?;
    answer::created(&receipt, "PricesPublished")
}

/// Prices that were published, as the journal has them.
#[expect(dead_code, reason = "the document's only: what is stored is embedded as it is")]
#[derive(ToSchema)]
pub(crate) struct Publication {
    /// The table.
    table: String,
    /// First moment at which they hold.
    #[schema(format = DateTime)]
    effective_at: String,
    /// Credits per million tokens, by model.
    models: BTreeMap<String, TokenPrice>,
    /// Added to each price, in percent of it; zero where absent.
    markup_percent: Option<Number>,
    /// Where the prices come from.
    source: Option<String>,
}

/// A price table, as the views know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PriceTableView {
    /// Its name.
    #[schema(value_type = String)]
    name: PriceTableName,
    /// Its prices by `effective_at`.
    #[schema(value_type = Vec<Publication>)]
    publications: Embedded,
    /// When it was first published.
    #[schema(value_type = String, format = DateTime)]
    published_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// Price tables by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct PriceTablePage {
    price_tables: Vec<PriceTableView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_after: Option<PriceTableName>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

/// One price table.
#[derive(Serialize, ToSchema)]
pub(crate) struct PriceTableAnswer {
    #[serde(flatten)]
    price_table: PriceTableView,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<PriceTable> for PriceTableView {
    fn from(table: PriceTable) -> PriceTableView {
        PriceTableView {
            name: table.price_table,
            publications: Embedded(table.publications),
            published_at: table.published_at,
            changed_at: table.changed_at,
        }
    }
}

/// Lists price tables by name.
#[utoipa::path(
    get, path = "/v1/price-tables", tag = "catalogue",
    operation_id = "list_price_tables", params(ListQuery<PriceTableName>),
    responses((status = 200, body = PriceTablePage, description = "A page of price tables."))
)]
pub(crate) async fn list(
    reader: Reader,
    StrictQuery(query): StrictQuery<ListQuery<PriceTableName>>,
) -> Result<Response, Problem> {
    let ListQuery { after, limit, at_least } = query;
    let read = move |views: &Views, _| views.price_tables(after.as_ref(), limit.0);
    let wire = |page: Page<PriceTable, PriceTableName>, position| PriceTablePage {
        price_tables: page.items.into_iter().map(PriceTableView::from).collect(),
        next_after: page.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}

/// Shows one price table.
#[utoipa::path(
    get, path = "/v1/price-tables/{table}", tag = "catalogue",
    operation_id = "show_price_table", params(ReadQuery),
    responses((status = 200, body = PriceTableAnswer, description = "The price table."))
)]
pub(crate) async fn show(
    reader: Reader,
    PathIds(table): PathIds<PriceTableName>,
    StrictQuery(query): StrictQuery<ReadQuery>,
) -> Result<Response, Problem> {
    let read = move |views: &Views, _| views.price_table(&table);
    let wire =
        |table: PriceTable, position| PriceTableAnswer { price_table: table.into(), position };
    reader.answer(query.at_least, read, wire).await
}

//! Every path there is, and the layers around all of them.

use axum::Router;
use axum::http::header;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::state::State;
use crate::{
    accounts, agents, audit, balance, debits, docs, edge, entries, events, grants, health, holds,
    lots, meters, openapi, price_tables, problems, projections, refunds, tenants, usage,
    usage_report, wallet,
};

/// The whole interface.
pub fn router(state: State) -> Router {
    let (resources, document) = resources().split_for_parts();
    let document = openapi::complete(document).to_pretty_json();
    let document = document.expect("the document is made of texts and numbers");
    let document: axum::body::Bytes = document.into();
    let openapi = get(move || async move {
        ([(header::CONTENT_TYPE, "application/json")], document).into_response()
    });
    resources
        .route("/openapi.json", openapi)
        .merge(docs::router())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(edge::answer))
        .layer(CompressionLayer::new())
        .with_state(state)
}

/// The OpenAPI document that describes [`router`].
#[must_use]
pub fn openapi_document() -> utoipa::openapi::OpenApi {
    openapi::complete(resources().split_for_parts().1)
}

fn resources() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(tenants::create, tenants::list))
        .routes(routes!(tenants::show))
        .routes(routes!(tenants::rename))
        .routes(routes!(tenants::suspend))
        .routes(routes!(tenants::reactivate))
        .routes(routes!(balance::show))
        .routes(routes!(entries::list))
        .routes(routes!(grants::create, lots::list_granted))
        .routes(routes!(grants::void))
        .routes(routes!(lots::list))
        .routes(routes!(debits::create))
        .routes(routes!(holds::create, holds::list))
        .routes(routes!(holds::extend))
        .routes(routes!(holds::settle))
        .routes(routes!(holds::release))
        .routes(routes!(refunds::create))
        .routes(routes!(wallet::set_overdraft_limit))
        .routes(routes!(wallet::freeze))
        .routes(routes!(wallet::unfreeze))
        .routes(routes!(accounts::of_tenant))
        .routes(routes!(usage::record))
        .routes(routes!(usage::void))
        .routes(routes!(usage::rate))
        .routes(routes!(usage_report::report))
        .routes(routes!(meters::define, meters::list))
        .routes(routes!(meters::show))
        .routes(routes!(meters::set_price))
        .routes(routes!(price_tables::list))
        .routes(routes!(price_tables::show))
        .routes(routes!(price_tables::publish))
        .routes(routes!(agents::register, agents::list))
        .routes(routes!(agents::rename))
        .routes(routes!(agents::retire))
        .routes(routes!(events::list))
        .routes(routes!(audit::list))
        .routes(routes!(accounts::trial_balance))
        .routes(routes!(projections::list))
        .routes(routes!(problems::show))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Problem::internal(&format_args!("a handler panicked: {}", text.unwrap_or("without a text")))
        .into_response()
}

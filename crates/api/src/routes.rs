//! Every path there is, and the layers around all of them.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::edge::EdgeLayer;
use crate::state::State;
use crate::{
    accounts, agents, audit, balance, checkpoints, commands, debits, docs, entries, events,
    explain, grants, health, holds, lots, meters, openapi, periods, price_tables, problems,
    projections, proofs, refunds, subjects, tenants, tiles, trial_balance, usage, usage_report,
    wallet,
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
    let routes =
        resources.route("/openapi.json", openapi).merge(tiles::router()).merge(docs::router());
    let edge = EdgeLayer::new(state.keys.clone(), state.quotas.clone(), state.hosts.clone());
    layered(routes, edge).with_state(state)
}

/// Puts around all routes what every answer passes, the outermost first.
fn layered<S: Clone + Send + Sync + 'static>(routes: Router<S>, edge: EdgeLayer) -> Router<S> {
    routes.layer((CompressionLayer::new(), edge))
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
        .routes(routes!(commands::execute))
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
        .routes(routes!(subjects::erase))
        .routes(routes!(events::list))
        .routes(routes!(audit::list))
        .routes(routes!(explain::balance))
        .routes(routes!(explain::account))
        .routes(routes!(explain::usage))
        .routes(routes!(explain::thing))
        .routes(routes!(accounts::list))
        .routes(routes!(trial_balance::show))
        .routes(routes!(periods::close))
        .routes(routes!(periods::list))
        .routes(routes!(checkpoints::list))
        .routes(routes!(checkpoints::newest))
        .routes(routes!(proofs::inclusion))
        .routes(routes!(proofs::consistency))
        .routes(routes!(projections::list))
        .routes(routes!(problems::show))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use axum::response::Response;
    use quipu_sealing::SubjectKeys;
    use tower::ServiceExt;

    use super::*;
    use crate::edge::Hosts;
    use crate::quota::Quotas;
    use crate::state::Limits;

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_without_its_text_and_keeps_no_place() {
        async fn panics() -> Response {
            panic!("a secret")
        }
        let folder = quipu_testkit::sqlite::folder();
        let keys = SubjectKeys::open(folder.path()).expect("an empty folder holds keys");
        let limits = Limits { tenant_requests_under_way: 1, ..Limits::default() };
        let edge = EdgeLayer::new(keys, Quotas::new(&limits), Hosts::default());
        let routes = Router::new().route("/v1/tenants/{tenant}/panics", get(panics));
        let router: Router = layered(routes, edge);
        for _ in 0..2 {
            let request = Request::get("/v1/tenants/t_1/panics").body(Body::empty());
            let response = router.clone().oneshot(request.expect("a request")).await;
            let response = response.expect("an answer");
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(response.headers()["ratelimit"], "\"tenant\";r=0");
            let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
            let body = String::from_utf8_lossy(&body);
            assert!(body.contains("\"code\":\"internal_error\""), "{body}");
            assert!(!body.contains("secret"), "{body}");
        }
    }
}

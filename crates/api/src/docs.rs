//! `/docs`: the OpenAPI document for people. Everything it needs is in the program; it works
//! without the internet.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::state::State;

pub(crate) fn router() -> Router<State> {
    // The validator badge would ask a public server about the document.
    let config = Config::from("/openapi.json").validator_url("none").try_it_out_enabled(true);
    let page: Router<State> = SwaggerUi::new("/docs").config(config).into();
    page.route("/", get(|| async { Redirect::to("/docs/") }))
}

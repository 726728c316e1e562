//! `/docs`: the OpenAPI document for people. Everything it needs is in the program; it works
//! without the internet.

use axum::Router;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::state::State;

pub(crate) fn router() -> Router<State> {
    // The validator badge would ask a public server about the document.
    let config = Config::from("/openapi.json").validator_url("none").try_it_out_enabled(true);
    SwaggerUi::new("/docs").config(config).into()
}

//! `/docs`: the OpenAPI document for people. Everything it needs is in the program; it works
//! without the internet.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::state::State;

/// The page can send commands, so it stands in no other page's frame.
pub(crate) fn router() -> Router<State> {
    // The validator badge would ask a public server about the document.
    let config = Config::from("/openapi.json").validator_url("none").try_it_out_enabled(true);
    let page: Router<State> = SwaggerUi::new("/docs").config(config).into();
    page.route("/", get(|| async { Redirect::to("/docs/") })).layer(map_response(unframed))
}

async fn unframed(mut response: Response) -> Response {
    response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

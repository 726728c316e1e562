//! `/problems/{code}`: where the `type` of a problem leads.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::json;
use crate::parameters::PathIds;
use crate::problem::{Code, Problem, all_codes};

/// A code, explained.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemCodeAnswer {
    /// The code.
    code: &'static str,
    /// The status that it is answered with.
    status: u16,
    /// What it means.
    title: &'static str,
}

/// Explains a problem's code.
#[utoipa::path(
    get, path = "/problems/{code}", tag = "operations",
    operation_id = "show_problem_code",
    responses((status = 200, body = ProblemCodeAnswer, description = "What the code means."))
)]
pub(crate) async fn show(PathIds(code): PathIds<String>) -> Result<Response, Problem> {
    let Some(known) = all_codes().find(|known| known.name() == code) else {
        return Err(Problem::new(
            Code::NotFound,
            "there is no such code",
            "see the schema ProblemCode in /openapi.json for the codes there are",
        ));
    };
    let answer = ProblemCodeAnswer {
        code: known.name(),
        status: known.status().as_u16(),
        title: known.title(),
    };
    Ok(json(StatusCode::OK, &answer))
}

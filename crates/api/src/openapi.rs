//! The OpenAPI document: paths and schemas come from the handlers; what all of them share
//! (ids in paths, the idempotency key, problems) is added here once.

use std::borrow::Cow;

use utoipa::OpenApi;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AnyOfBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Content, Ref, RefOr, Required, Response, ResponseBuilder};

use crate::openapi::headers::announce;
use crate::problem::{Code, all_codes};

mod headers;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Quipu",
        description = "The book of record for credits and agent usage. Amounts are decimal strings, \
            times RFC 3339, texts 1 to 500 characters and none of them a control character, ids prefixed. Every POST that changes state takes an `Idempotency-Key` \
            (of `/v1/commands`, each command): the same key and body give the same answer again, byte for byte, with the header \
            `Idempotency-Replayed: true`. Usage is known record by record: `/v1/usage` has `Quipu-Duplicates` in its place, and what was refused is tried again. Keys, and ids of usage, are known for at least 32 days. What goes wrong is answered as `application/problem+json` \
            with a stable `code`; the schema `ProblemCode` lists them all.",
        license(name = "MIT OR Apache-2.0"),
    ),
    components(schemas(crate::problem::ProblemDocument, crate::explain::CauseView)),
    tags(
        (name = "tenants", description = "Who wallets, agents and usage belong to"),
        (name = "wallet", description = "Credits: grants, debits, holds, refunds"),
        (name = "usage", description = "What was used, and what it cost"),
        (name = "catalogue", description = "Meters and prices"),
        (name = "agents", description = "The programs that burn credits"),
        (name = "journal", description = "The events themselves, and what is derived from them"),
        (name = "proofs", description = "Signed checkpoints, and proofs that lead to them"),
        (name = "operations", description = "For whoever runs the server"),
    )
)]
pub(crate) struct Document;

/// Adds what all operations share.
pub(crate) fn complete(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for (path, item) in &mut document.paths.paths {
        let operations = [(HttpMethod::Get, &mut item.get), (HttpMethod::Post, &mut item.post)];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                share(path, &method, operation);
            }
        }
    }
    if let Some(components) = &mut document.components {
        components.schemas.insert("ProblemCode".to_owned(), codes());
        components.headers = headers::all();
    }
    document
}

fn share(path: &str, method: &HttpMethod, operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    let ids = path.split(['{', '}']).skip(1).step_by(2);
    parameters.extend(ids.map(|id| {
        let description = match id {
            "tenant" | "subject" => "A tenant's id, such as `t_acme`.",
            "grant" => "A grant's id, such as `grant_17`.",
            "hold" => "A hold's id, such as `hold_17`.",
            "position" => "Where the event stands in the journal, from 1.",
            "entry" => "An entry's id, such as `entry_17`.",
            "id" => "`entry_17`, `grant_17`, `hold_17`, or a position such as `17`.",
            _ => "Its name.",
        };
        RefOr::T(parameter(id, ParameterIn::Path, description, Required::True))
    }));
    // The commands of a batch have keys of their own.
    if *method == HttpMethod::Post && path != "/v1/commands" {
        let (required, description) = if path == "/v1/usage" {
            (
                Required::False,
                "Required where a record has no id of its own; where it is given, it is bound to the whole body.",
            )
        } else {
            (
                Required::True,
                "Unique to this command among those of its tenant; the same one again on a retry.",
            )
        };
        let key = parameter("Idempotency-Key", ParameterIn::Header, description, required);
        parameters.push(RefOr::T(key));
    }
    if path.starts_with("/v1/") || path.contains('{') {
        for (status, description) in [
            ("4XX", "Refused: `code` says why, `hint` what to do."),
            ("5XX", "Failed: retry after the time that `Retry-After` says, with the same key."),
        ] {
            operation.responses.responses.insert(status.to_owned(), RefOr::T(problem(description)));
        }
    }
    announce(path, method, operation);
}

/// A parameter that is a text.
pub(crate) fn parameter(
    name: &str,
    place: ParameterIn,
    description: &str,
    required: Required,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(description))
        .required(required)
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

/// What has at least one of these schemas.
pub(crate) fn any_of<const N: usize>(names: [Cow<'static, str>; N]) -> Schema {
    let schemas = names.map(Ref::from_schema_name).into_iter();
    schemas.fold(AnyOfBuilder::new(), AnyOfBuilder::item).build().into()
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}

/// Every code there is, with its status.
fn codes() -> RefOr<Schema> {
    let line = |code: Code| format!("- `{}` ({}): {}", code.name(), code.status(), code.title());
    let lines = all_codes().map(line);
    let description = lines.collect::<Vec<_>>().join("\n");
    RefOr::T(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
            .enum_values(Some(all_codes().map(Code::name)))
            .build()
            .into(),
    )
}

//! The OpenAPI document, the page over it, and the codes of problems.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use insta::assert_snapshot;
use quipu_api::Limits;
use serde_json::{Value, json};

use crate::app::App;

#[test]
fn the_document_changes_only_on_purpose() {
    assert_snapshot!(quipu_api::openapi_document().to_pretty_json().unwrap());
}

#[tokio::test]
async fn the_document_is_served_and_complete() {
    let app = App::start();
    let document = app.get("/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    let document = document.json();
    assert_eq!(document["openapi"], "3.1.0");
    let codes = document["components"]["schemas"]["ProblemCode"]["enum"].as_array().unwrap();
    for code in ["insufficient_credits", "unknown_field", "hold_expired", "outcome_unknown"] {
        assert!(codes.contains(&code.into()), "{code}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let about = format!("{method} {path}");
            let parameters = operation["parameters"].to_string();
            for id in path.split(['{', '}']).skip(1).step_by(2) {
                assert!(parameters.contains(&format!("\"name\":\"{id}\"")), "{about}: {id}");
                assert!(operation["responses"]["4XX"].is_object(), "{about}: there may be none");
            }
            if method == "post" {
                // The commands of a batch have keys of their own.
                let is_batch = path == "/v1/commands";
                assert_eq!(parameters.contains("Idempotency-Key"), !is_batch, "{about}");
                assert!(operation["requestBody"].is_object(), "{about}");
            }
            assert!(operation["summary"].is_string() || operation["description"].is_string());
        }
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let document = serde_json::to_value(quipu_api::openapi_document()).unwrap();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

fn document() -> Value {
    serde_json::to_value(quipu_api::openapi_document()).unwrap()
}

/// Every operation with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document();
    let mut named = BTreeMap::new();
    for (about, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(name.contains('_'), "{about}: {name} does not say of what");
        let other = named.insert(name, about.clone());
        assert_eq!(other, None, "{about}");
    }
}

/// The names of the schemas that a source declares.
fn schemas_of(source: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let (mut names, mut renamed, mut is_schema) = (Vec::new(), None, false);
    for line in source.lines() {
        if line.starts_with("#[derive(") {
            (is_schema, renamed) = (line.contains("ToSchema"), None);
        }
        if let Some((_, name)) = line.split_once("schema(as = ") {
            renamed = Some(word(name));
        }
        let declared = line.split_once("struct ").or_else(|| line.split_once("enum "));
        if let Some((visibility, name)) = declared
            && matches!(visibility, "" | "pub(super) " | "pub(crate) ")
            && std::mem::take(&mut is_schema)
        {
            names.push(renamed.take().unwrap_or_else(|| word(name)));
        }
    }
    names
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The document has one place for each name: of two types it would show one, for both.
#[test]
fn no_two_types_share_the_name_of_a_schema() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut places = BTreeMap::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let names = schemas_of(&std::fs::read_to_string(&file).unwrap());
        // What stands inline in a parameter needs no name.
        for name in names.into_iter().filter(|name| schemas.contains_key(name)) {
            let other = places.insert(name.clone(), file.clone());
            assert_eq!(other, None, "{name} is declared in {} as well", file.display());
        }
    }
    assert!(places.len() > 50, "{}: {places:?}", places.len());
}

#[test]
fn the_document_says_what_is_answered() {
    let document = document();
    let at = |pointer: &str| {
        document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not in the document"))
    };
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    for (name, choices) in [
        ("UsageAnswer", [schema("UsageResult"), schema("UsageResults")]),
        ("BalanceShown", [schema("BalanceAnswer"), schema("BookBalanceAnswer")]),
    ] {
        let either = at(&format!("/components/schemas/{name}"));
        // What a wallet has now has everything that the books said, so it is both.
        let kind = if name == "BalanceShown" { "anyOf" } else { "oneOf" };
        assert_eq!(either[kind], json!(choices), "{name}");
    }
    let answer =
        |path: &str| format!("/paths/{path}/responses/200/content/application~1json/schema");
    assert_eq!(*at(&answer("~1v1~1usage/post")), schema("UsageAnswer"));
    let balance = "~1v1~1tenants~1{tenant}~1balance/get";
    assert_eq!(*at(&answer(balance)), schema("BalanceShown"));
    let sent = at("/components/schemas/UsageRecords/oneOf");
    assert_eq!((&sent[0], &sent[1]["items"]), (&schema("UsageRecord"), &schema("UsageRecord")));
    let request = at("/components/schemas/Command/properties/request");
    assert!(request["anyOf"].is_array(), "{request}");
    let publications = at("/components/schemas/PriceTableView/properties/publications/items");
    assert_eq!(*publications, schema("Publication"));
    assert!(at("/components/schemas/Publication/properties/table").is_object());
}

#[test]
fn the_document_lists_what_can_be_chosen() {
    let document = document();
    for (name, choices) in [
        ("GrantKind", &["promotional", "paid"][..]),
        ("Origin", &["purchase", "plan", "promotion", "adjustment"]),
        ("Aggregation", &["count", "sum", "max", "unique_count", "latest"]),
        ("Overage", &["overflow", "cap", "reject"]),
        ("HoldStatus", &["open", "settled", "released", "expired"]),
        ("TenantStatus", &["active", "suspended"]),
        ("AgentStatus", &["active", "retired"]),
    ] {
        assert_eq!(document["components"]["schemas"][name]["enum"], json!(choices), "{name}");
        let reference = format!("\"#/components/schemas/{name}\"");
        assert!(document.to_string().contains(&reference), "{name}");
    }
}

#[test]
fn every_limit_in_the_document_is_the_one_that_is_kept() {
    let document = document();
    let limits: Vec<Value> = operations(&document)
        .flat_map(|(_, operation)| operation["parameters"].as_array().cloned().unwrap_or_default())
        .filter(|parameter| parameter["name"] == "limit")
        .collect();
    assert!(limits.len() > 10);
    for limit in limits {
        let schema = &limit["schema"];
        let told = format!("{} to {}", schema["minimum"], schema["maximum"]);
        assert!(limit["description"].as_str().unwrap().contains(&told), "{limit}");
    }
}

#[test]
fn a_number_in_a_query_is_a_number_in_the_document() {
    let document = document();
    for (about, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if matches!(name, "limit" | "at_least" | "size") {
                let is_number = parameter["schema"]["type"].to_string().contains("\"integer\"");
                assert!(is_number, "{about}: {parameter}");
            }
        }
    }
}

#[tokio::test]
async fn the_document_names_the_headers_that_answers_have() {
    let limits = Limits { view_timeout: Duration::from_millis(20), ..Limits::default() };
    let app = App::with(limits).with_credits("5").await;
    let document = document();
    let headers = document["components"]["headers"].as_object().unwrap();
    let own = "/v1/tenants/{tenant}";
    let get = |path: &str| Request::get(path.replace("{tenant}", "t_acme"));
    let post = |path: &str| {
        let request = Request::post(path.replace("{tenant}", "t_acme"));
        request.header("content-type", "application/json")
    };
    let debits = format!("{own}/debits");
    let debit = |amount: &str| {
        let body = format!(r#"{{"amount":"{amount}"}}"#);
        post(&debits).header("idempotency-key", "d").body(body.into())
    };
    let usage = r#"[{"tenant":"t_acme","meter":"m","quantity":"1","id":"1"}]"#;
    while app.get("/v1/tenants/t_acme").await.status != StatusCode::OK {}
    for (path, status, request) in [
        (
            "/v1/tenants/{tenant}/balance",
            "200",
            get("/v1/tenants/t_acme/balance").body(Body::empty()),
        ),
        (
            "/v1/tenants/{tenant}/balance",
            "304",
            get("/v1/tenants/t_acme/balance").header("if-none-match", "*").body(Body::empty()),
        ),
        (
            "/v1/tenants/{tenant}/balance",
            "5XX",
            get("/v1/tenants/t_acme/balance?at_least=99").body(Body::empty()),
        ),
        ("/v1/trial-balance", "200", get("/v1/trial-balance").body(Body::empty())),
        ("/v1/explain/{id}", "200", get("/v1/explain/2").body(Body::empty())),
        ("/v1/projections", "200", get("/v1/projections").body(Body::empty())),
        ("/v1/tenants/{tenant}/debits", "4XX", debit("9")),
        ("/v1/tenants/{tenant}/debits", "201", debit("1")),
        ("/v1/tenants/{tenant}/debits", "201", debit("1")),
        ("/v1/usage", "207", post("/v1/usage").body(usage.into())),
    ] {
        let request = request.unwrap();
        let method = request.method().to_string().to_lowercase();
        let answer = app.send(request).await;
        let code = answer.status.as_str();
        assert!(code == status || format!("{}XX", &code[..1]) == status, "{}", answer.text());
        let documented = &document["paths"][path][method]["responses"][status]["headers"];
        for name in headers.keys().filter(|name| answer.headers.contains_key(name.as_str())) {
            let reference = format!("#/components/headers/{name}");
            assert_eq!(documented[name]["$ref"], reference, "{path} {status}: {name}");
        }
        for name in documented.as_object().into_iter().flatten().map(|(name, _)| name) {
            let is_rare = matches!(name.as_str(), "Retry-After" | "Idempotency-Replayed");
            assert!(is_rare || answer.headers.contains_key(name), "{path} {status}: {name}");
        }
    }
}

#[tokio::test]
async fn the_root_leads_to_the_page() {
    let root = App::start().get("/").await;
    assert_eq!((root.status, root.header("location")), (StatusCode::SEE_OTHER, "/docs/"));
}

#[tokio::test]
async fn the_page_needs_nothing_from_the_internet() {
    let app = App::start();
    let page = app.get("/docs/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert!(!page.text().contains("http://") && !page.text().contains("https://"));
    for asset in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert_eq!(app.get(&format!("/docs/{asset}")).await.status, StatusCode::OK, "{asset}");
    }
    let start = app.get("/docs/swagger-initializer.js").await;
    assert!(start.text().contains("/openapi.json"), "{}", start.text());
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_meaning() {
    let app = App::start();
    let missing = app.get("/v1/nothing").await.json();
    let meaning = app.get(missing["type"].as_str().unwrap()).await.json();
    assert_eq!(meaning["code"], "not_found");
    let rule = app.get("/problems/insufficient_credits").await.json();
    assert_eq!(rule["status"], 402);
}

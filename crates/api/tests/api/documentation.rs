//! The OpenAPI document, the page over it, and the codes of problems.

use axum::http::StatusCode;
use insta::assert_snapshot;

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

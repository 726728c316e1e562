//! Checkpoints, proofs and tiles over HTTP, and a witness.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use insta::assert_json_snapshot;
use quipu_api::witness_router;
use quipu_engine::Clock;
use quipu_proofs::{AddCheckpoint, Algorithm, KeyFolder, Witness};
use tower::ServiceExt;

use crate::app::App;

impl App {
    /// Publishes what is durable, as a server does every second.
    fn publish(&self) {
        let head = *self.engine.subscribe().borrow();
        self.publisher.publish(head, self.clock.now()).unwrap().unwrap();
    }
}

#[tokio::test]
async fn checkpoints_are_listed_and_the_newest_is_served_as_it_was_signed() {
    let app = App::start();
    let none = app.get("/v1/log/checkpoint").await;
    assert_eq!(
        (none.status, none.code().as_str()),
        (StatusCode::NOT_FOUND, "checkpoint_not_published")
    );
    assert_eq!(none.header("retry-after"), "1");
    let app = app.with_credits("5").await;
    app.publish();
    app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"1"}"#).await;
    app.publish();
    let newest = app.get("/v1/log/checkpoint").await;
    assert_eq!(newest.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(newest.text().lines().take(2).collect::<Vec<_>>(), ["example.com/book/e1", "3"]);
    let all = app.get("/v1/checkpoints").await.json();
    assert_eq!(all["checkpoints"][1]["checkpoint"], newest.text());
    assert_json_snapshot!("checkpoints", app.get("/v1/checkpoints?limit=1").await.json(), {
        ".checkpoints[].root" => "[hex]",
        ".checkpoints[].checkpoint" => "[note]",
    });
    let rest = app.get("/v1/checkpoints?after=1").await.json();
    assert_eq!((&rest["checkpoints"][0]["size"], &rest["next_after"]), (&3.into(), &().into()));
}

/// Nothing comes of waiting, so nobody is told to.
#[tokio::test]
async fn a_server_that_signs_nothing_says_so_and_what_to_do() {
    let app = App::without_signing().with_credits("5").await;
    for path in ["/v1/log/checkpoint", "/v1/events/1/proof", "/v1/proofs/consistency?from=1"] {
        let refused = app.get(path).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (StatusCode::NOT_FOUND, "checkpoints_not_signed"),
            "{path}"
        );
        assert!(refused.json()["hint"].to_string().contains("quipu serve --keys DIR"), "{path}");
        assert!(!refused.headers.contains_key("retry-after"), "{path}");
    }
    // What was signed before is served and proved on; only what is newer is not.
    app.publish();
    app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"1"}"#).await;
    assert_eq!(app.get("/v1/log/checkpoint").await.status, StatusCode::OK);
    assert_eq!(app.get("/v1/events/2/proof").await.status, StatusCode::OK);
    assert_eq!(app.get("/v1/events/3/proof").await.code(), "checkpoints_not_signed");
    assert_eq!(app.get("/v1/events/9/proof").await.code(), "not_found");
}

#[tokio::test]
async fn an_event_is_proved_and_a_checkpoint_is_continued() {
    let app = App::start().with_credits("5").await;
    app.publish();
    app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"1"}"#).await;
    let early = app.get("/v1/events/3/proof").await;
    assert_eq!(
        (early.status, early.code().as_str()),
        (StatusCode::NOT_FOUND, "checkpoint_not_published")
    );
    assert_eq!(
        (early.json()["wanted"].clone(), early.json()["newest"].clone()),
        (3.into(), 2.into())
    );
    app.publish();
    let proof = app.get("/v1/events/2/proof").await;
    assert_eq!(proof.header("content-type"), "text/plain; charset=utf-8");
    let lines: Vec<&str> = proof.text().lines().collect();
    assert_eq!(lines[..2], ["c2sp.org/tlog-proof@v1", "index 1"]);
    assert_eq!(lines[4..7], ["", "example.com/book/e1", "3"], "two hashes, and the checkpoint");
    let older = app.get("/v1/events/2/proof?size=2").await;
    assert_eq!(older.text().lines().nth(5), Some("2"));
    let consistency = app.get("/v1/proofs/consistency?from=2").await;
    let consistency = AddCheckpoint::parse(consistency.text()).unwrap();
    assert_eq!((consistency.old, consistency.checkpoint.size, consistency.proof.len()), (2, 3, 1));
    let same = app.get("/v1/proofs/consistency?from=2&to=2").await;
    assert_eq!(AddCheckpoint::parse(same.text()).unwrap().proof, []);
    for (path, status, code) in [
        ("/v1/events/0/proof", StatusCode::NOT_FOUND, "not_found"),
        ("/v1/events/4/proof", StatusCode::NOT_FOUND, "not_found"),
        ("/v1/events/x/proof", StatusCode::BAD_REQUEST, "invalid_path"),
        ("/v1/events/1/proof?size=1", StatusCode::NOT_FOUND, "checkpoint_not_published"),
        ("/v1/events/1/proof?at=1", StatusCode::BAD_REQUEST, "invalid_query"),
        ("/v1/proofs/consistency", StatusCode::BAD_REQUEST, "invalid_query"),
        ("/v1/proofs/consistency?from=9", StatusCode::NOT_FOUND, "not_found"),
        ("/v1/proofs/consistency?from=3&to=2", StatusCode::BAD_REQUEST, "invalid_query"),
    ] {
        let answer = app.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
    }
}

#[tokio::test]
async fn tiles_are_served_where_clients_look_for_them() {
    let app = App::start().with_credits("5").await;
    let tile = app.get("/v1/log/tile/0/000.p/2").await;
    assert_eq!((tile.status, tile.bytes.len()), (StatusCode::OK, 64));
    // J6: after a restore, an epoch may have other events there.
    assert_eq!(tile.header("cache-control"), "private, no-cache");
    let entries = app.get("/v1/log/tile/entries/000.p/1").await;
    assert_eq!(entries.header("content-type"), "application/octet-stream");
    let event = app.get("/v1/events?limit=1").await;
    let (length, entry) = entries.bytes.split_first_chunk::<2>().unwrap();
    assert_eq!(usize::from(u16::from_be_bytes(*length)), entry.len());
    assert!(event.text().contains(std::str::from_utf8(entry).unwrap()), "byte for byte");
    for (path, status) in [
        ("/v1/log/tile/0/000", StatusCode::NOT_FOUND),
        ("/v1/log/tile/0/000.p/3", StatusCode::NOT_FOUND),
        ("/v1/log/tile/1/000.p/1", StatusCode::NOT_FOUND),
        ("/v1/log/tile/entries/000.p/3", StatusCode::NOT_FOUND),
        ("/v1/log/tile/entries/x001/000", StatusCode::NOT_FOUND),
        ("/v1/log/tile/64/000", StatusCode::BAD_REQUEST),
        ("/v1/log/tile/00/000", StatusCode::BAD_REQUEST),
        ("/v1/log/tile/0/0", StatusCode::BAD_REQUEST),
        ("/v1/log/tile/0/000.p/256", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(app.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_witness_answers_as_its_protocol_says() {
    let app = App::start().with_credits("5").await;
    app.publish();
    let folder = quipu_testkit::sqlite::folder();
    let keys = KeyFolder::open(folder.path()).unwrap();
    keys.generate(app.clock.now()).unwrap();
    let log = app.publisher.verifiers(app.clock.now()).unwrap();
    assert_eq!(log[0].algorithm(), Algorithm::Log);
    let name = "witness.example/w1".parse().unwrap();
    let witness = witness_router(Arc::new(Witness::new(name, keys, log).unwrap()));
    let good = app.get("/v1/proofs/consistency?from=0").await.text().to_owned();
    let signature = good.lines().last().unwrap();
    let unsigned = good.replace("\n2\n", "\n3\n");
    let of_another = good.replace("example.com", "example.net");
    let (_, note) = good.split_once("\n\n").unwrap();
    let hash = "A".repeat(43) + "=";
    let larger = format!("old 3\n\n{note}");
    let [elsewhere, unproved] = [1, 0].map(|old| format!("old {old}\n{hash}\n\n{note}"));
    let long = "x".repeat(200_000);
    let plain = "text/plain; charset=utf-8";
    for (body, status, content_type, answer) in [
        ("old 0", 400, plain, "not a request"),
        (larger.as_str(), 400, plain, "3 is larger than 2"),
        (of_another.as_str(), 404, plain, "not known here"),
        (unsigned.as_str(), 403, plain, "does not hold"),
        (elsewhere.as_str(), 409, "text/x.tlog.size", "0\n"),
        (unproved.as_str(), 422, plain, "does not hold"),
        (good.as_str(), 200, plain, "\u{2014} witness.example/w1 "),
        (good.as_str(), 409, "text/x.tlog.size", "2\n"),
        (long.as_str(), 413, plain, ""),
    ] {
        let (found, kind, text) = add_checkpoint(&witness, body).await;
        assert_eq!((found, kind.as_str()), (status, content_type), "{text}");
        assert!(text.contains(answer), "{text}");
        assert!(!text.contains(signature), "it answers with its own signature alone");
    }
}

async fn add_checkpoint(witness: &Router, body: &str) -> (u16, String, String) {
    let request = Request::post("/add-checkpoint").body(Body::from(body.to_owned())).unwrap();
    let response = witness.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let content_type = parts.headers["content-type"].to_str().unwrap().to_owned();
    (parts.status.as_u16(), content_type, String::from_utf8(bytes.to_vec()).unwrap())
}

/// A size below the newest that nobody signed is never signed: nothing comes of waiting.
#[tokio::test]
async fn only_a_checkpoint_that_may_come_is_one_to_wait_for() {
    let app = App::start().with_credits("5").await;
    app.publish();
    app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"1"}"#).await;
    let to_come = app.get("/v1/events/3/proof").await;
    assert_eq!(to_come.code(), "checkpoint_not_published");
    assert_eq!(to_come.header("retry-after"), "1");
    assert!(to_come.json()["hint"].to_string().contains("in a second"), "{}", to_come.text());
    for path in ["/v1/events/1/proof?size=1", "/v1/proofs/consistency?from=1&to=1"] {
        let never = app.get(path).await;
        assert_eq!(never.code(), "checkpoint_not_published", "{path}");
        assert!(!never.headers.contains_key("retry-after"), "{path}");
        let hint = never.json()["hint"].to_string();
        assert!(!hint.contains("second") && hint.contains("/v1/checkpoints"), "{path}: {hint}");
    }
}

//! Bad input: a 4xx problem with a code and a hint, and no event.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::both_stores;
use crate::support::client::fresh_key;
use crate::support::server::Server;
use crate::support::store::Store;

both_stores! {
    fn bad_input_gets_a_problem_with_a_code_and_a_hint_and_leaves_no_event(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_bad", "10");
        let debits = "/v1/tenants/t_bad/debits";
        let deep = format!(r#"{{"amount":{}"#, "[".repeat(100_000));
        let large = format!(r#"{{"amount":"1","reason":"{}"}}"#, "x".repeat(10 << 20));
        let json_type = "application/json";
        let cases: Vec<(&str, &str, &str, Vec<u8>, u16)> = vec![
            ("unknown field", debits, json_type, br#"{"amount":"1","amuont":"1"}"#.to_vec(), 400),
            ("duplicate key", debits, json_type, br#"{"amount":"1","amount":"2"}"#.to_vec(), 400),
            ("float amount", debits, json_type, br#"{"amount":1.5}"#.to_vec(), 400),
            ("integer amount", debits, json_type, br#"{"amount":1}"#.to_vec(), 400),
            ("7 decimals", debits, json_type, br#"{"amount":"1.0000001"}"#.to_vec(), 400),
            ("10^13", debits, json_type, br#"{"amount":"10000000000000"}"#.to_vec(), 400),
            ("negative", debits, json_type, br#"{"amount":"-1"}"#.to_vec(), 422),
            ("zero", debits, json_type, br#"{"amount":"0"}"#.to_vec(), 422),
            ("NUL", debits, json_type, br#"{"amount":"1","reason":"a\u0000b"}"#.to_vec(), 400),
            ("invalid UTF-8", debits, json_type, b"{\"amount\":\"1\",\"reason\":\"\xff\"}".to_vec(), 400),
            ("trailing garbage", debits, json_type, br#"{"amount":"1"} x"#.to_vec(), 400),
            ("not an object", debits, json_type, br#""1""#.to_vec(), 400),
            ("empty", debits, json_type, Vec::new(), 400),
            ("10 MB", debits, json_type, large.into_bytes(), 413),
            ("100,000 deep", debits, json_type, deep.into_bytes(), 400),
            ("unknown tenant", "/v1/tenants/t_nobody/debits", json_type, br#"{"amount":"1"}"#.to_vec(), 404),
            ("odd tenant", "/v1/tenants/T%20x/debits", json_type, br#"{"amount":"1"}"#.to_vec(), 400),
            ("content type", debits, "text/plain", br#"{"amount":"1"}"#.to_vec(), 415),
            ("form", debits, "application/x-www-form-urlencoded", b"amount=1".to_vec(), 415),
            ("unknown path", "/v1/nothing", json_type, b"{}".to_vec(), 404),
            ("wrong method", "/v1/tenants/t_bad/balance", json_type, b"{}".to_vec(), 405),
        ];
        let before = client.head();
        for (what, path, content_type, body, status) in cases {
            // A server that has read enough may answer and hang up while the rest is being sent. So
            // each case has a connection of its own: one that is about to be closed serves no other.
            let own = server.client();
            let Ok(answer) = own.send(path, content_type, Some(&fresh_key()), body) else {
                assert_eq!(what, "10 MB", "no answer");
                continue;
            };
            assert_eq!(answer.status, status, "{what}: {}", answer.body);
            assert!(answer.content_type.starts_with("application/problem+json"), "{what}");
            let problem = answer.json();
            for field in ["code", "title", "hint", "detail"] {
                assert!(problem[field].is_string(), "{what} lacks {field}: {problem}");
            }
        }
        let keyless = client.send(debits, json_type, None, br#"{"amount":"1"}"#.to_vec());
        assert_eq!(keyless.expect("an answer").code(), "idempotency_key_required");
        assert_eq!(client.head(), before, "no event");
        assert_eq!(client.balance("t_bad")["available"], "10");
        client.post(debits, &json!({"amount": "1"})).ok();
    }
}

/// Who is hung up on while it still writes may never read why.
#[test]
fn a_body_that_comes_late_is_read_before_its_type_is_refused() {
    let server = Server::start(&Store::sqlite());
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let head = "POST /v1/tenants HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
        idempotency-key: late\r\ncontent-type: text/plain\r\ncontent-length: 200000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(10));
        stream.write_all(&[b'x'; 10_000]).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
}

//! What is asked of a server, and whether it is one that answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use quipu::exit_codes;

use crate::program::{Server, run};

/// Something that answers every request with 200 and the same text.
struct Other {
    url: String,
    /// The first line of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Other {
    fn answering(body: &'static str) -> Other {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&asked);
        // It ends with the process.
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let mut request = BufReader::new(&connection);
                let lines = request.by_ref().lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
                let length = length.map_or(0, |length| length.parse().unwrap());
                let _body = std::io::copy(&mut request.take(length), &mut std::io::sink());
                seen.lock().unwrap().extend(head.into_iter().next());
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
                let _gone = (&connection).write_all(answer.as_bytes());
            }
        });
        Other { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[test]
fn what_another_program_answers_is_not_taken_for_done() {
    let folder = quipu_testkit::sqlite::folder();
    let out = folder.path().display().to_string();
    let old = folder.path().join("old.checkpoint");
    let server = Server::start();
    server.post("/v1/tenants", "tenant", &serde_json::json!({ "id": "t_acme", "name": "Acme" }));
    run(&["prove", "1", "--server", &server.url, "--out", &out]);
    std::fs::write(&old, run(&["checkpoint", "--server", &server.url]).out()).unwrap();
    let old = old.display().to_string();
    for body in
        ["", "<html>welcome</html>", "{}", "[]", "null", "{\"type\":\"Other\",\"position\":1}"]
    {
        let other = Other::answering(body);
        for arguments in [
            &["erase", "t_acme", "--reason", "request 4711", "--yes"][..],
            &["erase", "t_acme", "--reason", "request 4711", "--yes", "--json"],
            &["close", "2026-10"],
            &["close", "2026-10", "--json"],
            &["checkpoint"],
            &["checkpoint", "--json"],
            &["prove", "1", "--out", &out],
            &["prove", "--consistency", &old, "--out", &out],
            &["balance", "t_acme"],
            &["assert", "t_acme", "--available", "0"],
        ] {
            let said = run(&[arguments, &["--server", &other.url]].concat());
            let code = i32::from(exit_codes::UNAVAILABLE);
            assert_eq!(said.code(), code, "{body:?} {arguments:?}: {}{}", said.out(), said.err());
            assert!(said.err().contains("an answer that is not understood"), "{}", said.err());
            assert_eq!(said.out(), "");
        }
    }
}

#[test]
fn an_id_is_one_part_of_a_path_whatever_is_in_it() {
    let odd = "a/../b?x=1#%2f é";
    let path = "a%2F..%2Fb%3Fx%3D1%23%252f%20%C3%A9";
    let other = Other::answering("{\"journal_position\":1}");
    for (arguments, wanted) in [
        (&["balance", odd][..], format!("GET /v1/tenants/{path}/balance?at_least=1 HTTP/1.1")),
        (
            &["entries", odd],
            format!("GET /v1/tenants/{path}/entries?limit=100&at_least=1 HTTP/1.1"),
        ),
        (
            &["assert", odd, "--available", "0"],
            format!("GET /v1/tenants/{path}/balance?at_least=1 HTTP/1.1"),
        ),
        (
            &["erase", odd, "--reason", "4711", "--yes"],
            format!("POST /v1/subjects/{path}/erase HTTP/1.1"),
        ),
        (&["explain", odd], format!("GET /v1/explain/{path}?at_least=1 HTTP/1.1")),
        (
            &["explain", "balance", odd],
            format!("GET /v1/explain/balance/{path}?at_least=1 HTTP/1.1"),
        ),
    ] {
        let said = run(&[arguments, &["--server", &other.url]].concat());
        let asked = other.asked().pop().unwrap();
        assert_eq!(asked, wanted, "{}", said.err());
    }
    let server = Server::start();
    let refused = run(&["balance", odd, "--server", &server.url]);
    assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED), "{}", refused.err());
}

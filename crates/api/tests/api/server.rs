//! The accept loop: what is silent is closed, what is under way is finished.

use std::net::SocketAddr;
use std::time::Duration;

use quipu_api::{ServerError, ServerOptions, listen, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;

/// Long enough for anything that happens at all.
const EVENTUALLY: Duration = Duration::from_secs(60);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
    _app: App,
}

impl Server {
    async fn start(options: ServerOptions) -> Server {
        let app = App::start();
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = app.router.clone();
        let done = tokio::spawn(serve(listener, router, options, async {
            drop(stopped.await);
        }));
        Server { address, stop, done, _app: app }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// All that comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let end = tokio::time::timeout(EVENTUALLY, stream.read_to_end(&mut bytes)).await;
    // A reset is a way of closing, too.
    drop(end.expect("the connection is closed"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer of a connection that stays open.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.ends_with('}') {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    text
}

const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let error = listen(address.parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, ServerError::NotLoopback(_)));
        assert!(error.to_string().contains("access control has not landed"), "{error}");
    }
    assert!(listen("[::1]:0".parse().unwrap()).await.is_ok());
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let options = ServerOptions { header_timeout: Duration::from_millis(50), ..Default::default() };
    let server = Server::start(options).await;
    let mut silent = server.connect().await;
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn a_header_that_drips_in_is_cut_off() {
    let options =
        ServerOptions { header_timeout: Duration::from_millis(200), ..Default::default() };
    let server = Server::start(options).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    let (mut reading, mut writing) = slow.split();
    let mut answer = Vec::new();
    let drip = async {
        while writing.write_all(b"x-drip: 1\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let cut_off = async {
        tokio::select! {
            _ = reading.read_to_end(&mut answer) => {}
            () = drip => {}
        }
    };
    tokio::time::timeout(EVENTUALLY, cut_off).await.expect("the connection is closed");
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_and_closed_when_idle() {
    let options = ServerOptions {
        header_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(1500),
        ..Default::default()
    };
    let server = Server::start(options).await;
    let mut kept = server.connect().await;
    kept.write_all(LIVEZ).await.unwrap();
    assert!(one_answer(&mut kept).await.starts_with("HTTP/1.1 200"));
    // Longer than a header may take, shorter than a connection may idle.
    tokio::time::sleep(Duration::from_millis(200)).await;
    kept.write_all(LIVEZ).await.unwrap();
    assert!(one_answer(&mut kept).await.starts_with("HTTP/1.1 200"));
    assert_eq!(rest(&mut kept).await, "");
}

#[tokio::test]
async fn more_connections_than_are_allowed_wait_for_their_turn() {
    let server = Server::start(ServerOptions { most_connections: 1, ..Default::default() }).await;
    let mut first = server.connect().await;
    first.write_all(LIVEZ).await.unwrap();
    one_answer(&mut first).await;
    let mut second = server.connect().await;
    second.write_all(LIVEZ).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), one_answer(&mut second)).await;
    assert!(early.is_err(), "the only place is taken");
    drop(first);
    let answer = tokio::time::timeout(EVENTUALLY, one_answer(&mut second)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn on_shutdown_a_request_under_way_is_answered_and_a_stream_ends() {
    let server = Server::start(ServerOptions::default()).await;
    let mut tail = server.connect().await;
    let follow = b"GET /v1/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    tail.write_all(follow).await.unwrap();
    let mut head = [0; 15];
    tail.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");

    let mut posting = server.connect().await;
    let body = r#"{"name":"Acme"}"#;
    let post = format!(
        "POST /v1/tenants HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         idempotency-key: k\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    posting.write_all(post.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    posting.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.stop.send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    posting.write_all(body.as_bytes()).await.unwrap();
    let answer = rest(&mut posting).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    rest(&mut tail).await;
    tokio::time::timeout(EVENTUALLY, server.done).await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_that_could_be_read_two_ways_are_refused() {
    let server = Server::start(ServerOptions::default()).await;
    for bad in [
        "POST /v1/usage HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        "GET /livez HTTP/1.1\r\nhost: localhost\r\nx-a: 1\r\n folded\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost : l\r\n\r\n",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(bad.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{bad:?}: {answer}");
    }
}

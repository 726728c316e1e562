//! One connection to a server: HTTP/1.1 kept alive, and no more of it than the server needs.
//!
//! The generator shares the machine with the server, so a request is written in one piece into
//! memory that is used again, and of an answer only the status and the length are read.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::iter;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Who waits longer for an answer does not wait for one.
const PATIENCE: Duration = Duration::from_secs(60);
/// A body that is larger than this is no answer of a quipu server.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A connection that is opened when it is needed.
pub(super) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// What the server answered.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: &'a [u8],
}

/// The parts of an answer's header that matter.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    status: u16,
    /// Where the body begins.
    length: usize,
    body_length: usize,
    closes: bool,
}

impl Connection {
    /// A connection that is not yet open.
    pub(super) const fn new(address: SocketAddr) -> Connection {
        Connection { address, stream: None, request: Vec::new(), answer: Vec::new() }
    }

    /// Sends a command; the key makes it take effect once at most.
    pub(super) async fn post(
        &mut self,
        path: fmt::Arguments<'_>,
        key: fmt::Arguments<'_>,
        body: &[u8],
    ) -> io::Result<Answer<'_>> {
        self.send(path, format_args!("Idempotency-Key: {key}\r\n"), body).await
    }

    /// Sends commands that have keys of their own, or records that have ids.
    pub(super) async fn post_many(&mut self, path: &str, body: &[u8]) -> io::Result<Answer<'_>> {
        self.send(format_args!("{path}"), format_args!(""), body).await
    }

    async fn send(
        &mut self,
        path: fmt::Arguments<'_>,
        key: fmt::Arguments<'_>,
        body: &[u8],
    ) -> io::Result<Answer<'_>> {
        let (address, length) = (self.address, body.len());
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             {key}Content-Length: {length}\r\n\r\n"
        )?;
        self.request.extend_from_slice(body);
        self.exchange().await
    }

    /// Reads something.
    pub(super) async fn get(&mut self, path: fmt::Arguments<'_>) -> io::Result<Answer<'_>> {
        self.request.clear();
        write!(self.request, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address)?;
        self.exchange().await
    }

    async fn exchange(&mut self) -> io::Result<Answer<'_>> {
        // A stream that was left in the middle of an exchange is not used again.
        let opened = self.stream.take();
        let exchange = async {
            let mut stream = match opened {
                Some(stream) => stream,
                None => {
                    let stream = TcpStream::connect(self.address).await?;
                    stream.set_nodelay(true)?;
                    stream
                }
            };
            stream.write_all(&self.request).await?;
            let header = read(&mut stream, &mut self.answer).await?;
            Ok::<_, io::Error>((stream, header))
        };
        let (stream, header) =
            tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| ErrorKind::TimedOut)??;
        if !header.closes {
            self.stream = Some(stream);
        }
        let body = &self.answer[header.length..header.length + header.body_length];
        Ok(Answer { status: header.status, body })
    }
}

async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<Header> {
    answer.clear();
    let mut header = None;
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if header.is_none() {
            header = parse(answer)?;
        }
        if let Some(found) = header.take_if(|it| answer.len() >= it.length + it.body_length) {
            return Ok(found);
        }
        if answer.len() > MOST_BYTES {
            return Err(ErrorKind::FileTooLarge.into());
        }
    }
}

/// Reads a header; `None` until it is complete.
fn parse(answer: &[u8]) -> io::Result<Option<Header>> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let unreadable = || io::Error::new(ErrorKind::InvalidData, "not an answer of a quipu server");
    let text = std::str::from_utf8(&answer[..end]).map_err(|_| unreadable())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let (mut body_length, mut closes) = (None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body_length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    // Without a length the body is chunked, which no answer that is read here is.
    Ok(Some(Header {
        status: status.ok_or_else(unreadable)?,
        length: end + 4,
        body_length: body_length.ok_or_else(unreadable)?,
        closes,
    }))
}

impl Answer<'_> {
    /// Whether it was done.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first text field of this name in the body: of answers whose form is known.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// All text fields of this name, in order.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let mut rest = std::str::from_utf8(self.body).unwrap_or_default();
        let field = format!("\"{name}\":\"");
        iter::from_fn(move || {
            let (_, after) = rest.split_once(&field)?;
            let (text, after) = after.split_once('"')?;
            rest = after;
            Some(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_once_it_is_complete() {
        let answer =
            b"HTTP/1.1 201 Created\r\nContent-Length: 15\r\nX-Other: 1\r\n\r\n{\"id\":\"hold_9\"}";
        assert_eq!(parse(&answer[..30]).unwrap(), None);
        let header = parse(answer).unwrap().unwrap();
        assert_eq!(header, Header { status: 201, length: 56, body_length: 15, closes: false });
        let closing = parse(b"HTTP/1.1 503 -\r\ncontent-length: 0\r\nConnection: close\r\n\r\n");
        assert!(closing.unwrap().unwrap().closes);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(parse(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn fields_of_known_answers_are_found_by_name() {
        let answer = Answer { status: 201, body: br#"{"id":"hold_9","position":9}"# };
        assert!(answer.is_success());
        assert_eq!(answer.text("id"), Some("hold_9"));
        assert_eq!(answer.text("code"), None);
        let results = br#"[{"id":"hold_9","hold":"hold_9"},{"id":"hold_10","hold":"hold_10"}]"#;
        let answer = Answer { status: 200, body: results };
        assert_eq!(answer.texts("id").collect::<Vec<_>>(), ["hold_9", "hold_10"]);
    }
}

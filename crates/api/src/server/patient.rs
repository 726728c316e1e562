//! A connection that is waited for only so long.
//!
//! Hyper has one timer for the header of a request, and it runs while a connection is idle too.
//! An idle connection deserves more time than a header that has begun, so hyper's timer bounds
//! the idle time and this one bounds the header. It also bounds how long a caller may leave an
//! answer unread.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::ServerOptions;

/// How many requests have come in on a connection, and how many of them have been answered.
#[derive(Debug, Default)]
pub(super) struct Patience {
    begun: AtomicU64,
    answered: AtomicU64,
}

impl Patience {
    pub(super) fn request_began(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn request_answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// The connection.
pub(super) struct Patient {
    stream: TcpStream,
    patience: std::sync::Arc<Patience>,
    header_timeout: Duration,
    write_timeout: Duration,
    /// Requests whose header was complete when it was last looked.
    seen: u64,
    /// When the header that has begun must be complete. Runs from the start, so that the first
    /// byte of a connection is part of it.
    header_deadline: Option<Pin<Box<Sleep>>>,
    /// When the caller must have taken something.
    write_deadline: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(super) fn new(
        stream: TcpStream,
        patience: std::sync::Arc<Patience>,
        options: &ServerOptions,
    ) -> Patient {
        Patient {
            stream,
            patience,
            header_timeout: options.header_timeout,
            write_timeout: options.write_timeout,
            seen: 0,
            header_deadline: Some(after(options.header_timeout)),
            write_deadline: None,
        }
    }

    /// What a write came to, unless it is waiting for too long.
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.write_deadline = None;
            return outcome;
        }
        let timeout = self.write_timeout;
        let deadline = self.write_deadline.get_or_insert_with(|| after(timeout));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

fn after(timeout: Duration) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep_until(Instant::now() + timeout))
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        let begun = self.patience.begun.load(Ordering::Relaxed);
        if begun != self.seen {
            self.seen = begun;
            self.header_deadline = None;
        }
        if begun != self.patience.answered.load(Ordering::Relaxed) {
            return outcome;
        }
        match outcome {
            Poll::Ready(outcome) => {
                if buffer.filled().len() > filled && self.header_deadline.is_none() {
                    self.header_deadline = Some(after(self.header_timeout));
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => match &mut self.header_deadline {
                Some(deadline) => {
                    ready!(deadline.as_mut().poll(context));
                    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
                }
                None => Poll::Pending,
            },
        }
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

//! Connections that can be cut on purpose, at an exact byte.
//!
//! In: a loopback listener. Out: streams for `axum::serve`, each with a [`Line`] the request's code can reach.
//! Promises: after [`Line::cut`] not one more byte is delivered; after [`Line::tear_body_after`] exactly the named
//! number of bytes of the next body goes out before the connection ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, sleep};

/// As many bytes as anyone likes: the connection is not cut.
const UNCUT: u64 = u64::MAX;

/// How long to wait before accepting again when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The handle that cuts one connection.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Bytes that may still be written; [`UNCUT`] for no limit.
    allowance: Arc<AtomicU64>,
    /// Bytes of the next answer's body that may be written; [`UNCUT`] for no limit.
    body_allowance: Arc<AtomicU64>,
}

impl Line {
    fn new() -> Self {
        let uncut = || Arc::new(AtomicU64::new(UNCUT));
        Self { allowance: uncut(), body_allowance: uncut() }
    }

    /// Ends the connection before another byte is written.
    pub(super) fn cut(&self) {
        self.allowance.store(0, Ordering::SeqCst);
    }

    /// Ends the connection once the next answer's head and `bytes` of its body were written.
    pub(super) fn tear_body_after(&self, bytes: u64) {
        self.body_allowance.store(bytes, Ordering::SeqCst);
    }

    /// How many of `bytes` may be written, or the end of the connection.
    fn allow(&self, bytes: &[u8]) -> io::Result<usize> {
        let body_allowance = self.body_allowance.load(Ordering::SeqCst);
        if body_allowance != UNCUT
            && let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n")
        {
            self.body_allowance.store(UNCUT, Ordering::SeqCst);
            self.allowance.store(head as u64 + 4 + body_allowance, Ordering::SeqCst);
        }
        match self.allowance.load(Ordering::SeqCst) {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut by an injected fault")),
            allowance => Ok(usize::try_from(allowance).unwrap_or(usize::MAX).min(bytes.len())),
        }
    }

    fn wrote(&self, bytes: usize) {
        let allowance = self.allowance.load(Ordering::SeqCst);
        if allowance != UNCUT {
            self.allowance.store(allowance.saturating_sub(bytes as u64), Ordering::SeqCst);
        }
    }
}

impl Connected<IncomingStream<'_, Wires>> for Line {
    fn connect_info(stream: IncomingStream<'_, Wires>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A listener whose connections carry a [`Line`].
#[derive(Debug)]
pub(super) struct Wires(pub(super) TcpListener);

impl Listener for Wires {
    type Io = Wire;
    type Addr = Line;

    async fn accept(&mut self) -> (Wire, Line) {
        loop {
            if let Ok((stream, _)) = self.0.accept().await {
                // Small answers must not wait for more; a socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                let line = Line::new();
                return (Wire { stream, line: line.clone() }, line);
            }
            sleep(ACCEPT_PAUSE).await;
        }
    }

    fn local_addr(&self) -> io::Result<Line> {
        self.0.local_addr().map(|_| Line::new())
    }
}

/// One connection, cut when its line says so.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowed = self.line.allow(bytes)?;
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed]))?;
        self.line.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

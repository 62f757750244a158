//! A relay for HTTP/1.1 that stands before a sandbox, so that the two can be parted, and answers bent, at will.
//!
//! In: the origin of a sandbox, and the [`Manners`] of the server that it is to be taken for. Out: an origin for the
//! client, under which the addresses in the sandbox's answers lie as well. Promises: a request counts once all of it
//! has arrived; after [`Cut::cut`] no further request reaches the sandbox; an answer that the sandbox broke off
//! breaks off here at the same byte.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// By so much more than it was told to be a request may be late.
const LATER_STILL: Duration = Duration::from_millis(200);

/// A request on its way to the sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn is_batch(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/$batch")
    }
}

/// An answer on its way back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// What a proxy says that knows nothing of the API.
    pub(crate) fn page(status: u16) -> Self {
        let page =
            format!("<html><head><title>{status}</title></head><body>The proxy says no.</body></html>");
        Self { status, headers: Vec::new(), body: page.into() }.header("content-type", "text/html")
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What becomes of a request.
pub(crate) enum Way {
    /// The sandbox gets it.
    Forward,
    /// The sandbox gets it after so long, whether or not the client still waits.
    Late(Duration),
    /// The client gets this answer, the sandbox nothing.
    Reply(Answer),
    /// The connection ends.
    HangUp,
}

/// What becomes of an answer.
pub(crate) enum Return {
    /// The client gets it.
    Whole(Answer),
    /// The client gets it in chunks, its length unsaid.
    Chunked(Answer),
    /// The client gets it after so long.
    Late(Duration, Answer),
    /// The client gets half of it, then the connection ends.
    Torn(Answer),
    /// The connection ends.
    HangUp,
}

/// How the server behaves for which the client takes the relay. Requests for tokens are spared.
pub(crate) trait Manners: Send + Sync + 'static {
    /// The way of request `number`, counted from 1.
    fn meet(&self, _number: u64, _ask: &Ask) -> Way {
        Way::Forward
    }

    /// The way of its answer.
    fn part(&self, _number: u64, _ask: &Ask, answer: Answer) -> Return {
        Return::Whole(answer)
    }

    /// The answer has left.
    fn parted(&self, _number: u64) {}
}

/// Parts client and sandbox, once and for all.
#[derive(Clone, Debug)]
pub(crate) struct Cut(Arc<watch::Sender<bool>>);

impl Cut {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub(crate) fn cut(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_cut(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it has happened.
    pub(crate) async fn happened(&self) {
        self.0.subscribe().wait_for(|is_cut| *is_cut).await.unwrap();
    }
}

/// A relay that listens; dropping it ends the listening, and every connection with its next request.
pub(crate) struct Relay {
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    origin: String,
    upstream: String,
    manners: Box<dyn Manners>,
    cut: Cut,
    requests: AtomicU64,
    at_work: AtomicUsize,
}

impl Relay {
    /// Listens on a free port before `upstream`, an origin such as `http://127.0.0.1:7048`.
    pub(crate) async fn start(upstream: &str, manners: impl Manners, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            upstream: upstream.to_owned(),
            manners: Box::new(manners),
            cut,
            requests: AtomicU64::new(0),
            at_work: AtomicUsize::new(0),
        });
        let serving = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                // A connection that ends in the middle is what this is for.
                tokio::spawn(async move { drop(serve(&shared, stream).await) });
            }
        });
        Self { shared, accepting: accepting.abort_handle() }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// Waits until the sandbox has answered what was passed on to it, but no longer than `patience`.
    pub(crate) async fn settled(&self, patience: Duration) {
        let settled = async {
            while self.shared.at_work.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        drop(tokio::time::timeout(patience, settled).await);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.cut.cut();
    }
}

/// Counts one exchange with the sandbox for as long as it lasts.
struct AtWork<'a>(&'a AtomicUsize);

impl<'a> AtWork<'a> {
    fn begin(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(counter)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut client = BufReader::new(stream);
    let mut upstream = None;
    while let Some((line, headers)) = read_head(&mut client).await? {
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let body = read_body(&mut client, &headers).await.map_err(|(_, failure)| failure)?;
        let ask = Ask { method, path, headers, body };
        if shared.cut.is_cut() {
            break;
        }
        if ask.path.contains("oauth2") {
            let (answer, _) = exchange(shared, &mut upstream, &ask).await?;
            write_answer(&mut client, &answer).await?;
        } else if !pass(shared, (&mut client, &mut upstream), &ask).await? {
            break;
        }
    }
    Ok(())
}

/// Passes one request on and its answer back; false when the connection has to end.
async fn pass(
    shared: &Shared,
    (client, upstream): (&mut BufReader<TcpStream>, &mut Option<BufReader<TcpStream>>),
    ask: &Ask,
) -> io::Result<bool> {
    let number = shared.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let (answer, is_torn) = match shared.manners.meet(number, ask) {
        Way::Forward => exchange(shared, upstream, ask).await?,
        Way::Late(delay) => {
            let since = Instant::now();
            tokio::time::sleep(delay).await;
            // What a busy machine holds back for longer is as good as lost.
            if since.elapsed() > delay + LATER_STILL {
                return Ok(false);
            }
            exchange(shared, upstream, ask).await?
        }
        Way::Reply(answer) => (answer, false),
        Way::HangUp => return Ok(false),
    };
    if is_torn {
        write_torn(client, &answer, answer.body.len()).await?;
        return Ok(false);
    }
    match shared.manners.part(number, ask, answer) {
        Return::Whole(answer) => write_answer(client, &answer).await?,
        Return::Chunked(answer) => write_chunks(client, &answer).await?,
        Return::Late(delay, answer) => {
            tokio::time::sleep(delay).await;
            write_answer(client, &answer).await?;
        }
        Return::Torn(answer) => {
            write_torn(client, &answer, answer.body.len() / 2).await?;
            return Ok(false);
        }
        Return::HangUp => return Ok(false),
    }
    shared.manners.parted(number);
    Ok(true)
}

/// The sandbox's answer, and whether it broke off.
async fn exchange(
    shared: &Shared,
    upstream: &mut Option<BufReader<TcpStream>>,
    ask: &Ask,
) -> io::Result<(Answer, bool)> {
    let _at_work = AtWork::begin(&shared.at_work);
    let server = if let Some(server) = upstream {
        server
    } else {
        let address = shared.upstream.trim_start_matches("http://");
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        upstream.insert(BufReader::new(stream))
    };
    let body = replace(&ask.body, &shared.origin, &shared.upstream);
    let mut head = format!("{} {} HTTP/1.1\r\n", ask.method, ask.path);
    for (name, value) in &ask.headers {
        if !matches!(name.as_str(), "content-length" | "accept-encoding" | "connection") {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    server.get_mut().write_all(&[head.as_bytes(), &body].concat()).await?;
    let (line, headers) = read_head(server).await?.ok_or(io::ErrorKind::ConnectionReset)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(500);
    let (body, is_torn) = match read_body(server, &headers).await {
        Ok(body) => (replace(&body, &shared.upstream, &shared.origin), false),
        Err((part, _)) => (part, true),
    };
    Ok((Answer { status, headers, body }, is_torn))
}

/// The first line and the headers, their names in lower case; nothing when the connection has ended before them.
async fn read_head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<(String, Vec<(String, String)>)>> {
    let (mut first, mut headers) = (String::new(), Vec::new());
    if stream.read_line(&mut first).await? == 0 {
        return Ok(None);
    }
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Some((first.trim_end().to_owned(), headers)))
}

/// The body, or the part of it that came. Both sides name its length.
async fn read_body(
    stream: &mut BufReader<TcpStream>,
    headers: &[(String, String)],
) -> Result<Vec<u8>, (Vec<u8>, io::Error)> {
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let mut read = 0;
    while read < length {
        match stream.read(&mut body[read..]).await {
            Ok(0) => return Err((body[..read].to_vec(), io::ErrorKind::UnexpectedEof.into())),
            Ok(bytes) => read += bytes,
            Err(failure) => return Err((body[..read].to_vec(), failure)),
        }
    }
    Ok(body)
}

async fn write_answer(client: &mut BufReader<TcpStream>, answer: &Answer) -> io::Result<()> {
    let length = format!("content-length: {}", answer.body.len());
    let bytes = [head(answer, &length).as_bytes(), &answer.body].concat();
    client.get_mut().write_all(&bytes).await
}

async fn write_chunks(client: &mut BufReader<TcpStream>, answer: &Answer) -> io::Result<()> {
    let mut bytes = head(answer, "transfer-encoding: chunked").into_bytes();
    for chunk in answer.body.chunks(answer.body.len().div_ceil(3).max(1)) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()));
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    client.get_mut().write_all(&bytes).await
}

/// Promises the whole body and sends `sent` bytes of it.
async fn write_torn(client: &mut BufReader<TcpStream>, answer: &Answer, sent: usize) -> io::Result<()> {
    let length = format!("content-length: {}", answer.body.len() + 1);
    let bytes = [head(answer, &length).as_bytes(), &answer.body[..sent]].concat();
    client.get_mut().write_all(&bytes).await
}

/// Status and headers, the last of which says where the body ends.
fn head(answer: &Answer, length: &str) -> String {
    let mut head = format!("HTTP/1.1 {} Answer\r\n", answer.status);
    for (name, value) in &answer.headers {
        if !matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
    }
    write!(head, "{length}\r\n\r\n").unwrap();
    head
}

/// The same bytes with one address in place of another.
fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains(from) => text.replace(from, to).into_bytes(),
        _ => bytes.to_vec(),
    }
}

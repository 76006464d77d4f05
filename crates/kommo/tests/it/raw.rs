//! A server that writes bytes, and remembers what it was sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// What is done with a request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These bytes, and the connection ends.
    Bytes(Vec<u8>),
    /// These bytes, then a blank every so often, without end.
    Drip(Vec<u8>, Duration),
    /// The connection ends.
    Cut,
}

impl Answer {
    pub(crate) fn new(status: &str, headers: &str, body: &str) -> Self {
        Self::with_body(status, headers, body.as_bytes())
    }

    pub(crate) fn with_body(status: &str, headers: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        Self::Bytes([head.as_bytes(), body].concat())
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::new("200 OK", "content-type: application/hal+json\r\n", body)
    }

    pub(crate) fn page(status: &str) -> Self {
        let body = format!("<html><h1>{status}</h1></html>");
        Self::new(status, "content-type: text/html\r\n", &body)
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// `GET /api/v4/account`, without its query.
    pub(crate) line: String,
    pub(crate) query: String,
    /// In lower case, as far as names go.
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Answers in turn; the last answer is given again and again.
pub(crate) struct RawServer {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    arrived: watch::Receiver<usize>,
    _accepting: AbortOnDropHandle<()>,
}

impl RawServer {
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        Self::start_with(|_| answers).await
    }

    /// With answers that name the server by its host.
    pub(crate) async fn start_with(answers: impl FnOnce(&str) -> Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers(&address.to_string());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (arrivals, arrived) = watch::channel(0);
        let log = received.clone();
        let accepting = async move {
            let mut connections = tokio::task::JoinSet::new();
            let mut answers = answers.into_iter().peekable();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else {
                    continue;
                };
                log.lock().push(request);
                arrivals.send_modify(|count| *count += 1);
                let answer = answers.next().unwrap();
                if answers.peek().is_none() {
                    answers = vec![answer.clone()].into_iter().peekable();
                }
                connections.spawn(write(stream, answer));
            }
        };
        Self {
            address,
            received,
            arrived,
            _accepting: AbortOnDropHandle::new(tokio::task::spawn(accepting)),
        }
    }

    /// One that only hears.
    pub(crate) async fn hearing() -> Self {
        Self::start(vec![Answer::new("200 OK", "", "")]).await
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    /// Waits until so many requests have come of which this holds; the last of them.
    pub(crate) async fn until(&self, count: usize, which: impl Fn(&Received) -> bool) -> Received {
        let mut arrived = self.arrived.clone();
        loop {
            arrived.borrow_and_update();
            let received = self.received();
            let mut fitting = received.into_iter().filter(|request| which(request));
            if let Some(request) = fitting.nth(count - 1) {
                return request;
            }
            arrived.changed().await.unwrap();
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut request = Received {
        line: String::new(),
        query: String::new(),
        body: bytes.split_off(end + 4),
        head,
    };
    let first = request.head.lines().next()?.to_owned();
    let mut words = first.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    request.line = format!("{method} {path}");
    request.query = query.to_owned();
    let length: usize = request
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}

/// A client that leaves in the middle is what some tests are about.
async fn write(mut stream: TcpStream, answer: Answer) {
    match answer {
        Answer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Answer::Drip(bytes, every) => {
            let mut outcome = stream.write_all(&bytes).await;
            while outcome.is_ok() {
                tokio::time::sleep(every).await;
                outcome = stream.write_all(b" ").await;
            }
        }
        Answer::Cut => {}
    }
}

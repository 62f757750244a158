//! The transport against servers that misbehave on a raw socket.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What the server does with the request of this 0-based number.
type Script = fn(usize, &str) -> Answer;

#[derive(Clone)]
enum Answer {
    /// Sends this and keeps the connection.
    Reply(String),
    /// Sends this and closes.
    ReplyAndClose(String),
    /// Closes with a reset, having read the request.
    Reset,
    /// Says nothing.
    Silence,
}

#[derive(Clone)]
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { address, requests: Arc::default() };
        let (shared, count) = (server.clone(), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, count) = (shared.clone(), count.clone());
                tokio::spawn(async move { shared.serve(stream, script, &count).await });
            }
        });
        server
    }

    async fn serve(&self, mut stream: TcpStream, script: Script, count: &AtomicUsize) {
        while let Some(request) = read_request(&mut stream).await {
            self.requests.lock().unwrap().push(request.clone());
            match script(count.fetch_add(1, Ordering::SeqCst), &request) {
                Answer::Reply(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                Answer::ReplyAndClose(text) => return stream.write_all(text.as_bytes()).await.unwrap(),
                Answer::Reset => return stream.set_zero_linger().unwrap(),
                Answer::Silence => std::future::pending().await,
            }
        }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn transport(&self, credential: Credential) -> Transport {
        Transport::new(TransportOptions {
            service_root: Url::parse(&format!("{}/api/v2.0", self.address)).unwrap(),
            credentials: vec![credential],
            plain_http: PlainHttp::default(),
        })
        .unwrap()
    }

    fn client_credentials(&self) -> Credential {
        Credential::ClientCredentials {
            token_url: Url::parse(&format!("{}/token", self.address)).unwrap(),
            client_id: "the-id".to_owned(),
            client_secret: "hush".into(),
            scope: "all".to_owned(),
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
    }
}

fn reply(status: &str, headers: &str, body: &str) -> Answer {
    Answer::Reply(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))
}

fn bearer() -> Credential {
    Credential::Bearer("hush".into())
}

fn post() -> ApiRequest {
    ApiRequest::with_body(Method::Post, "companies(1)/customers", "{}")
}

#[tokio::test]
async fn every_request_carries_who_asks_what_for_and_in_which_language() {
    let server = Server::start(|_, _| reply("200 OK", "Retry-After-auth: 7\r\n", "{}")).await;
    let reply = server.transport(bearer()).send(0, &post().header("If-Match", "*")).await.unwrap();
    assert_eq!((reply.status, reply.retry_after()), (200, Some(Duration::from_secs(7))));
    let request = server.requests().remove(0);
    assert!(request.starts_with("POST /api/v2.0/companies(1)/customers HTTP/1.1\r\n"), "{request}");
    for header in [
        "accept: application/json",
        "accept-language: en-US",
        concat!("user-agent: ledgerferry/", env!("CARGO_PKG_VERSION")),
        "content-type: application/json",
        "authorization: Bearer hush",
        "if-match: *",
    ] {
        assert!(request.contains(&format!("{header}\r\n")), "{header} in {request}");
    }
}

#[tokio::test]
async fn nobody_listening_means_not_sent() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let server = Server { address: format!("http://127.0.0.1:{port}"), requests: Arc::default() };
    let failure = server.transport(bearer()).send(0, &post()).await.unwrap_err();
    assert!(matches!(failure, TransportError::NotSent { .. }), "{failure:?}");
    assert_eq!(failure.to_string(), format!("cannot reach `http://127.0.0.1:{port}`"));
}

#[tokio::test]
async fn a_request_that_was_read_and_not_answered_is_in_doubt() {
    let scripts: [Script; 4] = [
        |_, _| Answer::Reset,
        |_, _| Answer::ReplyAndClose(String::new()),
        |_, _| {
            Answer::ReplyAndClose("HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"id\":".to_owned())
        },
        |_, _| Answer::Silence,
    ];
    for script in scripts {
        let server = Server::start(script).await;
        let request = ApiRequest { deadline: Duration::from_millis(200), ..post() };
        let failure = server.transport(bearer()).send(0, &request).await.unwrap_err();
        assert!(failure.is_in_doubt(), "{failure:?}");
        assert_eq!(server.requests().len(), 1, "an unanswered write is never repeated here");
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_nothing() {
    let server =
        Server::start(|_, _| Answer::ReplyAndClose("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".into()))
            .await;
    let transport = server.transport(bearer());
    transport.send(0, &post()).await.unwrap();
    // The other side's close has to arrive first, as it would have after a pause between two requests.
    tokio::time::sleep(Duration::from_millis(50)).await;
    transport.send(0, &post()).await.unwrap();
}

#[tokio::test]
async fn a_redirect_gets_neither_the_request_nor_the_token() {
    static ELSEWHERE: Mutex<String> = Mutex::new(String::new());
    let elsewhere = Server::start(|_, _| reply("200 OK", "", "{}")).await;
    ELSEWHERE.lock().unwrap().clone_from(&elsewhere.address);
    let server = Server::start(|_, _| {
        reply("307 Temporary Redirect", &format!("location: {}/x\r\n", ELSEWHERE.lock().unwrap()), "")
    })
    .await;
    let failure = server.transport(bearer()).send(0, &post()).await.unwrap_err();
    assert!(
        matches!(&failure, TransportError::Redirected { to, .. } if *to == elsewhere.address),
        "{failure}"
    );
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn an_address_of_another_origin_gets_no_request_at_all() {
    let server = Server::start(|_, _| reply("200 OK", "", "{}")).await;
    let elsewhere = Server::start(|_, _| reply("200 OK", "", "{}")).await;
    let request = ApiRequest::get(format!("{}/api/v2.0/customers?$skiptoken=1", elsewhere.address));
    let failure = server.transport(bearer()).send(0, &request).await.unwrap_err();
    assert!(matches!(failure, TransportError::ForeignOrigin { .. }));
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
    let own = ApiRequest::get(format!("{}/anything", server.address));
    server.transport(bearer()).send(0, &own).await.unwrap();
}

fn kept_out() -> Answer {
    reply("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "")
}

/// Answers token requests, and lets in the second token only.
fn token_desk(number: usize, request: &str) -> Answer {
    if request.starts_with("POST /token") {
        return reply("200 OK", "", &format!(r#"{{"access_token":"token-{number}","expires_in":3600}}"#));
    }
    let is_fresh = !request.contains("Bearer token-0");
    if is_fresh { reply("200 OK", "", "{}") } else { kept_out() }
}

#[tokio::test]
async fn a_refused_token_is_fetched_anew_once() {
    let server = Server::start(token_desk).await;
    let transport = server.transport(server.client_credentials());
    assert_eq!(transport.send(0, &post()).await.unwrap().status, 200);
    let lines: Vec<_> =
        server.requests().iter().map(|request| request.lines().next().unwrap().to_owned()).collect();
    let api = "POST /api/v2.0/companies(1)/customers HTTP/1.1";
    assert_eq!(lines, ["POST /token HTTP/1.1", api, "POST /token HTTP/1.1", api]);
    let form = "grant_type=client_credentials&client_id=the-id&client_secret=hush&scope=all";
    assert!(server.requests()[0].ends_with(form));
}

#[tokio::test]
async fn credentials_that_stay_refused_end_the_matter() {
    let server = Server::start(|_, request| {
        if request.starts_with("POST /token") {
            reply("200 OK", "", r#"{"access_token":"t","expires_in":3600}"#)
        } else {
            kept_out()
        }
    })
    .await;
    for (credential, requests) in [(server.client_credentials(), 4), (bearer(), 5)] {
        let failure = server.transport(credential).send(0, &post()).await.unwrap_err();
        assert!(matches!(failure, TransportError::NotAuthenticated { .. }), "{failure:?}");
        assert_eq!(server.requests().len(), requests);
    }
}

#[tokio::test]
async fn a_page_that_forbids_a_write_is_no_word_of_the_target() {
    let scripts: [Script; 2] = [
        |_, _| reply("401 Unauthorized", "", "<html>Blocked</html>"),
        |_, _| reply("403 Forbidden", "", "<html>Blocked</html>"),
    ];
    for script in scripts {
        let server = Server::start(script).await;
        let transport = server.transport(bearer());
        assert!(!transport.send(0, &post()).await.unwrap().is_success());
        assert_eq!(server.requests().len(), 1, "it is not sent once more");
        assert!(transport.send(0, &ApiRequest::get("x")).await.is_err());
    }
}

#[tokio::test]
async fn many_requests_share_one_token() {
    let server = Server::start(|_, request| {
        if request.starts_with("POST /token") {
            reply("200 OK", "", r#"{"access_token":"t","expires_in":3600}"#)
        } else {
            reply("200 OK", "", "{}")
        }
    })
    .await;
    let transport = Arc::new(server.transport(server.client_credentials()));
    let sends: Vec<_> = (0..20)
        .map(|_| {
            let transport = transport.clone();
            tokio::spawn(async move { transport.send(0, &post()).await.unwrap().status })
        })
        .collect();
    for send in sends {
        assert_eq!(send.await.unwrap(), 200);
    }
    assert_eq!(server.requests().iter().filter(|request| request.starts_with("POST /token")).count(), 1);
}

#[tokio::test]
async fn a_token_is_replaced_before_it_expires() {
    let server = Server::start(|number, request| {
        if request.starts_with("POST /token") {
            reply("200 OK", "", &format!(r#"{{"access_token":"t{number}","expires_in":0}}"#))
        } else {
            reply("200 OK", "", "{}")
        }
    })
    .await;
    let transport = server.transport(server.client_credentials());
    transport.send(0, &post()).await.unwrap();
    transport.send(0, &post()).await.unwrap();
    assert!(server.requests()[3].contains("Bearer t2"));
}

#[tokio::test]
async fn a_token_endpoint_that_is_down_means_not_sent() {
    let server = Server::start(|_, _| reply("503 Service Unavailable", "", "hush")).await;
    let failure = server.transport(server.client_credentials()).send(0, &post()).await.unwrap_err();
    assert!(failure.is_passing() && !failure.is_in_doubt(), "{failure:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_the_credentials_may_not_do_is_said_in_the_words_of_the_server() {
    let server = Server::start(|_, _| {
        reply(
            "403 Forbidden",
            "",
            r#"{"error":{"code":"Authorization_Denied","message":"no rights on Customer"}}"#,
        )
    })
    .await;
    let failure = server.transport(bearer()).send(0, &post()).await.unwrap_err();
    let expected = format!(
        "`{}` does not permit the request (Authorization_Denied: no rights on Customer)",
        server.address
    );
    assert_eq!(failure.to_string(), expected);
}

#[test]
fn a_transport_needs_a_credential_and_a_safe_address() {
    let options = |root: &str, credentials| TransportOptions {
        service_root: Url::parse(root).unwrap(),
        credentials,
        plain_http: PlainHttp::default(),
    };
    assert!(matches!(Transport::new(options("https://h/", vec![])), Err(TransportError::NoCredentials)));
    let refused = Transport::new(options("http://bc.example/", vec![bearer()])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the address `http://bc.example` cannot be used: without https the credentials would travel readable for everyone"
    );
    assert!(matches!(
        Transport::new(options("https://h/", vec![Credential::Bearer("a\nb".into())])),
        Err(TransportError::BadHeader { .. })
    ));
}

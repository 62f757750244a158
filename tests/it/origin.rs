//! The token goes to the profile's origin and to no other, whatever a server says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

const TOKEN: &str = "the-token-that-must-not-travel";

/// A server in a thread that answers by path and keeps every request head it saw.
struct Server {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that hangs up before it has asked is not what is tested here.
                let _ = stream.and_then(|stream| serve(stream, &kept, &answer));
            }
        });
        Self { address, seen }
    }

    fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    answer: &impl Fn(&str) -> String,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
    });
    reader.take(length.unwrap_or(0)).read_to_end(&mut Vec::new())?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(head);
    let mut stream = stream;
    stream.write_all(answer(&path).as_bytes())
}

fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

const COMPANY: &str = "11111111-2222-4333-8444-555555555555";

/// A target that is well-behaved until the customers are read; then it says `last`.
fn target(last: String) -> Server {
    Server::start(move |path| {
        if path.contains("customers") || path.contains("customerFinancialDetails") {
            last.clone()
        } else {
            json(&format!(r#"{{"value":[{{"id":"{COMPANY}","name":"CRONUS","displayName":"CRONUS"}}]}}"#))
        }
    })
}

fn export_from(server: &Server) -> (Option<i32>, String, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let project = format!(
        "version = 1\n[profiles.local]\nsystem = \"business-central\"\nurl = \"http://{}/api/v2.0\"\ncompany = \"CRONUS\"\nauth = {{ kind = \"bearer\", token = \"{TOKEN}\" }}\nlimits = {{ retry_budget = \"1s\" }}\n",
        server.address
    );
    std::fs::File::create(folder.path().join("ferry.toml")).unwrap().write_all(project.as_bytes()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ferry"))
        .args(["export", "customers", "-p", "local", "-o", "out.csv"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        // What the credential has used of its allowance is kept, whatever comes of the export.
        .filter(|name| !["ferry.toml", ".ferry"].contains(&name.as_str()))
        .collect();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said, left)
}

#[test]
fn a_next_link_to_another_origin_gets_no_request_and_publishes_nothing() {
    let stranger = Server::start(|_| json(r#"{"value":[]}"#));
    let page = format!(
        r#"{{"value":[{{"id":"{COMPANY}","number":"1","displayName":"One"}}],"@odata.nextLink":"http://{}/api/v2.0/customers?page=2"}}"#,
        stranger.address
    );
    let server = target(json(&page));
    let (code, said, left) = export_from(&server);
    assert!(code.is_some_and(|code| code != 0), "{said}");
    assert_eq!(stranger.requests(), Vec::<String>::new());
    assert_eq!(left, Vec::<String>::new(), "{said}");
    assert!(said.contains(&stranger.address), "{said}");
    assert!(
        server.requests().iter().any(|head| head.contains(TOKEN)),
        "the profile's own origin gets the token"
    );
    assert!(!said.contains(TOKEN), "{said}");
}

#[test]
fn a_redirect_to_another_origin_is_not_followed() {
    let stranger = Server::start(|_| json(r#"{"value":[]}"#));
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://{}/api/v2.0/customers\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        stranger.address
    );
    let server = target(redirect);
    let (code, said, left) = export_from(&server);
    assert!(code.is_some_and(|code| code != 0), "{said}");
    assert_eq!(stranger.requests(), Vec::<String>::new());
    assert_eq!(left, Vec::<String>::new(), "{said}");
    assert!(!said.contains(TOKEN), "{said}");
}

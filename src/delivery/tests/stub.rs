//! Servers with habits of their own, made of one function.

use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode, Uri};
use axum::response::IntoResponse;
use secrecy::SecretString;

use super::bed::transport_with;
use crate::transport::{Credential, Transport};

/// What a stub was asked: method, path with query, body.
pub(super) type Asked = Arc<Mutex<Vec<(Method, String, String)>>>;

/// Status, headers, body.
pub(super) type Said = (u16, Vec<(&'static str, String)>, String);

/// A stub that answers by `answer`, which also gets the service root; with a transport to it.
pub(super) async fn stub(
    answer: impl Fn(&str, &Method, &str, &str) -> Said + Clone + Send + Sync + 'static,
) -> (Arc<Transport>, Asked) {
    let asked = Asked::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/api/v2.0/", listener.local_addr().unwrap());
    let (noted, base) = (asked.clone(), root.clone());
    let handler = move |method: Method, uri: Uri, body: String| {
        let (answer, noted, base) = (answer.clone(), noted.clone(), base.clone());
        async move {
            let path = uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
            let (status, headers, said) = answer(&base, &method, &path, &body);
            noted.lock().unwrap().push((method, path, body));
            let mut response = (StatusCode::from_u16(status).unwrap(), said).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handler)).await });
    (transport_with(&root, Credential::Bearer(SecretString::from("t"))), asked)
}

/// An answer without headers of its own.
pub(super) fn said(status: u16, body: &str) -> Said {
    (status, Vec::new(), body.to_owned())
}

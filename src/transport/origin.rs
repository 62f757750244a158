//! Which server an address belongs to, and whether it may be talked to.

use url::{Host, Position, Url};

use super::TransportError;

/// Whether credentials may travel without encryption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only to this machine.
    #[default]
    LoopbackOnly,
    /// Anywhere: the profile says that the network is trusted.
    Anywhere,
}

/// Scheme, host and port of an address, for messages.
pub(super) fn origin_text(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Whether the host is this machine by its very name.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Checks an address from a profile.
pub(super) fn check_address(url: &Url, plain_http: PlainHttp) -> Result<(), TransportError> {
    let bad = |why| Err(TransportError::BadAddress { address: origin_text(url), why });
    if !url.username().is_empty() || url.password().is_some() {
        return bad("it holds a user or a password; put them under `auth`");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) || plain_http == PlainHttp::Anywhere => Ok(()),
        "http" => bad("without https the credentials would travel readable for everyone"),
        _ => bad("only http and https are spoken"),
    }
}

/// The address of `path` below `root`, or `path` itself when it is absolute and leads to the same server.
///
/// The query of the root (`?tenant=…`) is kept for relative paths.
///
/// Source: on-premises servers with several tenants want `?tenant=<id>` on every request.
pub(super) fn resolve(root: &Url, path: &str) -> Result<Url, TransportError> {
    let bad = |why| TransportError::BadAddress { address: origin_text(root), why };
    let is_absolute = ["http://", "https://"]
        .iter()
        .any(|scheme| path.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let url = if is_absolute {
        Url::parse(path).map_err(|_| bad("the server pointed to an address that is none"))?
    } else {
        let path = path.trim_start_matches('/');
        let mut text = String::with_capacity(root.as_str().len() + path.len() + 2);
        text.push_str(root[..Position::AfterPath].trim_end_matches('/'));
        text.push('/');
        text.push_str(path);
        if let Some(query) = root.query() {
            text.push(if path.contains('?') { '&' } else { '?' });
            text.push_str(query);
        }
        Url::parse(&text).map_err(|_| bad("the path makes no address"))?
    };
    let has_same_origin = url.scheme() == root.scheme()
        && url.host() == root.host()
        && url.port_or_known_default() == root.port_or_known_default();
    if !has_same_origin || !url.username().is_empty() || url.password().is_some() {
        return Err(TransportError::ForeignOrigin { expected: origin_text(root), found: origin_text(&url) });
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn relative_paths_stand_below_the_service_root() {
        for (root_text, path, url) in [
            ("https://h/a/api/v2.0", "companies", "https://h/a/api/v2.0/companies"),
            (
                "https://h/a/api/v2.0/",
                "/companies(1)/customers?$top=1",
                "https://h/a/api/v2.0/companies(1)/customers?$top=1",
            ),
            (
                "http://127.0.0.1:7048/bc/api/v2.0?tenant=t",
                "companies",
                "http://127.0.0.1:7048/bc/api/v2.0/companies?tenant=t",
            ),
            ("http://h/x?tenant=t", "c?$top=1", "http://h/x/c?$top=1&tenant=t"),
        ] {
            assert_eq!(resolve(&root(root_text), path).unwrap().as_str(), url);
        }
    }

    #[test]
    fn a_next_link_of_the_same_server_is_taken_as_it_is() {
        let link = "https://h:443/v2.0/other/customers?$skiptoken=%27A%20B%27";
        assert_eq!(resolve(&root("https://h/api"), link).unwrap().as_str(), link.replace(":443", ""));
    }

    #[test]
    fn every_other_origin_is_foreign() {
        for link in [
            "https://evil.example/api/customers",
            "http://h/api/customers",
            "https://h:8443/api/customers",
            "HTTPS://H.evil.example/",
            "https://h@evil.example/",
            "https://user:secret@h/api",
        ] {
            let refused = resolve(&root("https://h/api"), link).unwrap_err();
            assert!(matches!(refused, TransportError::ForeignOrigin { .. }), "{link}");
            assert!(!refused.to_string().contains("secret"));
        }
        assert!(resolve(&root("https://h"), "//evil.example/x").is_ok_and(|url| url.host_str() == Some("h")));
        assert!(resolve(&root("https://h"), "@evil.example/x").is_ok_and(|url| url.host_str() == Some("h")));
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_the_profile_says_otherwise() {
        for (text, allowed) in [
            ("http://127.0.0.1:1/", true),
            ("http://[::1]/", true),
            ("http://localhost:7048/", true),
            ("http://bc.example/", false),
            ("http://127.0.0.1.example/", false),
            ("https://bc.example/", true),
            ("ftp://127.0.0.1/", false),
            ("https://user:pass@bc.example/", false),
        ] {
            assert_eq!(check_address(&root(text), PlainHttp::LoopbackOnly).is_ok(), allowed, "{text}");
        }
        assert!(check_address(&root("http://bc.example/"), PlainHttp::Anywhere).is_ok());
    }
}

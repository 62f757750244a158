//! Why there is no reply, sorted by the one question that matters: may the request have been carried out?

use std::error::Error;

/// Why the API gave no reply that can be used. Addresses are named by their origin only.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The request certainly never left: no connection came about. Safe to repeat.
    #[error("cannot reach `{origin}`")]
    NotSent {
        /// Scheme, host and port.
        origin: String,
        /// What the network said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No token could be had just now, so the request never left. Safe to repeat.
    #[error("the token endpoint at `{origin}` is unavailable (HTTP status {status})")]
    TokenUnavailable {
        /// Scheme, host and port of the token endpoint.
        origin: String,
        /// Its answer.
        status: u16,
    },
    /// The request may have been carried out: it left, and no whole answer came back.
    #[error("no whole answer from `{origin}`")]
    InDoubt {
        /// Scheme, host and port.
        origin: String,
        /// What the network said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An address from a reply leads to another server, which must not see the credentials. Nothing was sent.
    #[error("the server at `{expected}` pointed to `{found}`, which gets neither requests nor credentials")]
    ForeignOrigin {
        /// The origin of the service root.
        expected: String,
        /// The origin that was pointed to.
        found: String,
    },
    /// The server answered with a redirect; redirects are never followed, because they could carry the token away.
    #[error("`{origin}` redirects to `{to}` (HTTP status {status}); put the final address into the profile")]
    Redirected {
        /// The origin that was asked.
        origin: String,
        /// The origin it pointed to, or `?` when it did not say.
        to: String,
        /// The HTTP status.
        status: u16,
    },
    /// The credentials are not accepted, even fresh ones. Nothing was carried out.
    #[error("`{origin}` does not accept the credentials ({detail})")]
    NotAuthenticated {
        /// Who refused: the API or the token endpoint.
        origin: String,
        /// The server's error code, or its HTTP status.
        detail: String,
    },
    /// The credentials are known and may not do this. Nothing was carried out.
    #[error("`{origin}` does not permit the request ({detail})")]
    NotPermitted {
        /// Who refused.
        origin: String,
        /// The server's error code and words.
        detail: String,
    },
    /// An address that cannot be used; nothing was sent.
    #[error("the address `{address}` cannot be used: {why}")]
    BadAddress {
        /// The address, without what could be secret in it.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something that must become a header holds characters that no header can carry; nothing was sent.
    #[error("{what} cannot be put into a header")]
    BadHeader {
        /// What it is; never its value.
        what: String,
    },
    /// A transport needs at least one credential.
    #[error("the profile has no credentials")]
    NoCredentials,
    /// The HTTP client itself did not start, for example for want of the system's certificates.
    #[error("cannot start the HTTP client")]
    Client(#[source] Box<dyn Error + Send + Sync>),
}

impl TransportError {
    /// Whether the same request may work later: the network or the token endpoint is to blame, not the request.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::TokenUnavailable { .. } | Self::InDoubt { .. })
    }

    /// Whether the request may have been carried out although there is no answer that says so. A redirect says
    /// nothing of it: 303 is the usual answer to a write that was carried out.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt { .. } | Self::Redirected { .. })
    }

    /// Sorts a failure of the HTTP client. `reqwest` puts the whole URL into its words, so it is taken out.
    pub(super) fn from_client(origin: String, failure: reqwest::Error) -> Self {
        let never_left = failure.is_connect() || failure.is_builder();
        let source = Box::new(failure.without_url());
        if never_left { Self::NotSent { origin, source } } else { Self::InDoubt { origin, source } }
    }
}

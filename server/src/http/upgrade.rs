//! From an HTTP request to a WebSocket: RFC 6455, section 4.2. By hand, because a room writes to its
//! readers' sockets itself, and whoever hides the socket hides that.

use crate::sync::websocket::WebSocket;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A request that asks for a WebSocket, as the specification wants it.
pub(super) struct Upgrade {
    promise: OnUpgrade,
    accept: HeaderValue,
    protocols: String,
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let headers = &parts.headers;
        let refused = |status: StatusCode| {
            let version = [(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))];
            (status, version, "this address speaks WebSocket, version 13").into_response()
        };
        let key = headers.get(SEC_WEBSOCKET_KEY);
        let asks = names(headers, &CONNECTION, "upgrade") && names(headers, &UPGRADE, "websocket");
        let version = headers.get(SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
        let (Some(key), true, Some(b"13")) = (key, asks, version) else {
            return Err(refused(StatusCode::BAD_REQUEST));
        };
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
            .map_err(|_| refused(StatusCode::BAD_REQUEST))?;
        let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        let protocols: Vec<_> = protocols.filter_map(|value| value.to_str().ok()).collect();
        let protocols = protocols.join(",");
        let promise = parts.extensions.remove::<OnUpgrade>();
        let promise = promise.ok_or_else(|| refused(StatusCode::UPGRADE_REQUIRED))?;
        Ok(Self { promise, accept, protocols })
    }
}

impl Upgrade {
    /// Whether the client can speak a sub-protocol.
    pub(super) fn offers(&self, protocol: &str) -> bool {
        self.protocols.split(',').any(|offered| offered.trim() == protocol)
    }

    /// Answers; when the answer has gone out, serves what the connection has become.
    pub(super) fn serve<F>(
        self,
        protocol: Option<&'static str>,
        serve: impl FnOnce(WebSocket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let promise = self.promise;
        tokio::spawn(async move {
            let upgraded = match promise.await {
                Ok(upgraded) => upgraded,
                Err(error) => {
                    tracing::debug!(%error, "a connection ended while it was upgraded");
                    return;
                }
            };
            let Ok(parts) = downcast::<TokioIo<TcpStream>>(upgraded) else {
                tracing::error!("a WebSocket on something that is not TCP");
                return;
            };
            serve(WebSocket::new(parts.io.into_inner(), parts.read_buf).await).await;
        });
        let mut response = (
            StatusCode::SWITCHING_PROTOCOLS,
            [
                (CONNECTION, HeaderValue::from_static("upgrade")),
                (UPGRADE, HeaderValue::from_static("websocket")),
                (SEC_WEBSOCKET_ACCEPT, self.accept),
            ],
            Body::empty(),
        )
            .into_response();
        if let Some(protocol) = protocol {
            let protocol = HeaderValue::from_static(protocol);
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

/// Whether a header that is a list of words holds one, in whatever case.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|found| found.trim().eq_ignore_ascii_case(word))
}

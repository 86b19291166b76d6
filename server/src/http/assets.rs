//! The built web, out of the binary: precompressed, with validators; hashed files for ever.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Dist;

/// The pages and everything that they load.
pub fn router() -> Router {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { page("index.html", &headers) }))
        .route("/join", get(|headers: HeaderMap| async move { page("join.html", &headers) }))
        .route("/privacy", get(|headers: HeaderMap| async move { page("privacy.html", &headers) }))
        .route("/e/{slug}", get(|headers: HeaderMap| async move { page("event.html", &headers) }))
        .route("/screen", get(|headers: HeaderMap| async move { page("screen.html", &headers) }))
        .route(
            "/e/{slug}/people",
            get(|headers: HeaderMap| async move { page("people.html", &headers) }),
        )
        .route(
            "/e/{slug}/device",
            get(|headers: HeaderMap| async move { page("device.html", &headers) }),
        )
        .route(
            "/e/{slug}/board/{number}",
            get(|headers: HeaderMap| async move { page("board.html", &headers) }),
        )
        .route("/assets/{*path}", get(asset))
        .route("/{file}", get(top))
        .fallback(|headers: HeaderMap| async move { missing(&headers) })
}

/// Connections to our own host only; nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

fn page(name: &str, headers: &HeaderMap) -> Response {
    serve(name, headers, StatusCode::OK, Caching::Revalidate)
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    serve(&format!("assets/{path}"), &headers, StatusCode::OK, Caching::Forever)
}

/// Files that must stand at the top under their own names: icons, robots.txt, the service worker.
async fn top(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let is_page = std::path::Path::new(&file).extension().is_none_or(|e| e == "html");
    if is_page {
        return missing(&headers);
    }
    serve(&file, &headers, StatusCode::OK, Caching::Revalidate)
}

fn missing(headers: &HeaderMap) -> Response {
    serve("404.html", headers, StatusCode::NOT_FOUND, Caching::Revalidate)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Caching {
    /// The name holds the content's hash.
    Forever,
    /// Ask each time; unchanged costs no body.
    Revalidate,
}

fn serve(name: &str, headers: &HeaderMap, status: StatusCode, caching: Caching) -> Response {
    let Some((file, encoding)) = pick(name, headers) else {
        if name == "404.html" || caching == Caching::Forever {
            return StatusCode::NOT_FOUND.into_response();
        }
        return serve("404.html", headers, StatusCode::NOT_FOUND, Caching::Revalidate);
    };
    let etag = etag(&file, encoding);
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        value.to_str().is_ok_and(|tags| tags.split(',').any(|tag| tag.trim() == etag))
    });
    let caching = match caching {
        Caching::Forever => "public, max-age=31536000, immutable",
        Caching::Revalidate => "no-cache",
    };
    let mut response = if known && status == StatusCode::OK {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, file.data).into_response()
    };
    let out = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            out.insert(name, value);
        }
    };
    set(CONTENT_TYPE, content_type(name));
    set(CACHE_CONTROL, caching);
    set(ETAG, &etag);
    set(VARY, "Accept-Encoding");
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    if let Some(encoding) = encoding {
        set(CONTENT_ENCODING, encoding);
    }
    response
}

/// The smallest form that the browser takes.
fn pick(name: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("");
    for (encoding, ending) in [("br", ".br"), ("gzip", ".gz")] {
        if accepts(accepted, encoding)
            && let Some(file) = Dist::get(&format!("{name}{ending}"))
        {
            return Some((file, Some(encoding)));
        }
    }
    // A precompressed file is never asked for by its own name.
    let compressed = std::path::Path::new(name).extension();
    if compressed.is_some_and(|e| e == "br" || e == "gz") {
        return None;
    }
    Dist::get(name).map(|file| (file, None))
}

fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|offer| {
        let mut parts = offer.split(';');
        let named = parts.next().is_some_and(|name| name.trim().eq_ignore_ascii_case(encoding));
        let refused = parts.any(|p| {
            let weight = p.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
            weight == Some(0.0)
        });
        named && !refused
    })
}

fn etag(file: &EmbeddedFile, encoding: Option<&str>) -> String {
    let hash = file.metadata.sha256_hash();
    let short = hash[..8].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    format!("\"{short:016x}{}\"", encoding.map_or("", |e| if e == "br" { "b" } else { "g" }))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_chosen_by_what_the_browser_says() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("br;q=0.5", "br"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("", "gzip") && !accepts("brotli", "br"));
    }
}

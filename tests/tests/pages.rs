//! What the binary serves by itself: every page, everything that a page asks for, and nothing from
//! anywhere else.

use anyhow::{Context, Result};
use sangam_tests::http::{self, Answer};
use sangam_tests::{Server, run};
use std::collections::BTreeSet;

const PAGES: [&str; 8] = [
    "/",
    "/join",
    "/screen",
    "/e/demo",
    "/e/demo/people",
    "/e/demo/device",
    "/e/demo/board/1",
    "/privacy",
];
/// Brotli bytes of code, style and words that a board may cost at first sight; fonts come after.
const BOARD_BYTES_MAX: usize = 80 * 1024;
/// The same for the page by which everybody comes in, with its words in the longest language.
const JOIN_BYTES_MAX: usize = 15_000;

/// The values of `src` and `href`.
fn references(html: &str) -> BTreeSet<String> {
    ["src=\"", "href=\""]
        .iter()
        .flat_map(|start| html.split(start).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

async fn page(address: &str, path: &str) -> Result<(Answer, String)> {
    let answer = http::get(address, path, &[]).await?;
    let html = String::from_utf8(answer.body.clone()).context("a page is UTF-8")?;
    Ok((answer, html))
}

#[tokio::test]
async fn every_page_and_all_that_it_asks_for_comes_from_the_binary() -> Result<()> {
    let server = Server::start().await?;
    for path in PAGES {
        let (answer, html) = page(&server.address, path).await?;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'self'"), "{path}");
        assert!(html.contains("<html lang="), "{path} has no language");
        let asked = references(&html);
        assert!(asked.len() >= 3, "{path} asks for {asked:?}");
        for reference in asked {
            assert!(reference.starts_with('/') && !reference.starts_with("//"), "{reference}");
            let part = http::get(&server.address, &reference, &[]).await?;
            assert_eq!(part.status, 200, "{path} asks for {reference}");
            // Addresses inside scripts and styles: namespaces are names, not requests.
            let text = String::from_utf8_lossy(&part.body);
            for found in text.split("url(").skip(1).filter_map(|rest| rest.split(')').next()) {
                let found = found.trim_matches(['"', '\'']);
                let local = found.starts_with('/') || found.starts_with("./");
                assert!(local || found.starts_with("data:"), "{reference} asks for {found}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_served_was_compressed_when_it_was_built() -> Result<()> {
    let server = Server::start().await?;
    let (_, html) = page(&server.address, "/e/demo/board/1").await?;
    let mut bytes = 0;
    for reference in references(&html) {
        let Some(extension @ ("js" | "css")) = reference.rsplit('.').next() else { continue };
        let plain = http::get(&server.address, &reference, &[]).await?;
        let brotli =
            http::get(&server.address, &reference, &[("Accept-Encoding", "gzip, br")]).await?;
        let gzip = http::get(&server.address, &reference, &[("Accept-Encoding", "gzip")]).await?;
        assert_eq!(plain.header("content-encoding"), "");
        // The smallest files do not shrink, and are served as they are.
        if plain.body.len() > 400 {
            assert_eq!(brotli.header("content-encoding"), "br", "{reference}");
            assert_eq!(gzip.header("content-encoding"), "gzip", "{reference}");
            assert!(brotli.body.len() < plain.body.len(), "{reference}");
        }
        assert!(
            brotli.header("vary").contains("ccept"),
            "{extension}: caches must tell them apart"
        );
        bytes += brotli.body.len();
    }
    println!("a board's first sight: {bytes} bytes of scripts and styles, brotli");
    assert!(bytes > 10_000, "nothing was measured");
    assert!(bytes <= BOARD_BYTES_MAX, "{bytes} bytes");
    Ok(())
}

#[tokio::test]
async fn the_first_page_is_small() -> Result<()> {
    let server = Server::start().await?;
    let brotli = [("Accept-Encoding", "br")];
    let mut bytes = http::get(&server.address, "/join", &brotli).await?.body.len();
    let (_, html) = page(&server.address, "/join").await?;
    let (mut words, mut own) = (0, String::new());
    for reference in references(&html) {
        let Some("js" | "css") = reference.rsplit('.').next() else { continue };
        bytes += http::get(&server.address, &reference, &brotli).await?.body.len();
        let plain = http::get(&server.address, &reference, &[]).await?;
        own += &String::from_utf8(plain.body)?;
    }
    // One of these comes, as soon as the language is known.
    for found in own.split(".json.join-").skip(1) {
        let start = own.find(&format!(".json.join-{found}")).context("a place")?;
        let language = &own[start - 2..start];
        let hash = found.split(".js").next().context("a name")?;
        let path = format!("/assets/{language}.json.join-{hash}.js");
        words = words.max(http::get(&server.address, &path, &brotli).await?.body.len());
    }
    println!("the first page: {} bytes, brotli, of which {words} are words", bytes + words);
    assert!(words > 500 && bytes > 3_000, "nothing was measured");
    assert!(bytes + words <= JOIN_BYTES_MAX, "{} bytes", bytes + words);
    Ok(())
}

#[tokio::test]
async fn hashed_files_are_kept_for_ever_and_pages_are_asked_for_again() -> Result<()> {
    let server = Server::start().await?;
    let (first, html) = page(&server.address, "/join").await?;
    assert_eq!(first.header("cache-control"), "no-cache");
    let etag = first.header("etag");
    assert!(!etag.is_empty());
    let again = http::get(&server.address, "/join", &[("If-None-Match", etag)]).await?;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let script = references(&html).into_iter().find(|r| r.rsplit('.').next() == Some("js"));
    let script = script.context("a script")?;
    let script = http::get(&server.address, &script, &[]).await?;
    assert!(script.header("cache-control").contains("immutable"), "{:?}", script.headers);
    Ok(())
}

#[tokio::test]
async fn the_server_says_that_it_lives_and_that_it_takes_edits() -> Result<()> {
    let server = Server::start().await?;
    for path in ["/healthz", "/readyz"] {
        let answer = http::get(&server.address, path, &[]).await?;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"ok\n"[..]), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn the_demonstration_prints_one_link_per_role_and_site() -> Result<()> {
    let server = Server::start().await?;
    let data = server.data().to_str().context("a plain path")?;
    let output = run(&["links", "demo", "--data", data]).await?;
    let text = String::from_utf8(output.stdout)?;
    let mut found: Vec<Vec<&str>> =
        text.lines().map(|line| line.split_whitespace().collect()).collect();
    let prefix = format!("http://{}/join#", server.address);
    for line in &mut found {
        let url = line.pop().context("a line ends in a link")?;
        assert!(url.starts_with(&prefix), "{url}");
    }
    found.sort();
    let expected: [&[&str]; 7] = [
        &["facilitator", "Bengaluru"],
        &["facilitator", "Paris"],
        &["organiser"],
        &["participant", "Bengaluru"],
        &["participant", "Paris"],
        &["screen", "Bengaluru"],
        &["screen", "Paris"],
    ];
    assert_eq!(found, expected);
    Ok(())
}

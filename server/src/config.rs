//! What an operator may set: command line, then `SANGAM_*`, then a TOML file. Parsed once in
//! `main` and passed down.

mod oidc;

pub use oidc::{OidcArgs, OidcConfig};

use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Options of `sangam serve` and `sangam demo`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes any free port [default: 127.0.0.1:8080]
    #[arg(long, env = "SANGAM_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Folder that holds everything: database, keys, runtime file
    #[arg(long, env = "SANGAM_DATA")]
    pub data: Option<PathBuf>,
    /// Address under which people reach this server, such as <https://sangam.example>
    #[arg(long, env = "SANGAM_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// TOML file with the same names: listen, data, `public_url`, `log_format`
    #[arg(long, env = "SANGAM_CONFIG")]
    pub config: Option<PathBuf>,
    /// How to write the log on standard error
    #[arg(long, env = "SANGAM_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Single sign-on.
    #[command(flatten)]
    pub oidc: OidcArgs,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The configuration as the server uses it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to bind.
    pub listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// Where people reach the server; `None` means "where it listens".
    pub public_url: Option<PublicUrl>,
    /// How to write the log.
    pub log_format: LogFormat,
}

/// An absolute `http` or `https` URL without path, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    data: Option<PathBuf>,
    public_url: Option<String>,
    log_format: Option<LogFormat>,
    oidc: Option<oidc::OidcFile>,
}

/// Why a configuration is not usable. Each is one sentence for an operator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not what was expected; `toml` says line and field.
    #[error("the configuration file {path} is not usable: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<toml::de::Error>,
    },
    /// Single sign-on lacks something.
    #[error("single sign-on wants {0}")]
    Oidc(&'static str),
    /// The public URL is not one.
    #[error(
        "--public-url expects something like https://sangam.example (http or https, a host, no path), found {0:?}"
    )]
    PublicUrl(String),
}

impl Config {
    /// Puts command line, environment and file together. `default_data` is the folder of `serve`
    /// or of `demo`.
    ///
    /// # Errors
    /// [`ConfigError`], a sentence for the operator.
    pub fn new(args: ServeArgs, default_data: &Path) -> Result<Self, ConfigError> {
        let file = match &args.config {
            Some(path) => read(path)?,
            None => File::default(),
        };
        let public_url = match args.public_url.or(file.public_url) {
            Some(text) => Some(PublicUrl::parse(&text)?),
            None => None,
        };
        Ok(Self {
            listen: args.listen.or(file.listen).unwrap_or(([127, 0, 0, 1], 8080).into()),
            data: args.data.or(file.data).unwrap_or_else(|| default_data.to_owned()),
            public_url,
            log_format: args.log_format.or(file.log_format).unwrap_or_default(),
        })
    }
}

impl PublicUrl {
    /// Reads a URL; a trailing slash is dropped.
    ///
    /// # Errors
    /// [`ConfigError::PublicUrl`]
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let bad = || ConfigError::PublicUrl(text.to_owned());
        let uri: axum::http::Uri = text.trim_end_matches('/').parse().map_err(|_| bad())?;
        let scheme = uri.scheme_str().filter(|s| matches!(*s, "http" | "https"));
        let authority = uri.authority().filter(|a| !a.as_str().contains('@'));
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        match (scheme, authority) {
            (Some(scheme), Some(authority)) if bare => {
                Ok(Self(format!("{scheme}://{}", authority.as_str().to_ascii_lowercase())))
            }
            _ => Err(bad()),
        }
    }

    /// Where a server that listens on `address` is reached, when nothing else was said.
    #[must_use]
    pub fn of(address: SocketAddr) -> Self {
        Self(format!("http://{address}"))
    }

    /// The URL, which is also the origin that browsers send.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether cookies may be marked `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_origin() {
        let parse = |text| PublicUrl::parse(text).map(|url| url.as_str().to_owned());
        assert_eq!(parse("https://Sangam.example/").unwrap(), "https://sangam.example");
        assert_eq!(parse("http://10.0.0.2:8080").unwrap(), "http://10.0.0.2:8080");
        for bad in
            ["sangam.example", "ftp://x", "https://x/board", "https://a@b", "https://x?q", ""]
        {
            assert!(parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sangam.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\ndata = \"a\"\n").unwrap();
        let args = ServeArgs { config: Some(path), data: Some("b".into()), ..ServeArgs::default() };
        let config = Config::new(args, Path::new("c")).unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.data, Path::new("b"));
    }

    #[test]
    fn a_misspelt_setting_names_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sangam.toml");
        std::fs::write(&path, "\nlissen = \"127.0.0.1:1\"\n").unwrap();
        let args = ServeArgs { config: Some(path), ..ServeArgs::default() };
        let error = Config::new(args, Path::new("c")).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("lissen"), "{error}");
    }
}

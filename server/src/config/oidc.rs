//! Single sign-on for organisers, where an operator wants it: `--oidc-*`, `SANGAM_OIDC_*`, or the
//! table `[oidc]` of the TOML file.

use super::{ConfigError, ServeArgs, read};
use clap::Args;
use serde::Deserialize;

/// Options of single sign-on.
#[derive(Args, Clone, Debug, Default)]
pub struct OidcArgs {
    /// Issuer of the OpenID provider that organisers sign in with
    #[arg(long, env = "SANGAM_OIDC_ISSUER")]
    pub oidc_issuer: Option<String>,
    /// What the provider calls this server
    #[arg(long, env = "SANGAM_OIDC_CLIENT_ID")]
    pub oidc_client_id: Option<String>,
    /// The secret that the provider gave
    #[arg(long, env = "SANGAM_OIDC_CLIENT_SECRET", hide_env_values = true)]
    pub oidc_client_secret: Option<String>,
    /// Who may organise: e-mail addresses or subject identifiers, with commas between them
    #[arg(long, env = "SANGAM_OIDC_ORGANISERS", value_delimiter = ',')]
    pub oidc_organisers: Vec<String>,
    /// Scopes to ask for [default: openid email profile]
    #[arg(long, env = "SANGAM_OIDC_SCOPE")]
    pub oidc_scope: Option<String>,
    /// Levels of assurance, one of which is wanted, such as eidas1
    #[arg(long, env = "SANGAM_OIDC_ACR_VALUES")]
    pub oidc_acr_values: Option<String>,
}

/// Single sign-on as the server uses it.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcConfig {
    /// `https://…`; `http://` on this machine alone.
    pub issuer: String,
    /// What the provider calls this server.
    pub client_id: String,
    /// The secret that the provider gave.
    pub client_secret: String,
    /// E-mail addresses in lower case, or subject identifiers.
    pub organisers: Vec<String>,
    /// Space-separated.
    pub scope: String,
    /// Space-separated; empty where any will do.
    pub acr_values: String,
}

impl std::fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { issuer, client_id, .. } = self;
        f.debug_struct("OidcConfig").field("issuer", issuer).field("client_id", client_id).finish()
    }
}

#[derive(Clone, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct OidcFile {
    issuer: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    #[serde(default)]
    organisers: Vec<String>,
    scope: Option<String>,
    acr_values: Option<String>,
}

impl OidcConfig {
    /// Puts command line, environment and file together; `None` where no issuer is named.
    ///
    /// # Errors
    /// [`ConfigError::Oidc`]: something is missing.
    pub fn new(args: &ServeArgs) -> Result<Option<Self>, ConfigError> {
        let (file, file_url) = match &args.config {
            Some(path) => {
                read(path).map(|file| (file.oidc.unwrap_or_default(), file.public_url))?
            }
            None => (OidcFile::default(), None),
        };
        let said = &args.oidc;
        let wanted = |said: &Option<String>, file: Option<String>| {
            said.clone().or(file).filter(|text| !text.is_empty())
        };
        let Some(issuer) = wanted(&said.oidc_issuer, file.issuer) else { return Ok(None) };
        let missing = |what: &'static str| ConfigError::Oidc(what);
        let on_this_machine =
            ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|start| {
                issuer
                    .strip_prefix(start)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
            });
        if !issuer.starts_with("https://") && !on_this_machine {
            return Err(missing("an issuer that begins with https://"));
        }
        if args.public_url.is_none() && file_url.is_none() {
            return Err(missing("--public-url, to which the provider sends people back"));
        }
        let organisers = if said.oidc_organisers.is_empty() {
            file.organisers
        } else {
            said.oidc_organisers.clone()
        };
        let organisers: Vec<String> = organisers
            .iter()
            .map(|one| one.trim())
            .filter(|one| !one.is_empty())
            .map(|one| if one.contains('@') { one.to_lowercase() } else { one.to_owned() })
            .collect();
        if organisers.is_empty() {
            return Err(missing("--oidc-organisers: who may organise"));
        }
        Ok(Some(Self {
            issuer,
            client_id: wanted(&said.oidc_client_id, file.client_id)
                .ok_or(missing("--oidc-client-id"))?,
            client_secret: wanted(&said.oidc_client_secret, file.client_secret)
                .ok_or(missing("--oidc-client-secret"))?,
            organisers,
            scope: wanted(&said.oidc_scope, file.scope)
                .unwrap_or_else(|| "openid email profile".to_owned()),
            acr_values: wanted(&said.oidc_acr_values, file.acr_values).unwrap_or_default(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> ServeArgs {
        let text = |text: &str| Some(text.to_owned());
        ServeArgs {
            public_url: text("https://sangam.example"),
            oidc: OidcArgs {
                oidc_issuer: text("https://id.example"),
                oidc_client_id: text("sangam"),
                oidc_client_secret: text("hush"),
                oidc_organisers: vec![" Claire@Example.org".into(), "sub-7".into(), String::new()],
                ..OidcArgs::default()
            },
            ..ServeArgs::default()
        }
    }

    #[test]
    fn nothing_is_configured_unless_an_issuer_is_named() {
        assert_eq!(OidcConfig::new(&ServeArgs::default()).unwrap(), None);
        let config = OidcConfig::new(&args()).unwrap().unwrap();
        assert_eq!(config.organisers, ["claire@example.org", "sub-7"]);
        assert_eq!((&*config.scope, &*config.acr_values), ("openid email profile", ""));
        assert!(!format!("{config:?}").contains("hush"), "the secret is in no log");
    }

    #[test]
    fn what_is_missing_is_said() {
        type Break = fn(&mut ServeArgs);
        let breaks: [(Break, &str); 6] = [
            (|args| args.public_url = None, "--public-url"),
            (|args| args.oidc.oidc_organisers.clear(), "--oidc-organisers"),
            (|args| args.oidc.oidc_client_id = None, "--oidc-client-id"),
            (|args| args.oidc.oidc_client_secret = None, "--oidc-client-secret"),
            (|args| args.oidc.oidc_issuer = Some("http://id.example".into()), "https://"),
            (
                |args| args.oidc.oidc_issuer = Some("http://localhost.evil.example".into()),
                "https://",
            ),
        ];
        for (break_it, expected) in breaks {
            let mut args = args();
            break_it(&mut args);
            let error = OidcConfig::new(&args).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_file_says_it_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sangam.toml");
        let text = "public_url = \"https://sangam.example\"\n[oidc]\nissuer = \"https://id.example\"\n\
                    client_id = \"a\"\nclient_secret = \"b\"\norganisers = [\"x@y.z\"]\nacr_values = \"eidas1\"\n";
        std::fs::write(&path, text).unwrap();
        let args = ServeArgs { config: Some(path), ..ServeArgs::default() };
        let config = OidcConfig::new(&args).unwrap().unwrap();
        assert_eq!((&*config.issuer, &*config.acr_values), ("https://id.example", "eidas1"));
    }
}

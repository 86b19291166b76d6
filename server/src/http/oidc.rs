//! The part of OpenID Connect that a relying party needs: discovery, the code flow with PKCE, and
//! the checks of OpenID Connect Core 1.0, section 3.1.3.7. Asked by `sign_in`. Blocking: a sign-in
//! happens a few times a day, and runs beside everything else.

use crate::config::OidcConfig;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use sangam_shared::limits;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use ureq::tls::{RootCerts, TlsConfig};

/// Why somebody is not signed in. For the log: people are told no more than that it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum OidcError {
    /// The provider does not answer, or with something else.
    #[error("the provider cannot be asked: {0}")]
    Provider(String),
    /// What it says does not hold.
    #[error("the provider's answer is not to be trusted: {0}")]
    Untrusted(&'static str),
    /// As many as may are being signed in.
    #[error("too many sign in at once")]
    Busy,
    /// It is somebody, but not an organiser.
    #[error("whoever signed in is not on the list of organisers")]
    Unlisted,
}

/// What the provider says of itself.
#[derive(Clone, Debug, Deserialize)]
struct Provider {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: String,
}

#[derive(Clone, Deserialize)]
struct Keys {
    keys: Vec<JsonKey>,
}

#[derive(Clone, Deserialize)]
struct JsonKey {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    r#use: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

/// What one sign-in is bound to, kept by the browser that began it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// An organiser whom the provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Organiser {
    /// Who it is, for ever and here alone: a hash of issuer and subject.
    pub(super) subject: String,
    /// What to call them.
    pub(super) name: String,
}

/// The one provider.
pub struct Oidc {
    config: OidcConfig,
    agent: ureq::Agent,
    provider: Mutex<Option<Arc<Provider>>>,
    /// Turns to wait for the provider: whoever floods us floods nobody else.
    turns: Semaphore,
}

impl Oidc {
    /// Asks nobody anything yet.
    #[must_use]
    pub fn new(config: OidcConfig) -> Self {
        let roots = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_millis(limits::OIDC_TIMEOUT_MS)))
            .http_status_as_error(false)
            .https_only(config.issuer.starts_with("https:"))
            .max_redirects(0)
            .tls_config(roots)
            .build()
            .new_agent();
        let turns = Semaphore::new(limits::OIDC_AT_ONCE_MAX);
        Self { config, agent, provider: Mutex::new(None), turns }
    }

    /// Where to send somebody who wants to sign in.
    pub(super) fn address(&self, begun: &Begun, back: &str) -> Result<String, OidcError> {
        let _turn = self.turns.try_acquire().map_err(|_| OidcError::Busy)?;
        let provider = self.provider()?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(begun.verifier.as_bytes()));
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", back),
            ("scope", &self.config.scope),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if !self.config.acr_values.is_empty() {
            pairs.push(("acr_values", &self.config.acr_values));
        }
        let query: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let address = &provider.authorization_endpoint;
        let joint = if address.contains('?') { '&' } else { '?' };
        Ok(format!("{address}{joint}{}", query.join("&")))
    }

    /// Exchanges the code that came back, and checks whom it stands for.
    pub(super) fn finish(
        &self,
        begun: &Begun,
        code: &str,
        back: &str,
        now_ms: u64,
    ) -> Result<Organiser, OidcError> {
        let _turn = self.turns.try_acquire().map_err(|_| OidcError::Busy)?;
        let provider = self.provider()?;
        let tokens = self.exchange(&provider, begun, code, back)?;
        let claims = self.verified(&provider, &tokens.id_token)?;
        self.check(&provider, &claims, &begun.nonce, now_ms)?;
        let subject = text(&claims, "sub").to_owned();
        let claims = if claims.contains_key("email") {
            claims
        } else {
            self.more(&provider, &tokens.access_token, claims)?
        };
        if !self.is_organiser(&subject, &claims) {
            return Err(OidcError::Unlisted);
        }
        let of = format!("{}\n{subject}", provider.issuer);
        Ok(Organiser { subject: crate::event::access::hash(&of), name: name(&claims) })
    }

    fn provider(&self) -> Result<Arc<Provider>, OidcError> {
        let mut kept = self.provider.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(provider) = &*kept {
            return Ok(Arc::clone(provider));
        }
        let issuer = self.config.issuer.trim_end_matches('/');
        let provider: Provider =
            self.get(&format!("{issuer}/.well-known/openid-configuration"), None)?;
        if provider.issuer.trim_end_matches('/') != issuer {
            return Err(OidcError::Untrusted("it names another issuer"));
        }
        let provider = Arc::new(provider);
        *kept = Some(Arc::clone(&provider));
        Ok(provider)
    }

    fn exchange(
        &self,
        provider: &Provider,
        begun: &Begun,
        code: &str,
        back: &str,
    ) -> Result<Tokens, OidcError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", &begun.verifier),
        ];
        let OidcConfig { client_id, client_secret, .. } = &self.config;
        let methods = &provider.token_endpoint_auth_methods_supported;
        let mut request = self.agent.post(&provider.token_endpoint);
        // By default it is "basic" (OpenID Connect Discovery 1.0, section 3).
        if methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic") {
            let pair = format!("{}:{}", escaped(client_id), escaped(client_secret));
            request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
        } else {
            form.extend([("client_id", &**client_id), ("client_secret", &**client_secret)]);
        }
        let (_, body) = read(request.send_form(form))?;
        json(&body)
    }

    /// Says more of whoever signed in, where the first token said little: as ProConnect does, in a
    /// signed answer.
    fn more(
        &self,
        provider: &Provider,
        access_token: &str,
        claims: Map<String, Value>,
    ) -> Result<Map<String, Value>, OidcError> {
        let Some(address) = &provider.userinfo_endpoint else { return Ok(claims) };
        let bearer = format!("Bearer {access_token}");
        let (kind, body) = read(self.agent.get(address).header("authorization", &bearer).call())?;
        let more: Map<String, Value> = if kind.starts_with("application/jwt") {
            let token = std::str::from_utf8(&body).map_err(|_| OidcError::Untrusted("no token"))?;
            let more = self.verified(provider, token)?;
            if !is_for(&more, &self.config.client_id) {
                return Err(OidcError::Untrusted("it is for somebody else"));
            }
            more
        } else {
            json(&body)?
        };
        // Section 5.3.2: or somebody else's could be put in its place.
        if text(&more, "sub") != text(&claims, "sub") {
            return Err(OidcError::Untrusted("it speaks of somebody else"));
        }
        Ok(more)
    }

    /// The claims of a signed token.
    fn verified(&self, provider: &Provider, token: &str) -> Result<Map<String, Value>, OidcError> {
        let mut parts = token.trim().split('.');
        let (Some(head), Some(body), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(OidcError::Untrusted("no signed token"));
        };
        let bytes = |part: &str| {
            URL_SAFE_NO_PAD.decode(part).map_err(|_| OidcError::Untrusted("no base64"))
        };
        let header: Map<String, Value> = json(&bytes(head)?)?;
        let signed = &token.trim()[..head.len() + 1 + body.len()];
        let signature = bytes(signature)?;
        let keys: Keys = self.get(&provider.jwks_uri, None)?;
        let kid = header.get("kid").and_then(Value::as_str);
        let fits = |key: &&JsonKey| {
            key.r#use.as_deref().is_none_or(|use_of| use_of == "sig")
                && (kid.is_none() || key.kid.as_deref() == kid)
        };
        let algorithm = text(&header, "alg");
        // "none", and what a client secret signs, are no signatures of a provider.
        let holds = keys
            .keys
            .iter()
            .filter(fits)
            .any(|key| key.has_signed(algorithm, signed.as_bytes(), &signature));
        if !holds {
            return Err(OidcError::Untrusted("nobody it knows has signed it"));
        }
        json(&bytes(body)?)
    }

    fn check(
        &self,
        provider: &Provider,
        claims: &Map<String, Value>,
        nonce: &str,
        now_ms: u64,
    ) -> Result<(), OidcError> {
        let untrusted = |why| Err(OidcError::Untrusted(why));
        let seconds = |name: &str| claims.get(name).and_then(Value::as_u64).unwrap_or(0);
        let now = now_ms / 1_000;
        if text(claims, "iss") != provider.issuer {
            return untrusted("another issuer");
        }
        if !is_for(claims, &self.config.client_id) {
            return untrusted("it is for somebody else");
        }
        if text(claims, "sub").is_empty() {
            return untrusted("it stands for nobody");
        }
        if seconds("exp") + limits::OIDC_LEEWAY_SECONDS <= now {
            return untrusted("it has expired");
        }
        if seconds("iat") > now + limits::OIDC_LEEWAY_SECONDS {
            return untrusted("it comes from the future");
        }
        if text(claims, "nonce") != nonce {
            return untrusted("it belongs to another sign-in");
        }
        let acr = text(claims, "acr");
        let mut wanted = self.config.acr_values.split_whitespace().peekable();
        if wanted.peek().is_some() && !wanted.any(|one| one == acr) {
            return untrusted("the level of assurance is another one");
        }
        Ok(())
    }

    fn is_organiser(&self, subject: &str, claims: &Map<String, Value>) -> bool {
        let email = text(claims, "email").to_lowercase();
        // Where the provider says nothing about it, its own addresses are what it vouches for.
        let vouched = claims.get("email_verified") != Some(&Value::Bool(false));
        let listed = |who: &str| !who.is_empty() && self.config.organisers.iter().any(|o| o == who);
        listed(subject) || (vouched && email.contains('@') && listed(&email))
    }

    fn get<T: DeserializeOwned>(
        &self,
        address: &str,
        bearer: Option<&str>,
    ) -> Result<T, OidcError> {
        let mut request = self.agent.get(address);
        if let Some(bearer) = bearer {
            request = request.header("authorization", bearer);
        }
        json(&read(request.call())?.1)
    }
}

impl JsonKey {
    fn has_signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        match (algorithm, &*self.kty) {
            ("RS256", "RSA") => RsaPublicKeyComponents { n: bytes(&self.n), e: bytes(&self.e) }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            ("ES256", "EC") if self.crv.as_deref() == Some("P-256") => {
                let point = [&[4][..], &bytes(&self.x), &bytes(&self.y)].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
                    .is_ok()
            }
            _ => false,
        }
    }
}

/// The kind and the bytes of an answer that is a success.
fn read(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(String, Vec<u8>), OidcError> {
    let provider = |error: String| OidcError::Provider(error);
    let mut answer = answer.map_err(|error| provider(error.to_string()))?;
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(limits::OIDC_BYTES_MAX).read_to_vec();
    let body = body.map_err(|error| provider(error.to_string()))?;
    if status.is_success() { Ok((kind, body)) } else { Err(provider(format!("it says {status}"))) }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, OidcError> {
    serde_json::from_slice(bytes).map_err(|error| OidcError::Provider(error.to_string()))
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> &'c str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_for(claims: &Map<String, Value>, client: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == client,
        Some(Value::Array(many)) => {
            many.iter().any(|one| one == client)
                && (many.len() == 1 || text(claims, "azp") == client)
        }
        _ => false,
    }
}

/// As they are called: `usual_name` is ProConnect's.
fn name(claims: &Map<String, Value>) -> String {
    let last = [text(claims, "usual_name"), text(claims, "family_name")];
    let last = last.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let both = format!("{} {last}", text(claims, "given_name"));
    let email = text(claims, "email").split('@').next().unwrap_or_default();
    let all = [both.trim(), text(claims, "name"), email];
    all.into_iter().find(|name| !name.is_empty()).unwrap_or("?").to_owned()
}

/// Percent-encoded, but for RFC 3986's unreserved characters.
fn escaped(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes everything");
        }
        out
    })
}

#[cfg(test)]
mod tests;

use super::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

const NOW_MS: u64 = 1_700_000_000_000;

fn oidc(change: impl FnOnce(&mut OidcConfig)) -> Oidc {
    let mut config = OidcConfig {
        issuer: "https://id.example".into(),
        client_id: "sangam".into(),
        client_secret: "hush".into(),
        organisers: vec!["claire@example.org".into(), "sub-7".into()],
        scope: "openid".into(),
        acr_values: String::new(),
    };
    change(&mut config);
    Oidc::new(config)
}

fn provider() -> Provider {
    Provider {
        issuer: "https://id.example".into(),
        authorization_endpoint: "https://id.example/authorize?tenant=1".into(),
        token_endpoint: String::new(),
        jwks_uri: String::new(),
        userinfo_endpoint: None,
        token_endpoint_auth_methods_supported: Vec::new(),
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn claims_hold_only_for_this_client_this_sign_in_and_this_moment() {
    let good = json!({
        "iss": "https://id.example", "aud": "sangam", "sub": "1", "nonce": "N",
        "exp": NOW_MS / 1_000 + 60, "iat": NOW_MS / 1_000 - 1, "acr": "eidas1",
    });
    let oidc = oidc(|config| config.acr_values = "eidas1 eidas2".into());
    let check = |claims: &Value| oidc.check(&provider(), &object(claims), "N", NOW_MS);
    assert!(check(&good).is_ok());
    for (claim, bad) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("aud", json!(["sangam", "another"])),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", json!("")),
        ("nonce", json!("M")),
        ("nonce", Value::Null),
        ("exp", json!(NOW_MS / 1_000 - 300)),
        ("exp", json!("soon")),
        ("iat", json!(NOW_MS / 1_000 + 3_600)),
        ("acr", json!("eidas0")),
        ("acr", Value::Null),
    ] {
        let mut claims = good.clone();
        claims[claim] = bad.clone();
        assert!(check(&claims).is_err(), "{claim} {bad}");
    }
    let mut shared = good;
    (shared["aud"], shared["azp"]) = (json!(["sangam", "another"]), json!("sangam"));
    assert!(check(&shared).is_ok());
}

#[test]
fn only_those_who_are_listed_are_organisers() {
    let oidc = oidc(|_| {});
    let may = |subject: &str, claims: Value| oidc.is_organiser(subject, &object(&claims));
    assert!(may("sub-7", json!({})));
    assert!(may("1", json!({ "email": "Claire@Example.org" })));
    assert!(may("1", json!({ "email": "claire@example.org", "email_verified": true })));
    assert!(!may("1", json!({ "email": "claire@example.org", "email_verified": false })));
    assert!(!may("1", json!({ "email": "mallory@example.org" })));
    // A subject that looks like a listed address is no address; an address that looks like a listed
    // subject is no subject.
    assert!(!may("1", json!({ "email": "sub-7" })));
    assert!(!may("", json!({ "email": "" })));
}

#[test]
fn a_signature_is_a_providers_own_and_no_other() {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pair.as_ref(), &random).unwrap();
    let point = pair.public_key().as_ref();
    let key = JsonKey {
        kty: "EC".into(),
        kid: None,
        r#use: None,
        crv: Some("P-256".into()),
        n: String::new(),
        e: String::new(),
        x: URL_SAFE_NO_PAD.encode(&point[1..33]),
        y: URL_SAFE_NO_PAD.encode(&point[33..]),
    };
    let signature = pair.sign(&random, b"claims").unwrap();
    assert!(key.has_signed("ES256", b"claims", signature.as_ref()));
    assert!(!key.has_signed("ES256", b"other claims", signature.as_ref()));
    for algorithm in ["none", "HS256", "RS256", "es256", ""] {
        assert!(!key.has_signed(algorithm, b"claims", signature.as_ref()), "{algorithm}");
        assert!(!key.has_signed(algorithm, b"claims", b""), "{algorithm}");
    }
}

#[test]
fn the_address_carries_what_the_sign_in_is_bound_to() {
    let oidc = oidc(|config| config.acr_values = "eidas1".into());
    *oidc.provider.lock().unwrap() = Some(Arc::new(provider()));
    let begun = Begun {
        state: "S".into(),
        nonce: "N".into(),
        // RFC 7636, appendix B.
        verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
    };
    let address = oidc.address(&begun, "https://sangam.example/back").unwrap();
    assert!(address.starts_with("https://id.example/authorize?tenant=1&response_type=code&"));
    for part in [
        "redirect_uri=https%3A%2F%2Fsangam.example%2Fback",
        "state=S",
        "nonce=N",
        "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method=S256",
        "acr_values=eidas1",
    ] {
        assert!(address.contains(part), "{address}");
    }
}

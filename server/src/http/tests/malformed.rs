//! Every body that any address takes, made wrong field by field: each refusal is a problem that names
//! the field, and none of them is a success or a fault of ours.

use super::matrix::{EXPECTED, Rule, Who, World};
use super::*;
use crate::http::routes::{self, Kind};

/// Fields that say who asks: what is wrong with them is told by what they open.
const CAPABILITIES: [&str; 3] = ["token", "secret", "code"];

#[tokio::test]
async fn every_field_of_every_body_is_refused_by_its_name() {
    let mut wrong = Vec::new();
    let mut fields = 0;
    for route in routes::all().iter().filter(|route| route.kind == Kind::Answer) {
        let name = format!("{} {}", route.method, route.path);
        let Some((_, ask, rule)) = EXPECTED.iter().find(|(known, ..)| *known == name) else {
            continue;
        };
        let mut world = World::new().await;
        world.renew().await;
        let (path, body) = ask(&world);
        let Some(known) = body.as_object().cloned() else { continue };
        let acting = match rule {
            Rule::People("-p--") => Role::Participant,
            _ => Role::Organiser,
        };
        let headers = world.headers(Who::Browser(acting)).await;
        let mut check = async |body: Value, field: Option<&str>, is_capability: bool| {
            let answer = world.send(&route.method, &path, &body, &headers).await;
            let named = answer.json["field"].as_str();
            let refused = answer.status.is_client_error();
            let problem = answer.headers[header::CONTENT_TYPE] == "application/problem+json";
            // The field itself, or the place inside it.
            let within = |path: &str, field| {
                path.strip_prefix(field)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
            };
            let told = match (named, field) {
                (_, None) => true,
                (Some(named), Some(field)) => within(named, field),
                (None, Some(_)) => is_capability,
            };
            if !(refused && problem && told) {
                let mut text = body.to_string();
                text.truncate(100);
                wrong.push(format!("{name} {text}: {} {}", answer.status, answer.json));
            }
        };
        for body in [json!([]), json!(3), json!("x")] {
            check(body, None, false).await;
        }
        let mut strange = body.clone();
        strange["zzz"] = json!(1);
        check(strange, Some("zzz"), false).await;
        for (field, value) in known {
            fields += 1;
            let is_capability = CAPABILITIES.contains(&field.as_str());
            for bad in [json!({ "a": 1 }), json!([[1]])] {
                let mut body = body.clone();
                body[&field] = bad;
                check(body, Some(&field), false).await;
            }
            if value.is_string() {
                for bad in [json!(7), json!("x".repeat(5_000)), json!("\u{202e}\u{200b}")] {
                    let mut body = body.clone();
                    body[&field] = bad;
                    check(body, Some(&field), is_capability).await;
                }
            }
        }
    }
    assert!(fields > 15, "{fields} fields were looked at");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

//! Groups over the API: wishes, proposals, pins, publication, late arrivals, lists.

use super::*;

impl Server {
    async fn ask(&self, method: Method, path: &str, bearer: &str, body: &Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/events/demo/groups{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    async fn newcomer(&self, name: &str, languages: &[&str]) -> (String, String) {
        let body = json!({
            "token": self.token(Role::Participant), "name": name,
            "language": "en", "languages": languages,
        });
        let joined = self.post("/api/v1/sessions", &body).await;
        assert_eq!(joined.status, StatusCode::CREATED);
        (joined.secret(), joined.json["person"]["id"].as_str().unwrap().to_owned())
    }

    async fn revision(&self, bearer: &str) -> Value {
        self.ask(Method::GET, "", bearer, &Value::Null).await.json["revision"].clone()
    }

    async fn list(&self, revision: &Value, bearer: &str, text: &str) -> Answer {
        let request =
            Request::post(format!("/api/v1/events/demo/groups/import?revision={revision}"))
                .header(header::CONTENT_TYPE, "text/csv")
                .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
                .body(Body::from(text.to_owned()));
        self.send(request.unwrap()).await
    }
}

#[tokio::test]
async fn groups_are_wished_proposed_moved_pinned_published_and_taken_back() {
    let server = Server::new().await;
    let facilitator = server.token(Role::Facilitator);
    let (asha, asha_id) = server.newcomer("Asha Rao", &["en", "fr"]).await;
    let (zoe, zoe_id) = server.newcomer("Zoé Blanc", &["fr"]).await;
    let wish = json!({ "choices": [3, 1], "tags": ["#Health"], "couldLead": true, "with": zoe_id });
    let own = server.ask(Method::PUT, "/mine", &asha, &wish).await;
    assert_eq!(own.status, StatusCode::OK, "{:?}", own.json);
    assert_eq!(own.json["wishes"]["tags"], json!(["Health"]));
    assert_eq!(own.json["mutual"], false);
    // She is asked, and accepts by naming her colleague.
    let asked = server.ask(Method::GET, "/mine", &zoe, &Value::Null).await;
    assert_eq!(asked.json["askedBy"], json!([asha_id]));
    let wish = json!({ "choices": [2], "with": asha_id });
    assert_eq!(server.ask(Method::PUT, "/mine", &zoe, &wish).await.json["mutual"], true);

    let first = server.revision(&facilitator).await;
    let early = json!({ "revision": first });
    let nothing = server.ask(Method::POST, "/publication", &facilitator, &early).await;
    assert_eq!(nothing.problem(), (409, "groups_nothing", None));
    let proposed = server.ask(Method::POST, "/propose", &facilitator, &early).await;
    assert_eq!(proposed.status, StatusCode::OK, "{:?}", proposed.json);
    assert_eq!(proposed.json["proposed"]["method"], "solved");
    let place = |json: &Value, id: &str| {
        let people = json["people"].as_array().unwrap();
        people.iter().find(|one| one["person"] == id).unwrap().clone()
    };
    let (a, z) = (place(&proposed.json, &asha_id), place(&proposed.json, &zoe_id));
    assert_eq!(a["workshop"], z["workshop"], "a pair stays together");
    assert!(proposed.json["people"].as_array().unwrap().iter().all(|p| p["workshop"].is_string()));
    assert_eq!(a["why"]["because"]["code"], "with");

    // Two facilitators at once: the second has not seen what the first did.
    let stale = server.ask(Method::POST, "/propose", &facilitator, &early).await;
    assert_eq!(stale.problem(), (409, "stale", None));
    let revision = &proposed.json["revision"];
    let step = json!({ "revision": revision, "workshop": 5, "pinned": true });
    let moved = server.ask(Method::PUT, &format!("/people/{zoe_id}"), &facilitator, &step).await;
    assert_eq!(place(&moved.json, &zoe_id)["pinned"], true);
    let again = json!({ "revision": moved.json["revision"] });
    let around = server.ask(Method::POST, "/propose", &facilitator, &again).await;
    let fifth = around.json["workshops"][4]["id"].clone();
    assert_eq!(place(&around.json, &zoe_id)["workshop"], fifth);
    assert_eq!(place(&around.json, &asha_id)["workshop"], fifth, "her colleague follows the pin");

    // Nobody sees it before it is published.
    let hidden = server.ask(Method::GET, "/mine", &asha, &Value::Null).await;
    assert_eq!((&hidden.json["group"], &hidden.json["open"]), (&Value::Null, &json!(true)));
    let publish = json!({ "revision": around.json["revision"] });
    let published = server.ask(Method::POST, "/publication", &facilitator, &publish).await;
    assert!(published.json["undoMs"].as_u64().unwrap() > 0);
    let seen = server.ask(Method::GET, "/mine", &asha, &Value::Null).await;
    assert_eq!(seen.json["group"]["workshop"], fifth);
    assert!(seen.json["group"]["members"].as_array().unwrap().contains(&json!(zoe_id)));
    let closed = server.ask(Method::PUT, "/mine", &asha, &json!({ "choices": [1] })).await;
    assert_eq!(closed.problem(), (409, "groups_published", None));

    // Somebody comes late, and is placed at once, with the reason.
    let (late, _) = server.newcomer("Late Comer", &["en"]).await;
    let placed = server.ask(Method::PUT, "/mine", &late, &json!({ "choices": [2] })).await;
    assert_eq!(placed.json["group"]["why"]["choice"], "first", "{:?}", placed.json);

    let undo = json!({ "revision": published.json["revision"] });
    let undone = server.ask(Method::DELETE, "/publication", &facilitator, &undo).await;
    assert_eq!(undone.json["publishedAtMs"], Value::Null, "{:?}", undone.json);
    let hidden = server.ask(Method::GET, "/mine", &asha, &Value::Null).await;
    assert_eq!(hidden.json["group"], Value::Null);
    let twice = json!({ "revision": undone.json["revision"] });
    let over = server.ask(Method::DELETE, "/publication", &facilitator, &twice).await;
    assert_eq!(over.problem(), (409, "groups_undo_over", None));
}

#[tokio::test]
async fn wishes_that_do_not_fit_are_refused_by_field_and_change_nothing() {
    let server = Server::new().await;
    let (asha, id) = server.newcomer("Asha Rao", &["en"]).await;
    let many: Vec<_> = (0..6).map(|n| n.to_string()).collect();
    for (body, field) in [
        (json!({ "choices": [1, 2, 3, 4] }), "choices"),
        (json!({ "choices": [1, 1] }), "choices"),
        (json!({ "choices": [9] }), "choices"),
        (json!({ "tags": many }), "tags"),
        (json!({ "tags": ["x".repeat(31)] }), "tags"),
        (json!({ "with": id }), "with"),
        (json!({ "with": Uuid::from_u128(1) }), "with"),
        (json!({ "with": "me" }), "with"),
        (json!({ "wishes": [] }), "wishes"),
    ] {
        let refused = server.ask(Method::PUT, "/mine", &asha, &body).await;
        assert_eq!(refused.problem(), (422, "invalid_field", Some(field)), "{body}");
    }
    let own = server.ask(Method::GET, "/mine", &asha, &Value::Null).await;
    assert_eq!(own.json["wishes"], Value::Null);
    let facilitator = server.token(Role::Facilitator);
    let revision = server.revision(&facilitator).await;
    for (size, field) in [
        (json!({ "workshop": 9 }), "workshop"),
        (json!({ "workshop": 1, "max": 0 }), "max"),
        (json!({ "workshop": 1, "min": 3, "max": 2 }), "min"),
        (json!({ "workshop": 1, "min": 99_999 }), "min"),
    ] {
        let body = json!({ "revision": revision, "sizes": [size] });
        let refused = server.ask(Method::PUT, "/sizes", &facilitator, &body).await;
        assert_eq!(refused.problem(), (422, "invalid_field", Some(field)));
    }
    assert_eq!(server.revision(&facilitator).await, revision);
}

#[tokio::test]
async fn each_role_reaches_its_own_side_of_groups() {
    let server = Server::new().await;
    let (participant, id) = server.newcomer("Asha Rao", &["en"]).await;
    let facilitator = server.token(Role::Facilitator);
    let organiser = server.token(Role::Organiser);
    let screen = server.token(Role::Screen);
    let change = json!({ "revision": 0 });
    let step = json!({ "revision": 99, "workshop": 1 });
    let person = format!("/people/{id}");
    let sizes = json!({ "revision": 99, "sizes": [] });
    for (method, path, body) in [
        (Method::GET, "", &Value::Null),
        (Method::POST, "/propose", &change),
        (Method::PUT, "/sizes", &sizes),
        (Method::PUT, &*person, &step),
        (Method::POST, "/publication", &change),
        (Method::DELETE, "/publication", &change),
        (Method::DELETE, "/invited", &change),
        (Method::POST, "/import?revision=0", &Value::Null),
        (Method::GET, "/export", &Value::Null),
    ] {
        for bearer in [&participant, &screen] {
            let refused = server.ask(method.clone(), path, bearer, body).await;
            assert_eq!(refused.problem(), (403, "forbidden", None), "{method} {path}");
        }
    }
    for bearer in [&facilitator, &organiser, &screen] {
        let refused = server.ask(Method::GET, "/mine", bearer, &Value::Null).await;
        assert_eq!(refused.problem(), (403, "forbidden", None));
    }
    // A file with names is an organiser's.
    let file = server.ask(Method::GET, "/export", &facilitator, &Value::Null).await;
    assert_eq!(file.status, StatusCode::FORBIDDEN);
    let file = server.ask(Method::GET, "/export", &organiser, &Value::Null).await;
    assert_eq!(file.status, StatusCode::OK);
}

#[tokio::test]
async fn a_list_is_taken_whole_and_waits_for_those_who_have_not_come() {
    let server = Server::new().await;
    let organiser = server.token(Role::Organiser);
    let (asha, _) = server.newcomer("Asha Rao", &["en"]).await;
    let (zoe, _) = server.newcomer("Zoé Blanc", &["fr"]).await;
    server.ask(Method::PUT, "/mine", &zoe, &json!({ "choices": [4] })).await;
    let revision = server.revision(&organiser).await;
    let bad = "name,site,first\nASHA RAO,paris,2\nX,mars,1\n";
    let refused = server.list(&revision, &organiser, bad).await;
    assert_eq!(refused.problem(), (422, "invalid_field", Some("line 3, site")));
    let own = server.ask(Method::GET, "/mine", &asha, &Value::Null).await;
    assert_eq!(own.json["wishes"], Value::Null, "a refused list changed something");

    let list =
        "name,site,first,group\nASHA RAO,paris,2,\nzoé blanc,paris,1,\nRavi Kumar,paris,3,3\n";
    let taken = server.list(&revision, &organiser, list).await;
    assert_eq!(taken.json, json!({ "updated": 1, "invited": 1, "kept": 1, "placed": 0 }));
    let stale = server.list(&revision, &organiser, list).await;
    assert_eq!(stale.problem(), (409, "stale", None));
    let own = server.ask(Method::GET, "/mine", &asha, &Value::Null).await;
    assert_eq!(own.json["wishes"]["choices"].as_array().unwrap().len(), 1);
    // Ravi comes, finds his wishes, and goes where the list puts him.
    let (ravi, ravi_id) = server.newcomer("ravi  kumar", &["en"]).await;
    let own = server.ask(Method::GET, "/mine", &ravi, &Value::Null).await;
    assert_eq!(own.json["wishes"]["choices"].as_array().unwrap().len(), 1);
    let now = json!({ "revision": server.revision(&organiser).await });
    let proposed = server.ask(Method::POST, "/propose", &organiser, &now).await;
    let people = proposed.json["people"].as_array().unwrap();
    let his = people.iter().find(|one| one["person"] == *ravi_id).unwrap();
    assert_eq!(
        (&his["workshop"], &his["pinned"]),
        (&proposed.json["workshops"][2]["id"], &json!(true))
    );
    // Longer than other requests may be, and taken.
    let line = |n| format!("Somebody with a long name {n},paris,1,a tag of thirty letters or so\n");
    let long = (0..1_500).map(line).collect::<Vec<_>>().concat();
    let now = server.revision(&organiser).await;
    let taken = server.list(&now, &organiser, &format!("name,site,first,tags\n{long}")).await;
    assert_eq!(taken.json["invited"], 1_500);
    let gone = json!({ "revision": server.revision(&organiser).await });
    let forgotten = server.ask(Method::DELETE, "/invited", &organiser, &gone).await;
    assert_eq!(forgotten.json["waiting"], 0);
    let large = format!("name,site\n{}", "x".repeat(limits::GROUPS_IMPORT_BYTES_MAX));
    let now = server.revision(&organiser).await;
    let refused = server.list(&now, &organiser, &large).await;
    assert_eq!(refused.problem(), (413, "too_large", None));
}

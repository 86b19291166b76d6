//! Updates that somebody wrote by hand to do harm, each by its name. Their bytes are made from
//! their parts, so that one sees what is wrong with them.

use crate::write::{Parent, Structs, text, typed, update};
use sangam::sync::guard::{Guard, Reason, Schema};
use sangam_shared::schema::BOARD;

const ROW: &str = "0190f1e2-0000-7000-8000-00000000000a";
const MINUTES: Parent<'static> = Parent::Root("minutes");

fn guard_of(updates: &[&[u8]]) -> Guard {
    let mut guard = Guard::new(Schema::Roots(BOARD));
    for update in updates {
        guard.index(update).expect("the honest part is honest");
    }
    guard
}

fn refusal(guard: &Guard, update: &[u8]) -> Reason {
    guard.check(update).expect_err("it must be refused").0
}

/// yrs reads one string more than an (obsolete) JSON content declares, so that everything behind it
/// would be read otherwise than it was checked; structs that are known already included.
#[test]
fn what_yrs_reads_otherwise_is_refused() {
    let known = update(&[(5, 0, typed("a"))], &[]);
    let guard = guard_of(&[&known]);
    let json = [&[1_u8][..], &text("1")].concat();
    let smuggler = Structs::default().first(2, MINUTES, None, &json).between(
        4,
        Some((5, 0)),
        None,
        &text("b"),
    );
    assert_eq!(refusal(&guard, &update(&[(5, 0, smuggler)], &[])), Reason::WrongContent);
    let open = Guard::new(Schema::Open);
    let json = Structs::default().first(2, MINUTES, None, &json);
    assert_eq!(refusal(&open, &update(&[(5, 0, json)], &[])), Reason::ContentKind);
}

/// What stands in collected parts is forgotten, but it is decoded first.
#[test]
fn collected_parts_hold_nothing_that_boards_do_not() {
    let guard = guard_of(&[]);
    for (kind, content) in [
        (5, text("1e999")),
        (6, [text("bold"), text("true")].concat()),
        (3, text("bytes")),
        (7, vec![0]),
        (7, [vec![3], text("p")].concat()),
    ] {
        let hidden = Structs::default().gc(1).between(kind, Some((5, 0)), None, &content);
        let bytes = update(&[(5, 0, hidden)], &[]);
        assert_eq!(refusal(&guard, &bytes), Reason::WrongContent, "kind {kind}");
    }
}

/// Yjs takes it for collected, yrs shows it.
#[test]
fn a_neighbour_that_is_collected_and_one_that_is_not_disagree() {
    let known = update(&[(5, 0, typed("ab"))], &[]);
    let guard = guard_of(&[&known]);
    let mixed = Structs::default().gc(1).between(4, Some((6, 0)), Some((5, 0)), &text("x"));
    assert_eq!(refusal(&guard, &update(&[(6, 0, mixed)], &[])), Reason::OriginsDisagree);
    let mixed = Structs::default().gc(1).between(4, Some((5, 0)), Some((6, 0)), &text("x"));
    assert_eq!(refusal(&guard, &update(&[(6, 0, mixed)], &[])), Reason::OriginsDisagree);
}

/// Found by ten million messages: memory put it between two letters, the log behind both.
#[test]
fn neighbours_the_wrong_way_round_in_one_word_are_refused() {
    let known = update(&[(5, 0, typed("abcd"))], &[]);
    let item = |left, right| {
        let structs = Structs::default().between(4, Some((5, left)), Some((5, right)), &text("x"));
        update(&[(6, 0, structs)], &[])
    };
    let gone = update(&[], &[(5, 0, 4)]);
    let half = update(&[], &[(5, 1, 1)]);
    for later in [&update(&[], &[]), &gone, &half] {
        let guard = guard_of(&[&known, later]);
        for (left, right) in [(2, 2), (2, 1), (3, 0)] {
            assert_eq!(refusal(&guard, &item(left, right)), Reason::OriginsDisagree);
        }
        assert!(guard.check(&item(1, 2)).is_ok());
    }
    // In the same update, and across its border.
    let more = |left, right| {
        let structs = Structs::default().between(4, Some((5, 3)), None, &text("ef")).between(
            4,
            Some((5, left)),
            Some((5, right)),
            &text("x"),
        );
        update(&[(5, 4, structs)], &[])
    };
    let guard = guard_of(&[&known]);
    for (left, right) in [(5, 5), (5, 4), (5, 2), (4, 0)] {
        assert_eq!(refusal(&guard, &more(left, right)), Reason::OriginsDisagree);
    }
    // Typed before the rest, it is no longer one word: later letters may well stand left of it.
    let before = Structs::default().between(4, None, Some((5, 0)), &text("y"));
    let guard = guard_of(&[&known, &update(&[(5, 4, before)], &[])]);
    assert!(guard.check(&item(4, 0)).is_ok());
}

#[test]
fn strict_json_is_yrs_json() {
    let open = Guard::new(Schema::Open);
    for bad in ["1e999", "\"\\ud800\"", &"[".repeat(200), "undefined", "{,}"] {
        let embed = Structs::default().first(5, MINUTES, None, &text(bad));
        assert_eq!(refusal(&open, &update(&[(5, 0, embed)], &[])), Reason::Json, "{bad}");
    }
    let embed = Structs::default().first(5, MINUTES, None, &text("{\"a\":[1,2.5,null]}"));
    assert!(open.check(&update(&[(5, 0, embed)], &[])).is_ok());
}

/// An undo manager keeps what was overwritten, and Yjs merges neighbours that are deleted alike.
#[test]
fn what_an_undo_manager_keeps_is_taken() {
    let orders = [&[2, 119][..], &text("a0"), &[119], &text("a1")].concat();
    let structs = |orders: &[u8]| {
        Structs::default()
            .first(7, Parent::Root("ideas"), Some(ROW), &[1])
            .first(8, Parent::Item((5, 0)), Some("order"), orders)
            .between(8, Some((5, 2)), None, &[&[1, 119][..], &text("a2")].concat())
    };
    let guard = guard_of(&[]);
    let honest = update(&[(5, 0, structs(&orders))], &[(5, 1, 2)]);
    assert!(guard.check(&honest).is_ok());
    // One of them alive: yrs would forget it when the row goes, and read what it has freed.
    for deletes in [&[][..], &[(5, 1, 1)], &[(5, 2, 1)], &[(6, 1, 2)]] {
        let alive = Structs::default().first(7, Parent::Root("ideas"), Some(ROW), &[1]).first(
            8,
            Parent::Item((5, 0)),
            Some("order"),
            &orders,
        );
        assert_eq!(
            refusal(&guard, &update(&[(5, 0, alive)], deletes)),
            match deletes {
                [(6, ..)] => Reason::Gap,
                _ => Reason::WrongContent,
            }
        );
    }
    let wrong = [&[2, 119][..], &text("a0"), &[120]].concat();
    let wrong = update(&[(5, 0, structs(&wrong))], &[(5, 1, 2)]);
    assert_eq!(refusal(&guard, &wrong), Reason::WrongContent);
}

/// Two tabs share their work: one has collected what the other still stands upon. Nothing of it is
/// to be seen any more, and yrs would put it into a container that it has let go of: the device is
/// told that it does not fit, and leaves it out.
#[test]
fn nothing_new_stands_between_what_was_collected_and_what_was_not() {
    let row = Structs::default()
        .first(7, Parent::Root("ideas"), Some(ROW), &[1])
        .first(7, Parent::Item((5, 0)), Some("text"), &[2])
        .first(4, Parent::Item((5, 1)), None, &text("a"));
    let known = update(&[(5, 0, row)], &[]);
    let late = || Structs::default().between(4, Some((5, 2)), Some((5, 3)), &text("x"));
    let collected = || Structs::default().gc(1);
    let both = update(&[(6, 0, late()), (5, 3, collected())], &[(5, 0, 4)]);
    assert_eq!(refusal(&guard_of(&[&known]), &both), Reason::ContainerLost);
    let without = update(&[(6, 0, late()), (5, 3, collected())], &[]);
    assert_eq!(refusal(&guard_of(&[&known]), &without), Reason::OriginsDisagree);
    let gone = update(&[(5, 3, collected())], &[(5, 0, 4)]);
    let later = update(&[(6, 0, late())], &[]);
    assert_eq!(refusal(&guard_of(&[&known, &gone]), &later), Reason::ContainerLost);
}

/// Of two rows under one key Yjs keeps one and deletes the other, and it need not be the newer one.
/// Who keeps its place keeps its containers as well.
#[test]
fn a_row_that_lost_its_key_at_once_leaves_the_other_alone() {
    let row = Structs::default().first(7, Parent::Root("ideas"), Some(ROW), &[1]).first(
        7,
        Parent::Item((5, 0)),
        Some("text"),
        &[2],
    );
    let mut guard = guard_of(&[&update(&[(5, 0, row)], &[])]);
    let rival = || Structs::default().first(7, Parent::Root("ideas"), Some(ROW), &[1]);
    let checked = guard.check(&update(&[(4, 0, rival())], &[])).expect("it is well formed");
    // The smaller client id stands to the left, so it is the newcomer that goes.
    let delta = update(&[(4, 0, rival())], &[(4, 0, 1)]);
    guard.admit(checked, &[&delta[..]]).expect("yrs writes what the guard reads");
    let text = update(&[], &[(5, 1, 1)]);
    assert_eq!(refusal(&guard, &text), Reason::ContainerLost);
}

/// Each of these would be compared with every other, here and in every browser, for minutes.
#[test]
fn a_crowd_at_one_place_is_refused() {
    let crowd = |client: u64| {
        let mut structs = Structs::default();
        for _ in 0..20_000 {
            structs = structs.first(4, MINUTES, None, &text("x"));
        }
        update(&[(client, 0, structs)], &[])
    };
    assert_eq!(refusal(&guard_of(&[]), &crowd(5)), Reason::TooMany);
    let many: Vec<_> = (0..19_000).map(|client| (20_000 - client, 0, typed("y"))).collect();
    assert_eq!(refusal(&guard_of(&[]), &update(&many, &[])), Reason::TooMany);
    // Whoever types on where they were may do so for long.
    let mut typing = typed("y");
    for clock in 0..50_000 {
        typing = typing.between(4, Some((5, clock)), None, &text("x"));
    }
    assert!(guard_of(&[]).check(&update(&[(5, 0, typing)], &[])).is_ok());
}

/// Something deleted that stands last under a key ends what stands there, like a deletion.
#[test]
fn a_container_is_not_ended_by_what_is_deleted_already() {
    let row = Structs::default().first(7, Parent::Root("ideas"), Some(ROW), &[1]).first(
        7,
        Parent::Item((5, 0)),
        Some("text"),
        &[2],
    );
    let guard = guard_of(&[&update(&[(5, 0, row)], &[])]);
    let over = |id| update(&[(6, 0, Structs::default().between(1, Some(id), None, &[1]))], &[]);
    assert_eq!(refusal(&guard, &over((5, 1))), Reason::ContainerLost);
    let checked = guard.check(&over((5, 0))).expect("a row may go, if its author says so");
    assert_eq!(checked.removed_rows, [5]);
}

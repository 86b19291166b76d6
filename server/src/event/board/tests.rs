use super::*;
use crate::event::seed::tests::boards;
use yrs::{Doc, MapPrelim, Transact};

#[tokio::test]
async fn the_demonstration_is_read_whole() {
    let docs = boards().await;
    let read: Vec<Board> = docs.iter().map(|doc| read_board(&doc.transact())).collect();
    for (doc, board) in docs.iter().zip(&read) {
        let txn = doc.transact();
        let rows = |root: &str| txn.get_map(root).unwrap().len(&txn) as usize;
        assert_eq!(board.practices.len(), rows("practices"));
        assert_eq!(board.ideas.len(), rows("ideas"));
        assert_eq!(board.clusters.len(), rows("clusters"));
        assert_eq!(board.plans.len(), rows("plans"));
        assert_eq!(board.tray, sangam_shared::board::Tray::default());
        assert!(board.ideas.iter().all(|idea| !idea.text.is_empty() && idea.site.is_some()));
    }
    let pix = &read[3].plans[0];
    assert_eq!(pix.reference, "4.1");
    assert_eq!(pix.title.original, "Pix propose son code source à ses homologues indiens");
    assert_eq!(pix.title.language.as_deref(), Some("fr"));
    assert!(pix.title.translations["en"].text.contains("Pix"));
    assert_eq!(pix.first_step.due, Some(Date::constant(2022, 4, 11)));
    assert_eq!(pix.first_step.time_zone.as_deref(), Some("Europe/Paris"));
    assert!(matches!(pix.lead, Some(Who::Here { .. })));
    assert!(!pix.commons.is_empty() && pix.commons.iter().all(|c| c.common.is_some()));
    assert!(!pix.evidence.is_empty() || !pix.milestones.is_empty());
    assert!(!pix.origin_ideas.is_empty());
}

#[test]
fn an_empty_document_is_an_empty_board() {
    assert_eq!(read_board(&Doc::new().transact()), Board::default());
}

#[test]
fn items_stand_by_order_then_by_id_and_the_tray_is_apart() {
    let doc = Doc::new();
    let ideas = doc.get_or_insert_map("ideas");
    let mut txn = doc.transact_mut();
    for (n, order, deleted) in
        [(3, "a1", false), (2, "a1", false), (1, "a2", false), (4, "a0", true)]
    {
        let id = Uuid::from_u128(n).to_string();
        let row = ideas.insert(&mut txn, id.as_str(), MapPrelim::default());
        row.insert(&mut txn, "order", order);
        if deleted {
            row.insert(&mut txn, "deletedAt", 1_649_412_000_000_f64);
        }
    }
    let board = read_board(&txn);
    let ids: Vec<u128> = board.ideas.iter().map(|idea| idea.id.0.as_u128()).collect();
    assert_eq!(ids, [2, 3, 1]);
    assert_eq!(board.tray.ideas.len(), 1);
}

#[test]
fn what_does_not_fit_is_left_out() {
    let doc = Doc::new();
    let plans = doc.get_or_insert_map("plans");
    let mut txn = doc.transact_mut();
    plans.insert(&mut txn, "no id", MapPrelim::default());
    plans.insert(&mut txn, Uuid::from_u128(1).to_string(), "no map");
    let plan = plans.insert(&mut txn, Uuid::from_u128(2).to_string(), MapPrelim::default());
    plan.insert(&mut txn, "title", "plain");
    plan.insert(&mut txn, "dueDate", "2022-02-30");
    plan.insert(&mut txn, "startDate", "2022-02-28T10:00");
    plan.insert(&mut txn, "effort", 7.0);
    plan.insert(&mut txn, "status", "on fire");
    plan.insert(&mut txn, "lead", 5.0);
    let read = read_board(&txn);
    assert_eq!(read.plans.len(), 1);
    let plan = &read.plans[0];
    assert_eq!(plan.title.original, "plain");
    assert_eq!((plan.due_date, plan.start_date), (None, None));
    assert_eq!(plan.effort, Some(1.0));
    assert_eq!(plan.status, PlanStatus::NotStarted);
    assert_eq!(plan.lead, None);
}

#[test]
fn more_than_the_schema_allows_is_not_read() {
    let doc = Doc::new();
    let plans = doc.get_or_insert_map("plans");
    let mut txn = doc.transact_mut();
    for n in 0..limits::PLANS_PER_BOARD_MAX as u128 + 9 {
        let plan = plans.insert(&mut txn, Uuid::from_u128(n).to_string(), MapPrelim::default());
        plan.insert(&mut txn, "title", "é𝄞".repeat(limits::SHORT_TEXT_CHARS_MAX));
    }
    let board = read_board(&txn);
    assert_eq!(board.plans.len(), limits::PLANS_PER_BOARD_MAX);
    assert_eq!(board.plans[0].title.original.encode_utf16().count(), limits::SHORT_TEXT_CHARS_MAX);
}

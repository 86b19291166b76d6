//! What is asked of every server. Each workload is one call a round; its figures are named
//! numbers, of which the report takes medians.

use crate::crowd::{Crowd, Typed, Typing, prove};
use crate::edits;
use crate::server::{Server, System};
use anyhow::Result;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Named numbers; units stand in the names.
pub type Figures = BTreeMap<String, f64>;

/// A latency above which a server does not keep up.
pub const LATE_MS: f64 = 100.0;

/// The sizes of the room that grows.
pub const READERS: [usize; 4] = [50, 100, 200, 400];

/// Writers and readers of the one large room.
pub const FANOUT_PEOPLE: usize = 100;

/// The workloads, by the name that `--only` takes.
pub const ALL: [&str; 8] = ["fanout", "event", "rooms", "growth", "join", "text", "idle", "cold"];

/// Runs one round of a workload that is not `fanout`; `None` where it says nothing of a system.
///
/// # Errors
/// Where a server breaks.
pub fn round(name: &str, system: System, work: &Path, seed: u64) -> Result<Option<Figures>> {
    Ok(Some(match name {
        "event" => typing_rooms(system, 5, 40, work, seed)?,
        "rooms" => typing_rooms(system, 200, 10, work, seed)?,
        "growth" if matches!(system, System::Sangam | System::Relay) => growth(system, work, seed)?,
        "join" if system.has_state() => {
            let board = edits::board(400, 20, ChaCha8Rng::seed_from_u64(seed));
            rush(system, &[board], 500, work)?
        }
        "text" if system.has_state() => {
            let text = edits::long_text(ChaCha8Rng::seed_from_u64(seed));
            rush(system, &text, 50, work)?
        }
        "idle" => idle(system, work)?,
        "cold" if system == System::Sangam => cold(system, work, seed)?,
        _ => return Ok(None),
    }))
}

fn typing_rooms(
    system: System,
    rooms: usize,
    people: usize,
    work: &Path,
    seed: u64,
) -> Result<Figures> {
    let mut server = Server::start(system, rooms, work)?;
    let mut crowd = Crowd::new(&server)?;
    crowd.gather(0..rooms, people)?;
    let typing = Typing {
        rate: 2.0,
        writers: None,
        seconds: 9.0,
        presence: true,
        warm_up_us: 1_000_000,
        drain_us: 3_000_000,
        seed,
    };
    let typed = crowd.type_along(&typing)?;
    let mut figures = figures(&typed, &server)?;
    check(&server, &typed)?;
    drop(crowd);
    check_after_crash(&mut server, &typed)?;
    let (p50, p99) = crate::server::fsync_ms(work)?;
    figures.extend([("fsync_p50_ms".to_owned(), p50), ("fsync_p99_ms".to_owned(), p99)]);
    Ok(figures)
}

/// Twenty people write 200 edits a second, and ever more read: what an edit costs as the room grows.
#[expect(clippy::cast_precision_loss, reason = "hundreds")]
fn growth(system: System, work: &Path, seed: u64) -> Result<Figures> {
    const WRITERS: usize = 20;
    let server = Server::start(system, READERS.len(), work)?;
    let mut all = Figures::new();
    for (room, readers) in READERS.into_iter().enumerate() {
        let mut crowd = Crowd::new(&server)?;
        crowd.gather(room..room + 1, readers)?;
        let typing = Typing {
            rate: 200.0 / WRITERS as f64,
            writers: Some(WRITERS),
            seconds: 4.0,
            presence: false,
            warm_up_us: 1_000_000,
            drain_us: 1_500_000,
            seed,
        };
        let typed = crowd.type_along(&typing)?;
        let figures = figures(&typed, &server)?;
        for name in ["cpu_us_per_edit", "delivery_p99_ms", "lost"] {
            all.insert(format!("{name}_{readers}"), figures[name]);
        }
    }
    Ok(all)
}

/// Nothing is lost: a newcomer gets everything. Asked while the writers are still there: who keeps
/// documents in memory alone may forget one when everybody has left.
fn check(server: &Server, typed: &Typed) -> Result<()> {
    if typed.lost == 0 && server.system.has_state() {
        prove(server, &typed.clocks)?;
    }
    Ok(())
}

/// Where edits are stored, they are there after a crash, too.
fn check_after_crash(server: &mut Server, typed: &Typed) -> Result<()> {
    if typed.lost == 0 && server.system == System::Sangam {
        server.kill_and_restart()?;
        prove(server, &typed.clocks)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn figures(typed: &Typed, server: &Server) -> Result<Figures> {
    let mut figures = Figures::new();
    let mut say = |name: &str, value: f64| figures.insert(name.to_owned(), value);
    say("edits_per_s", typed.edits as f64 / typed.seconds);
    say("deliveries_per_s", typed.delivered as f64 / typed.seconds);
    for (name, part) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
        say(&format!("delivery_{name}_ms"), typed.delivery.quantile_ms(part));
        if typed.ack.count() > 0 {
            say(&format!("ack_{name}_ms"), typed.ack.quantile_ms(part));
        }
    }
    say("lost", typed.lost as f64);
    say("unacknowledged", typed.unacknowledged as f64);
    say("cpu_s", typed.cpu_s);
    say("cpu_percent", 100.0 * typed.cpu_s / typed.seconds);
    say("cpu_us_per_edit", 1e6 * typed.cpu_s / typed.edits as f64);
    say("cpu_us_per_delivery", 1e6 * typed.cpu_s / typed.delivered.max(1) as f64);
    say("sent_mb", typed.received_bytes as f64 / 1e6);
    say("messages_per_delivery", typed.messages as f64 / typed.delivered.max(1) as f64);
    say("own_lag_p99_ms", typed.own_lag.quantile_ms(0.99));
    say("own_turn_p99_ms", typed.own_turn.quantile_ms(0.99));
    say("own_cpu_percent", 100.0 * typed.own_cpu_s / typed.seconds);
    say("peak_mib", server.memory_kib("VmHWM")? as f64 / 1024.0);
    Ok(figures)
}

/// Whether a rate was held.
fn holds(figures: &Figures) -> bool {
    figures["lost"] == 0.0 && figures["delivery_p99_ms"] <= LATE_MS
}

/// Whether the generator, not the server, was at its limit: then a figure says nothing of the server.
#[must_use]
pub fn is_generators(figures: &Figures) -> bool {
    let over = |name: &str, limit: f64| figures.get(name).is_some_and(|value| *value > limit);
    over("own_lag_p99_ms", LATE_MS / 4.0) || over("own_turn_p99_ms", LATE_MS / 4.0)
}

/// One room, everybody writes, at rates a factor of the square root of two apart: finds the
/// highest that is held. `known` is the point that the round before found. Calls `each` with every
/// rate's figures; returns the point, `None` where not even the lowest rate is held.
///
/// # Errors
/// Where a server breaks.
pub fn fanout(
    system: System,
    known: Option<i32>,
    work: &Path,
    seed: u64,
    mut each: impl FnMut(f64, Figures),
) -> Result<Option<i32>> {
    let mut server = Server::start(system, 40, work)?;
    let (mut held, mut failed) = (None, None);
    let (mut point, stride) = known.map_or((0, 2), |point| (point - 1, 1));
    for room in 0..20 {
        let (mut figures, mut typed) = one_rate(&server, 2 * room, rate(point), seed)?;
        if !holds(&figures) && is_generators(&figures) {
            // Nobody is judged by that; where it is so again, the table says it.
            (figures, typed) = one_rate(&server, 2 * room + 1, rate(point), seed)?;
        }
        let keeps_up = holds(&figures);
        each(rate(point), figures);
        if keeps_up {
            check_after_crash(&mut server, &typed)?;
            held = Some(point);
        } else {
            failed = Some(point);
            // It has a backlog: the next rate starts with a fresh one.
            drop(server);
            server = Server::start(system, 40, work)?;
        }
        point = match (held, failed) {
            (Some(held), Some(failed)) if failed - held <= 1 => break,
            (Some(held), Some(_)) => held + 1,
            (Some(held), None) => held + stride,
            (None, _) if point <= 0 => break,
            (None, _) => point - 1,
        };
    }
    Ok(held)
}

/// Edits a second, all writers together, at a point of the grid.
#[must_use]
pub fn rate(point: i32) -> f64 {
    (250.0 * 2_f64.powf(f64::from(point) / 2.0)).round()
}

fn one_rate(server: &Server, room: usize, rate: f64, seed: u64) -> Result<(Figures, Typed)> {
    let mut crowd = Crowd::new(server)?;
    crowd.gather(room..room + 1, FANOUT_PEOPLE)?;
    #[expect(clippy::cast_precision_loss, reason = "a hundred")]
    let typing = Typing {
        rate: rate / FANOUT_PEOPLE as f64,
        writers: None,
        seconds: 4.0,
        presence: false,
        warm_up_us: 1_000_000,
        drain_us: 1_500_000,
        seed: seed + room as u64,
    };
    let typed = crowd.type_along(&typing)?;
    let figures = figures(&typed, server)?;
    if figures["delivery_p99_ms"] <= LATE_MS {
        check(server, &typed)?;
    }
    Ok((figures, typed))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn rush(system: System, updates: &[Vec<u8>], people: usize, work: &Path) -> Result<Figures> {
    let server = Server::start(system, 1, work)?;
    let _author = Crowd::seed(&server, 0, updates)?;
    let cpu = server.cpu_s()?;
    let mut crowd = Crowd::new(&server)?;
    let (waits, after_last, bytes) = crowd.rush(0, people)?;
    Ok(Figures::from([
        ("join_p50_ms".to_owned(), waits.quantile_ms(0.5)),
        ("join_p99_ms".to_owned(), waits.quantile_ms(0.99)),
        ("all_in_step_after_last_ms".to_owned(), after_last.as_secs_f64() * 1e3),
        ("cpu_s".to_owned(), server.cpu_s()? - cpu),
        ("state_kb".to_owned(), bytes as f64 / 1e3),
        ("peak_mib".to_owned(), server.memory_kib("VmHWM")? as f64 / 1024.0),
        ("sent_mb".to_owned(), crowd.received_bytes() as f64 / 1e6),
    ]))
}

/// Connections that do nothing, and what each costs in memory beyond the kernel's.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn idle(system: System, work: &Path) -> Result<Figures> {
    const ROOMS: usize = 10;
    const PEOPLE: usize = 500;
    let server = Server::start(system, ROOMS, work)?;
    let mut first = Crowd::new(&server)?;
    // What the first connections of a room cost is the room's.
    first.gather(0..ROOMS, 2)?;
    let before = server.memory_kib("VmRSS")?;
    let mut crowd = Crowd::new(&server)?;
    crowd.gather(0..ROOMS, PEOPLE)?;
    let after = server.memory_kib("VmRSS")?;
    let cpu = server.cpu_s()?;
    let calm = Instant::now();
    std::thread::sleep(Duration::from_secs(5));
    let cpu_percent = 100.0 * (server.cpu_s()? - cpu) / calm.elapsed().as_secs_f64();
    let connections = (ROOMS * PEOPLE) as f64;
    Ok(Figures::from([
        ("connections".to_owned(), connections),
        ("kib_per_connection".to_owned(), after.saturating_sub(before) as f64 / connections),
        ("cpu_percent".to_owned(), cpu_percent),
        ("peak_mib".to_owned(), server.memory_kib("VmHWM")? as f64 / 1024.0),
    ]))
}

/// A thousand boards on disk, forty of them full: how soon it accepts, how soon one is there,
/// what one costs in memory.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn cold(system: System, work: &Path, seed: u64) -> Result<Figures> {
    const BOARDS: usize = 1_000;
    const FULL: usize = 40;
    let mut server = Server::start(system, BOARDS, work)?;
    // Every board is read once at the start, for its digest, and stays for a while.
    let settled = |server: &Server| {
        std::thread::sleep(Duration::from_secs(3));
        server.memory_kib("VmRSS")
    };
    let empty = settled(&server)?;
    let board = [edits::board(400, 20, ChaCha8Rng::seed_from_u64(seed))];
    for room in 0..FULL {
        Crowd::seed(&server, room, &board)?;
    }
    server.kill_and_restart()?;
    let accepted_ms = server.accepted_after.as_secs_f64() * 1e3;
    let ready_ms = server.ready()?.as_secs_f64() * 1e3;
    let first = Crowd::state(&server, FULL)?.0.as_secs_f64() * 1e3;
    let mut joins = Vec::new();
    let mut bytes = 0;
    for room in 0..FULL {
        let (took, len, _) = Crowd::state(&server, room)?;
        joins.push(took.as_secs_f64() * 1e3);
        bytes = len;
    }
    server.kill_and_restart()?;
    let per_board = settled(&server)?.saturating_sub(empty) as f64 * 1024.0 / FULL as f64;
    joins.sort_by(f64::total_cmp);
    Ok(Figures::from([
        ("accepts_after_ms".to_owned(), accepted_ms),
        ("ready_after_ms".to_owned(), ready_ms),
        ("first_join_empty_ms".to_owned(), first),
        ("first_join_full_p50_ms".to_owned(), joins[FULL / 2]),
        ("first_join_full_max_ms".to_owned(), joins[FULL - 1]),
        ("board_encoded_kb".to_owned(), bytes as f64 / 1e3),
        ("board_memory_per_encoded".to_owned(), per_board / bytes as f64),
    ]))
}

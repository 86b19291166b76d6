//! What was promised, beside what was measured.

use super::{Results, medians};
use crate::server::System;
use crate::workloads::READERS;

/// One promise: what it is, what was promised, what came out, and whether that is enough.
struct Goal {
    figure: &'static str,
    promise: String,
    measured: String,
    met: bool,
}

/// The table; empty where nothing was measured.
pub(super) fn table(results: &Results) -> String {
    let goals: Vec<Goal> = [fanout(results), event(results), joins(results), cold(results)]
        .into_iter()
        .flatten()
        .collect();
    if goals.is_empty() {
        return String::new();
    }
    let mut out = "| figure | goal | measured | |\n| --- | --- | --- | --- |\n".to_owned();
    for Goal { figure, promise, measured, met } in goals {
        let met = if met { "met" } else { "**not met**" };
        out.extend(["| ", figure, " | ", &promise, " | ", &measured, " | ", met, " |\n"]);
    }
    out.push('\n');
    out
}

/// The median of one figure, where it was measured.
fn found(results: &Results, workload: &str, system: System, figure: &str) -> Option<f64> {
    medians(results.workloads.get(workload)?.rounds.get(&system)?).get(figure).copied()
}

#[expect(clippy::cast_precision_loss, reason = "hundreds")]
fn fanout(results: &Results) -> Vec<Goal> {
    let rate = |system| found(results, "fanout", system, "rate");
    let against = [(System::Relay, 2.0), (System::Hocuspocus, 10.0), (System::YWebsocket, 10.0)];
    let goals = against.into_iter().filter_map(|(system, times)| {
        let ratio = rate(System::Sangam)? / rate(system)?;
        Some(Goal {
            figure: "sustained fan-out in one room, stored",
            promise: format!("≥ {times} × {}", system.name()),
            measured: format!("{ratio:.1} ×"),
            met: ratio >= times,
        })
    });
    let mut goals: Vec<Goal> = goals.collect();
    let rates = results.workloads.get("fanout").and_then(|w| w.rates.get(&System::Sangam));
    if let Some((low, high)) = rates.and_then(|rates| rates.iter().next().zip(held(rates))) {
        let cost = |rounds| medians(rounds)["cpu_us_per_edit"];
        goals.push(Goal {
            figure: "CPU per edit as the rate rises",
            promise: "falls".to_owned(),
            measured: format!(
                "{:.0} µs at {}/s, {:.0} µs at {}/s",
                cost(low.1),
                low.0,
                cost(high.1),
                high.0
            ),
            met: cost(high.1) < cost(low.1),
        });
    }
    let cost = |readers: usize| {
        found(results, "growth", System::Sangam, &format!("cpu_us_per_edit_{readers}"))
    };
    let (few, many) = (READERS[0], READERS[READERS.len() - 1]);
    if let (Some(low), Some(high)) = (cost(few), cost(many)) {
        let (cost, people) = (high / low, many as f64 / few as f64);
        goals.push(Goal {
            figure: "CPU per edit as the room grows",
            promise: "no faster than the room".to_owned(),
            measured: format!("{cost:.1} × in a room {people:.0} × as large"),
            met: cost <= people,
        });
    }
    goals
}

type Rates = std::collections::BTreeMap<u32, Vec<crate::workloads::Figures>>;

/// The highest rate that was held.
fn held(rates: &Rates) -> Option<(&u32, &Vec<crate::workloads::Figures>)> {
    rates.iter().rev().find(|(_, rounds)| {
        let figures = medians(rounds);
        figures["lost"] == 0.0 && figures["delivery_p99_ms"] <= crate::workloads::LATE_MS
    })
}

fn event(results: &Results) -> Vec<Goal> {
    let of = |system, figure| found(results, "event", system, figure);
    let (ours, relay) = (|f| of(System::Sangam, f), |f| of(System::Relay, f));
    let mut goals = Vec::new();
    if let (Some(p50), Some(theirs)) = (ours("delivery_p50_ms"), relay("delivery_p50_ms")) {
        goals.push(Goal {
            figure: "delivery at event pace, p50",
            promise: "≤ bare relay + 5 ms".to_owned(),
            measured: format!("{p50:.2} ms, relay {theirs:.2} ms"),
            met: p50 <= theirs + 5.0,
        });
    }
    if let (Some(p99), Some(theirs), Some(fsync)) =
        (ours("delivery_p99_ms"), relay("delivery_p99_ms"), ours("fsync_p99_ms"))
    {
        goals.push(Goal {
            figure: "delivery at event pace, p99",
            promise: "≤ bare relay + one fsync".to_owned(),
            measured: format!("{p99:.2} ms, relay {theirs:.2} ms, fsync {fsync:.2} ms"),
            met: p99 <= theirs + fsync,
        });
    }
    for (system, part) in [(System::Relay, 0.5), (System::Hocuspocus, 0.1)] {
        if let (Some(cpu), Some(theirs)) = (ours("cpu_percent"), of(system, "cpu_percent")) {
            goals.push(Goal {
                figure: "CPU at event pace",
                promise: format!("≤ {part} × {}", system.name()),
                measured: format!("{:.2} × ({cpu:.1} % of a core)", cpu / theirs),
                met: cpu <= part * theirs,
            });
        }
    }
    goals
}

fn joins(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    let after = found(results, "join", System::Sangam, "all_in_step_after_last_ms");
    if let Some(ms) = after {
        goals.push(Goal {
            figure: "500 joiners in step, after the last asked",
            promise: "≤ 1,000 ms".to_owned(),
            measured: format!("{ms:.0} ms"),
            met: ms <= 1_000.0,
        });
    }
    if let Some(kib) = found(results, "idle", System::Sangam, "kib_per_connection") {
        goals.push(Goal {
            figure: "memory per idle connection",
            promise: "≤ 16 KiB".to_owned(),
            measured: format!("{kib:.1} KiB"),
            met: kib <= 16.0,
        });
    }
    goals
}

fn cold(results: &Results) -> Vec<Goal> {
    let rows = [
        ("ready_after_ms", "cold start with 1,000 boards", 200.0, "ms"),
        ("first_join_full_p50_ms", "a board's first join, p50", 50.0, "ms"),
        ("first_join_full_max_ms", "a board's first join, slowest of 40", 50.0, "ms"),
        ("board_memory_per_encoded", "memory of a loaded board of 400 ideas", 3.0, "× encoded"),
    ];
    let goals = rows.into_iter().filter_map(|(name, figure, limit, unit)| {
        let value = found(results, "cold", System::Sangam, name)?;
        Some(Goal {
            figure,
            promise: format!("≤ {limit} {unit}"),
            measured: format!("{value:.1} {unit}"),
            met: value <= limit,
        })
    });
    goals.collect()
}

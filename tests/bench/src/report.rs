//! Medians, ratios, tables and the plot: everything in docs/PERFORMANCE.md that is a number.

use crate::server::System;
use crate::workloads::{FANOUT_PEOPLE, Figures, LATE_MS, is_generators};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Everything that was measured, as it is kept in JSON. Parts that a run leaves out stay as the
/// run before found them, with its date.
#[derive(Default, Serialize, Deserialize)]
pub struct Results {
    /// By workload.
    pub workloads: BTreeMap<String, Workload>,
}

/// One workload's results.
#[derive(Serialize, Deserialize)]
pub struct Workload {
    /// UTC.
    pub date: String,
    /// The command that was run.
    pub command: String,
    /// Where, and with which versions.
    pub machine: Value,
    /// Load average before it: above 0.5, somebody else was at work.
    pub load_before: String,
    /// Every round's figures, by system.
    pub rounds: BTreeMap<System, Vec<Figures>>,
    /// `fanout`: every rate's figures, by system and rate.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<System, BTreeMap<u32, Vec<Figures>>>,
}

impl Results {
    /// What an earlier run has left.
    ///
    /// # Errors
    /// Where the file is there and cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        if !file.exists() {
            return Ok(Self::default());
        }
        Ok(serde_json::from_slice(&std::fs::read(file)?)?)
    }

    /// Writes JSON, plot, and the tables between the markers of a Markdown file.
    ///
    /// # Errors
    /// Where a file cannot be written, or has no markers.
    pub fn write(&self, json: &Path, plot: &Path, markdown: &Path) -> Result<()> {
        for file in [json, plot] {
            std::fs::create_dir_all(file.parent().context("a folder")?)?;
        }
        std::fs::write(json, serde_json::to_string_pretty(self)? + "\n")?;
        if let Some(fanout) = self.workloads.get("fanout") {
            std::fs::write(plot, svg(fanout))?;
        }
        let text = std::fs::read_to_string(markdown)?;
        let (before, rest) = text.split_once(BEGIN).context("the begin marker")?;
        let (_, after) = rest.split_once(END).context("the end marker")?;
        let text = format!("{before}{BEGIN}\n\n{}\n{END}{after}", self.tables());
        std::fs::write(markdown, text)?;
        Ok(())
    }

    /// All tables.
    #[must_use]
    pub fn tables(&self) -> String {
        let mut out = goals::table(self);
        for (name, title, columns) in TABLES {
            if let Some(workload) = self.workloads.get(*name) {
                workload.table(&mut out, title, columns);
                workload.by_rate(&mut out);
            }
        }
        out
    }
}

mod goals;

const BEGIN: &str = "<!-- bench: written by make bench -->";
const END: &str = "<!-- /bench -->";

/// A figure, its heading, and decimals.
type Column = (&'static str, &'static str, usize);

const TABLES: &[(&str, &str, &[Column])] = &[
    (
        "fanout",
        "One room, 100 people who all write: the highest rate held (p99 ≤ 100 ms, nothing lost)",
        &[
            ("rate", "edits/s", 0),
            ("deliveries_per_s", "deliveries/s", 0),
            ("delivery_p50_ms", "p50 ms", 1),
            ("delivery_p99_ms", "p99 ms", 1),
            ("delivery_p999_ms", "p99.9 ms", 1),
            ("ack_p99_ms", "ack p99 ms", 1),
            ("cpu_percent", "CPU %", 0),
            ("cpu_us_per_edit", "CPU µs/edit", 0),
            ("peak_mib", "peak MiB", 0),
            ("lost", "lost", 0),
            ("own_lag_p99_ms", "generator's lag p99 ms", 1),
        ],
    ),
    ("event", "Five rooms of 40 at event pace: 2 edits/s each, carets shown", TYPING),
    ("rooms", "200 rooms of 10 at event pace", TYPING),
    ("join", "500 people open a board of 400 ideas and 20 plans within one second", JOIN),
    ("text", "50 people open a text of 259,778 operations within one second", JOIN),
    (
        "growth",
        "One room, 20 people write 200 edits a second, ever more read: CPU µs/edit",
        &[
            ("cpu_us_per_edit_50", "50", 0),
            ("cpu_us_per_edit_100", "100", 0),
            ("cpu_us_per_edit_200", "200", 0),
            ("cpu_us_per_edit_400", "400", 0),
            ("lost_400", "lost", 0),
        ],
    ),
    (
        "idle",
        "5,000 idle connections in ten rooms",
        &[
            ("kib_per_connection", "KiB each", 1),
            ("cpu_percent", "CPU %", 2),
            ("peak_mib", "peak MiB", 0),
        ],
    ),
    (
        "cold",
        "Cold start with 1,000 boards, 40 of them with 400 ideas and 20 plans",
        &[
            ("accepts_after_ms", "accepts after ms", 0),
            ("ready_after_ms", "ready after ms", 0),
            ("first_join_empty_ms", "first join, empty board, ms", 1),
            ("first_join_full_p50_ms", "full board, p50 ms", 1),
            ("first_join_full_max_ms", "slowest of 40, ms", 1),
            ("board_encoded_kb", "board, encoded, kB", 1),
            ("board_memory_per_encoded", "memory / encoded", 2),
        ],
    ),
];

const TYPING: &[Column] = &[
    ("deliveries_per_s", "deliveries/s", 0),
    ("delivery_p50_ms", "p50 ms", 1),
    ("delivery_p90_ms", "p90 ms", 1),
    ("delivery_p99_ms", "p99 ms", 1),
    ("delivery_p999_ms", "p99.9 ms", 1),
    ("ack_p50_ms", "ack p50 ms", 1),
    ("ack_p99_ms", "ack p99 ms", 1),
    ("cpu_percent", "CPU %", 1),
    ("sent_mb", "sent MB", 1),
    ("peak_mib", "peak MiB", 0),
    ("lost", "lost", 0),
    ("own_lag_p99_ms", "generator's lag p99 ms", 1),
];

const JOIN: &[Column] = &[
    ("join_p50_ms", "p50 ms", 1),
    ("join_p99_ms", "p99 ms", 1),
    ("all_in_step_after_last_ms", "all in step after the last, ms", 0),
    ("cpu_s", "CPU s", 2),
    ("state_kb", "state kB", 1),
    ("sent_mb", "sent MB", 1),
    ("peak_mib", "peak MiB", 0),
];

/// The median of each figure.
#[must_use]
pub fn medians(rounds: &[Figures]) -> Figures {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, value) in rounds.iter().flatten() {
        values.entry(name).or_default().push(*value);
    }
    values
        .into_iter()
        .map(|(name, mut all)| {
            all.sort_by(f64::total_cmp);
            (name.to_owned(), all[all.len() / 2])
        })
        .collect()
}

impl Workload {
    fn table(&self, out: &mut String, title: &str, columns: &[Column]) {
        let rounds = self.rounds.values().map(Vec::len).max().unwrap_or(0);
        let mut line = |cells: Vec<String>| {
            let row = cells.join(" | ");
            out.extend([
                "| ", &row, " |
",
            ]);
        };
        let mut head = vec![title.to_owned()];
        head.extend(columns.iter().map(|(_, heading, _)| (*heading).to_owned()));
        line(head);
        line(
            (0..=columns.len()).map(|at| if at == 0 { "---" } else { "---:" }.to_owned()).collect(),
        );
        let ours = self.rounds.get(&System::Sangam).map(|rounds| medians(rounds));
        for (system, rounds) in &self.rounds {
            let theirs = medians(rounds);
            let mut cells = vec![system.name().to_owned()];
            if is_generators(&theirs) {
                cells[0].push_str(" †");
            }
            for (figure, _, decimals) in columns {
                cells.push(match theirs.get(*figure) {
                    None => "–".to_owned(),
                    Some(value) => {
                        let shown = format!("{value:.decimals$}");
                        let ratio = ours.as_ref().and_then(|ours| ours.get(*figure));
                        match ratio.filter(|_| *system != System::Sangam && *value > 0.0) {
                            Some(ours) => format!("{shown} ({})", times(ours / value)),
                            None => shown,
                        }
                    }
                });
            }
            line(cells);
        }
        let text = |key: &str| self.machine[key].to_string().replace('"', "");
        let machine = format!(
            "\n{}, `{}`, median of {rounds}, load before {}; {} cores of {}, Linux {}, {}, {}; \
             {}; npm {}. In brackets: ours ÷ theirs.\n\n",
            self.date,
            self.command,
            self.load_before,
            text("cores"),
            text("cpu"),
            text("kernel"),
            text("rustc"),
            text("sangam"),
            format_args!("Node {}", text("node")),
            text("npm"),
        );
        out.push_str(&machine);
        if self.rounds.values().any(|rounds| is_generators(&medians(rounds))) {
            out.push_str(
                "† The generator was at its limit: the server may do better than this.\n\n",
            );
        }
    }

    /// `fanout`: how the cost of an edit falls as the rate rises.
    fn by_rate(&self, out: &mut String) {
        if self.rates.is_empty() {
            return;
        }
        out.push_str(
            "| edits/s | system | p50 ms | p99 ms | CPU µs/edit | frames/delivery | lost |\n",
        );
        out.push_str("| ---: | --- | ---: | ---: | ---: | ---: | ---: |\n");
        for (system, rates) in &self.rates {
            for (rate, rounds) in rates {
                let found = medians(rounds);
                let mark = if is_generators(&found) { " †" } else { "" };
                let row = format!(
                    "| {rate} | {}{mark} | {:.1} | {:.1} | {:.0} | {:.3} | {} |\n",
                    system.name(),
                    found["delivery_p50_ms"],
                    found["delivery_p99_ms"],
                    found["cpu_us_per_edit"],
                    found["messages_per_delivery"],
                    found["lost"],
                );
                out.push_str(&row);
            }
        }
        out.push('\n');
    }
}

fn times(ratio: f64) -> String {
    let decimals = if ratio >= 10.0 { 0 } else { 2 };
    format!("{ratio:.decimals$}×")
}

/// Colour and dashes of each line: told apart by dashes and labels too, not by colour alone.
const LOOKS: [(&str, &str); 5] =
    [("#0b5", ""), ("#333", "6 3"), ("#06c", "2 3"), ("#a50", "8 3 2 3"), ("#808", "1 4")];

/// Delivery p99 against rate, both on logarithmic axes.
fn svg(fanout: &Workload) -> String {
    const WIDTH: f64 = 820.0;
    const HEIGHT: f64 = 460.0;
    const LEFT: f64 = 70.0;
    const RIGHT: f64 = 150.0;
    const TOP: f64 = 40.0;
    const BOTTOM: f64 = 60.0;
    let x = |rate: f64| LEFT + (rate / 200.0).log10() / 2.5 * (WIDTH - LEFT - RIGHT);
    let y = |ms: f64| {
        HEIGHT - BOTTOM - (ms.clamp(0.1, 10_000.0) / 0.1).log10() / 5.0 * (HEIGHT - TOP - BOTTOM)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>Delivery p99 against edits per second \
         in one room of {FANOUT_PEOPLE}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut add = |text: String| out.push_str(&(text + "\n"));
    for ms in [0.1, 1.0, 10.0, LATE_MS, 1_000.0, 10_000.0] {
        let stroke = if ms == LATE_MS { "#b00" } else { "#ddd" };
        add(format!(
            "<line x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"{stroke}\"/>\
             <text x=\"{2:.0}\" y=\"{3:.1}\" text-anchor=\"end\">{ms} ms</text>",
            WIDTH - RIGHT,
            y(ms),
            LEFT - 6.0,
            y(ms) + 4.0
        ));
    }
    for rate in [250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0, 32_000.0, 64_000.0] {
        if x(rate) <= WIDTH - RIGHT {
            add(format!(
                "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{rate}</text>",
                x(rate),
                HEIGHT - BOTTOM + 18.0
            ));
        }
    }
    add(format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">edits per second, all writers together</text>\
         <text x=\"{LEFT}\" y=\"{:.0}\">delivery, p99; above the red line a server does not keep up</text>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 16.0,
        TOP - 16.0
    ));
    for ((system, rates), (colour, dashes)) in fanout.rates.iter().zip(LOOKS) {
        let points: Vec<(f64, f64)> = rates
            .iter()
            .map(|(rate, rounds)| (x(f64::from(*rate)), y(medians(rounds)["delivery_p99_ms"])))
            .collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        add(format!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\" \
             points=\"{}\"/>",
            line.join(" ")
        ));
        if let Some((x, y)) = points.last() {
            add(format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                x + 6.0,
                y + 4.0,
                system.name()
            ));
        }
    }
    out + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_of_each_figure_by_itself() {
        let round = |a: f64, b: f64| Figures::from([("a".into(), a), ("b".into(), b)]);
        let found = medians(&[round(1.0, 9.0), round(2.0, 8.0), round(3.0, 7.0)]);
        assert_eq!((found["a"], found["b"]), (2.0, 8.0));
    }

    #[test]
    fn a_ratio_is_ours_to_theirs() {
        assert_eq!(times(4.0 / 2.0), "2.00×");
        assert_eq!(times(120.0 / 4.0), "30×");
    }
}

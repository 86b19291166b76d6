//! `make bench`: an open-loop load on this server and on what people would use in its place,
//! interleaved, each on a core of its own. docs/PERFORMANCE.md says how, and what came out.

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use sangam_bench::report::{Results, Workload};
use sangam_bench::server::{self, System};
use sangam_bench::{plain_yrs, relay, workloads};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::TcpListener;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, and write the report
    Run(RunArgs),
    /// The bare relay
    Relay { listen: SocketAddr },
    /// The plain yrs server
    PlainYrs { listen: SocketAddr },
}

#[derive(Args)]
struct RunArgs {
    /// Workloads, with commas between; all where none is named
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Systems, with commas between: sangam, relay, plain-yrs, y-websocket, hocuspocus
    #[arg(long, value_delimiter = ',')]
    systems: Vec<String>,
    /// How often each is measured
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// In `fanout`: the grid's point to begin at, 250 edits a second times 2 for each two points
    #[arg(long)]
    from: Option<i32>,
    /// Print the tables and write nothing into docs/
    #[arg(long)]
    dry: bool,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::Relay { listen } => {
            one_thread()?.block_on(async { relay::serve(TcpListener::bind(listen).await?).await })
        }
        Command::PlainYrs { listen } => one_thread()?
            .block_on(async { plain_yrs::serve(TcpListener::bind(listen).await?).await }),
    }
}

/// A server that is bound to one core is fastest with one thread.
fn one_thread() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn run(args: &RunArgs) -> Result<()> {
    let names: Vec<&str> = if args.only.is_empty() {
        workloads::ALL.to_vec()
    } else {
        args.only.iter().map(String::as_str).collect()
    };
    if let Some(unknown) = names.iter().find(|name| !workloads::ALL.contains(name)) {
        bail!("there is no workload {unknown:?}; there are {}", workloads::ALL.join(", "));
    }
    let wanted = |system: &System| {
        let name = serde_json::to_value(system).unwrap_or_default();
        args.systems.is_empty() || args.systems.iter().any(|known| name == known.as_str())
    };
    let systems: Vec<System> = System::ALL.into_iter().filter(wanted).collect();
    if systems.is_empty() {
        bail!("there is no such system: {}", args.systems.join(", "));
    }
    let json = Path::new("docs/performance/results.json");
    let mut results = if args.dry { Results::default() } else { Results::read(json)? };
    let machine = server::machine()?;
    for name in names {
        eprintln!("── {name}");
        let load = std::fs::read_to_string("/proc/loadavg")?;
        let (rounds, rates) = measure(name, &systems, args)?;
        let command = if args.only.is_empty() {
            "make bench".to_owned()
        } else {
            format!("make bench ONLY={name}")
        };
        let workload = Workload {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            command,
            machine: machine.clone(),
            load_before: load.split(' ').next().unwrap_or_default().to_owned(),
            rounds,
            rates,
        };
        results.workloads.insert(name.to_owned(), workload);
        if !args.dry {
            let plot = Path::new("docs/performance/latency.svg");
            results.write(json, plot, Path::new("docs/PERFORMANCE.md"))?;
        }
    }
    println!("{}", results.tables());
    Ok(())
}

type Rounds = BTreeMap<System, Vec<workloads::Figures>>;
type Rates = BTreeMap<System, BTreeMap<u32, Vec<workloads::Figures>>>;

/// All rounds of one workload, the systems in turn, so that a change of the machine meets all.
fn measure(name: &str, systems: &[System], args: &RunArgs) -> Result<(Rounds, Rates)> {
    let work = Path::new("target/bench");
    let mut rounds = Rounds::new();
    let mut rates = Rates::new();
    let mut held: BTreeMap<System, i32> = BTreeMap::new();
    for round in 0..args.rounds {
        for &system in systems {
            let seed = 1_000 * round + 1;
            let failed = || format!("{} in {name}, round {round}", system.name());
            if name != "fanout" {
                if let Some(figures) =
                    workloads::round(name, system, work, seed).with_context(failed)?
                {
                    eprintln!("{:<12} {figures:.2?}", system.name());
                    rounds.entry(system).or_default().push(figures);
                }
                continue;
            }
            let by_rate = rates.entry(system).or_default();
            let mut best = workloads::Figures::new();
            let found = workloads::fanout(
                system,
                held.get(&system).copied().or(args.from.map(|point| point + 1)),
                work,
                seed,
                |rate, mut figures| {
                    let p99 = figures["delivery_p99_ms"];
                    eprintln!(
                        "{:<12} {rate:>6} edits/s: p50 {:.1} ms, p99 {p99:.1} ms, CPU {:.0} %, lost {}; \
                         generator: CPU {:.0} %, lag {:.1} ms, turn {:.1} ms{}",
                        system.name(),
                        figures["delivery_p50_ms"],
                        figures["cpu_percent"],
                        figures["lost"],
                        figures["own_cpu_percent"],
                        figures["own_lag_p99_ms"],
                        figures["own_turn_p99_ms"],
                        if workloads::is_generators(&figures) { " (its limit)" } else { "" },
                    );
                    figures.insert("rate".to_owned(), rate);
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole")]
                    by_rate.entry(rate as u32).or_default().push(figures.clone());
                    let keeps_up = figures["lost"] == 0.0 && p99 <= workloads::LATE_MS;
                    if keeps_up && best.get("rate").is_none_or(|known| *known < rate) {
                        best = figures;
                    }
                },
            )
            .with_context(failed)?;
            if let Some(point) = found {
                held.insert(system, point.max(1));
                rounds.entry(system).or_default().push(best);
            }
        }
    }
    Ok((rounds, rates))
}

//! `infomax mi staircase`.

use super::mi_staircase_report::{print, write};
use super::train::stop_on_ctrl_c;
use super::{CliError, INTERRUPTED, bar};
use crate::mi::staircase::{Climb, CriticKind, Objective, Run, Staircase, Store, Watch, climb_all};
use crate::nn::AdamConfig;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};

#[derive(Debug, Args)]
#[command(after_help = "\
A critic meets a fresh batch of correlated normal vectors at every step; their mutual information rises level by level.
Bias, variance and mean squared error are of the batches' values over the second half of each level's steps.

The defaults are the published settings (Poole et al. 2019): about twenty seconds of one core for each objective with the
separable critic, four minutes with the concat critic. Finished ones are kept in the folder and not trained again.

Examples:
  infomax mi staircase
  infomax mi staircase --objectives infonce,nwj,smile-5 --critic both --seeds 3
  infomax mi staircase --dim 5 --levels 0.5,1,2 --steps-per-level 500 --out runs/short")]
pub(super) struct StaircaseArgs {
    /// Network that scores pairs
    #[arg(long, value_enum, default_value_t = Critics::Separable)]
    critic: Critics,
    /// Objectives: dv, mine, nwj, tuba, js, infonce, smile-τ, i-alpha-α, i-alpha-learned-α, flo [default: all of them]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", value_parser = parse_objective)]
    objectives: Vec<Objective>,
    /// Cube y, which leaves the mutual information as it is
    #[arg(long)]
    cubic: bool,
    /// Numbers in x and in y: 5, 10, 20 or 50
    #[arg(long, default_value_t = 20)]
    dim: usize,
    /// Mutual information of each level, nats
    #[arg(long, value_delimiter = ',', default_values_t = [2.0, 4.0, 6.0, 8.0, 10.0], value_name = "NATS")]
    levels: Vec<f64>,
    /// Steps on each level
    #[arg(long, default_value_t = 4000)]
    steps_per_level: usize,
    /// Pairs a step
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Learning rate of Adam
    #[arg(long, default_value_t = 5e-4)]
    lr: f64,
    /// Runs of each objective
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Seed of the first run; the others' follow
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder of curves, table, picture and finished runs
    #[arg(long, default_value = "runs/staircase", value_name = "DIR")]
    out: PathBuf,
    /// Print a JSON object for each critic and objective
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Critics {
    /// Two perceptrons and a dot product
    Separable,
    /// One perceptron on both, all pairs
    Concat,
    /// One after the other
    Both,
}

impl Critics {
    fn kinds(self) -> &'static [CriticKind] {
        match self {
            Self::Separable => &[CriticKind::Separable],
            Self::Concat => &[CriticKind::Concat],
            Self::Both => &[CriticKind::Concat, CriticKind::Separable],
        }
    }
}

fn parse_objective(name: &str) -> Result<Objective, String> {
    name.parse().map_err(|e: crate::mi::MiError| e.to_string())
}

/// Passes steps on to the thread that shows them, and keeps what is finished.
struct Keeper<'a> {
    store: &'a Store,
    stairs: &'a Staircase,
    news: Sender<u64>,
    stop: &'a AtomicBool,
}

impl Watch for Keeper<'_> {
    type Error = CliError;

    fn advanced(&self, steps: usize) {
        // The other end is there until all is done.
        let _ = self.news.send(steps as u64);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn finished(&self, climb: Climb) -> Result<(), CliError> {
        self.store.save(self.stairs, &climb).map_err(|e| CliError::Failed(e.to_string()))
    }
}

pub(super) fn run(args: &StaircaseArgs) -> Result<ExitCode, CliError> {
    let stairs = Staircase {
        dim: args.dim,
        batch: args.batch,
        levels: args.levels.clone(),
        steps_per_level: args.steps_per_level,
        cubic: args.cubic,
        adam: AdamConfig { lr: args.lr, ..Staircase::default().adam },
    };
    let mut objectives: Vec<Objective> = Vec::new();
    let named = if args.objectives.is_empty() { &Objective::ALL[..] } else { &args.objectives };
    for &objective in named {
        if !objectives.contains(&objective) {
            objectives.push(objective);
        }
    }
    stairs.check(&objectives)?;
    let mut runs = Vec::new();
    for &critic in args.critic.kinds() {
        for &objective in &objectives {
            runs.extend((0..args.seeds).map(|s| Run { critic, objective, seed: args.seed.wrapping_add(s) }));
        }
    }
    let store = Store::new(args.out.join("runs"));
    let load = |run: &Run| store.load(&stairs, *run).map_err(|e| CliError::Failed(e.to_string()));
    let mut missing = Vec::new();
    for run in &runs {
        if load(run)?.is_none() {
            missing.push(*run);
        }
    }
    if !missing.is_empty() {
        if !args.quiet && missing.len() < runs.len() {
            eprintln!("{} of {} runs are finished already", runs.len() - missing.len(), runs.len());
        }
        let stop = stop_on_ctrl_c("stopping; finished runs are kept, and the same command goes on with the others");
        train(&stairs, &missing, &store, &stop, args.quiet)?;
        if stop.load(Ordering::Relaxed) {
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    let climbs: Vec<Climb> = runs.iter().map(load).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let files = write(&args.out, &stairs, &climbs)?;
    print(&stairs, &climbs, &files, args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs what is missing, with progress.
fn train(stairs: &Staircase, runs: &[Run], store: &Store, stop: &AtomicBool, quiet: bool) -> Result<(), CliError> {
    let mut progress = bar::progress(quiet);
    let what = if runs.len() == 1 { "1 run".to_owned() } else { format!("{} runs", runs.len()) };
    progress.task_begins(&what, (runs.len() * stairs.steps()) as u64);
    let (news, heard) = channel();
    let done = std::thread::scope(|scope| {
        let keeper = Keeper { store, stairs, news, stop };
        let work = scope.spawn(move || climb_all(stairs, runs, &keeper));
        // Ends when the keeper is dropped.
        heard.iter().for_each(|steps| progress.task_advances(steps));
        work.join()
    });
    progress.task_ends();
    match done {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

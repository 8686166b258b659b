//! `infomax experiment run`.

use super::cache::CacheArgs;
use super::experiment::{ChoiceArgs, OUT, plan_table, write_and_print};
use super::experiment_utility_run::{self, UtilityRunArgs};
use super::train::stop_on_ctrl_c;
use super::{CliError, INTERRUPTED, bar, images};
use crate::dim::build;
use crate::experiment::{
    Budget, Definition, Ended, ExperimentError, Grid, Images, Plan, UTILITY, check_fine_tuning, resolve,
};
use crate::train::{DataConfig, RunConfig, TrainError};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax experiment run table1-cifar10                        smoke: all rows, on the sample that ships
  infomax experiment run table1-cifar10 --budget quick --data-dir DIR --seeds 0..3
  infomax experiment run negatives --set epochs=1 --set model.adam.lr=1e-4 --rows infonce-1,jsd-1
  infomax experiment run gamma --budget paper --dry-run        what would be run
  infomax experiment run gamma --resume                        go on with the latest that was stopped
  infomax experiment run gamma --resume=runs/experiments/NAME
  infomax experiment run utility --budget quick                how many labels pretraining saves, on scenes rendered here
  infomax experiment run utility --data fashion_mnist          the same on a real data set
  infomax experiment run utility --task depth --variant T--L --mode frozen --rows scratch,dim-l

Each run makes a new folder in OUT. A cell (row and seed) that is finished is never run again, and a grid that was stopped,
also by a power cut, ends with the results of one that was not, bit for bit. --set comes before what rows change.")]
pub(super) struct RunArgs {
    /// The experiment
    pub name: String,
    /// How much is spent [default: smoke]
    #[arg(long, value_enum)]
    pub budget: Option<Budget>,
    #[command(flatten)]
    pub choice: ChoiceArgs,
    #[command(flatten)]
    pub utility: UtilityRunArgs,
    /// Go on with this grid, or the latest unfinished one; its own settings hold
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub resume: Option<Option<PathBuf>>,
    /// Say what would be run, and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Folder of the grids
    #[arg(long, value_name = "DIR", default_value = OUT)]
    pub out: PathBuf,
    #[command(flatten)]
    pub cache: CacheArgs,
    /// Print the results as JSON
    #[arg(long)]
    pub json: bool,
    /// No progress
    #[arg(short, long)]
    pub quiet: bool,
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, CliError> {
    if args.name == UTILITY {
        return experiment_utility_run::run(args);
    }
    args.utility.refuse(&args.name)?;
    let definition = Definition::named(&args.name)?;
    let (grid, plan) = match &args.resume {
        Some(path) => {
            let grid = resumed(args, path.as_ref())?;
            let plan = grid.plan.clone();
            (Some(grid), plan)
        }
        None => (None, resolve(&definition, args.budget.unwrap_or(Budget::Smoke), &args.choice.choice())?),
    };
    if !args.quiet {
        plan.kept.iter().for_each(|kept| eprintln!("note: {kept}"));
    }
    if args.dry_run {
        return dry_run(args, &definition, grid.as_ref(), &plan).map(|()| ExitCode::SUCCESS);
    }
    let mut data = Data { cache: &args.cache, last: None };
    let grid = match grid {
        Some(mut grid) => {
            grid.work(&command())?;
            grid
        }
        None => {
            check(&plan, &mut data)?;
            Grid::create(&args.out, plan, definition, &command())?
        }
    };
    if !args.quiet {
        eprintln!("grid: {}", grid.path().display());
    }
    let mut progress = bar::progress(args.quiet);
    let stop = stop_on_ctrl_c("stopping after this step or probe; Ctrl-C again to stop at once");
    let ended = grid.run::<CliError>(
        &mut |config| data.images(config),
        &mut |cell, finished| {
            if !args.quiet {
                let state = if finished { ": finished before" } else { "" };
                eprintln!("cell {} of {}: {}, seed {}{state}", cell.number, cell.of, cell.row.name, cell.seed);
            }
        },
        &mut *progress,
        &stop,
    )?;
    if ended == Ended::Interrupted {
        let (name, path) = (&args.name, grid.path().display());
        eprintln!("stopped; everything so far is saved. Go on with: infomax experiment run {name} --resume={path}");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    write_and_print(&grid, args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// The grid to go on with.
fn resumed(args: &RunArgs, path: Option<&PathBuf>) -> Result<Grid, CliError> {
    if !args.choice.is_empty() {
        let text = "--resume goes on with a grid's own settings; leave out --set, --seeds, --rows and --data-dir";
        return Err(CliError::Usage(text.into()));
    }
    if let Some(path) = path {
        let grid = Grid::open(path)?;
        if grid.plan.experiment != args.name || args.budget.is_some_and(|b| b != grid.plan.budget) {
            let (path, plan) = (path.display(), &grid.plan);
            return Err(CliError::Usage(format!(
                "{path} is a grid of {} with the {} budget",
                plan.experiment, plan.budget
            )));
        }
        return Ok(grid);
    }
    for path in Grid::find(&args.out, &args.name, args.budget)?.into_iter().rev() {
        let grid = Grid::open(&path)?;
        if !grid.is_finished()? {
            return Ok(grid);
        }
    }
    Err(ExperimentError::NoGrid { what: "unfinished grid", name: args.name.clone(), root: args.out.clone() }.into())
}

/// What would be run.
fn dry_run(args: &RunArgs, definition: &Definition, grid: Option<&Grid>, plan: &Plan) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    if args.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(plan).map_err(std::io::Error::from)?)?);
    }
    writeln!(out, "{} with the {} budget\n\n{}", plan.experiment, plan.budget, plan_table(plan)?.to_text())?;
    writeln!(out, "cost of one seed of all rows: {}", definition.budget(plan.budget)?.cost)?;
    let cells = plan.rows.len() * plan.seeds.len();
    match grid {
        Some(grid) => {
            let done = grid.results()?.len();
            writeln!(out, "{cells} cells, {done} of them finished, in {}", grid.path().display())?;
        }
        None => writeln!(out, "{cells} cells; nothing was run and nothing written")?,
    }
    Ok(())
}

/// Says what is wrong with any row before the work on the first begins.
fn check(plan: &Plan, data: &mut Data<'_>) -> Result<(), CliError> {
    for row in &plan.rows {
        build(&row.run.model, row.run.seed).map_err(TrainError::from)?;
        let images = data.images(&row.run)?;
        if row.run.batch > images.train.len() {
            let (batch, name) = (row.run.batch, images.train.name().to_owned());
            return Err(crate::data::DataError::Batch { batch, images: images.train.len(), name }.into());
        }
        check_fine_tuning(row, &images)?;
    }
    Ok(())
}

/// The images of cells; those of the last one are kept for the next.
struct Data<'a> {
    cache: &'a CacheArgs,
    last: Option<(DataConfig, u64, Images)>,
}

impl Data<'_> {
    fn images(&mut self, config: &RunConfig) -> Result<Images, CliError> {
        if let Some((data, seed, images)) = &self.last
            && *data == config.data
            && (*seed == config.seed || !data.stream)
        {
            return Ok(images.clone());
        }
        let train = images::open(&config.data, self.cache)?;
        let test = images::held_out(&config.data, self.cache)?;
        train.check_alike(&test)?;
        let probed = images::probed(&train, config.seed)?;
        let images = Images { train, probed, test: Arc::new(test) };
        self.last = Some((config.data.clone(), config.seed, images.clone()));
        Ok(images)
    }
}

/// The command line, so that a shell reads it back.
pub(super) fn command() -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+@%".contains(c);
    let quoted = |a: String| {
        if !a.is_empty() && a.chars().all(plain) { a } else { format!("'{}'", a.replace('\'', r"'\''")) }
    };
    let arguments = std::env::args_os().skip(1).map(|a| quoted(a.to_string_lossy().replace('\n', " ")));
    std::iter::once("infomax".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

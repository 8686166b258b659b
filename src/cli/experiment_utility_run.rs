//! `infomax experiment run utility`, and what `list`, `show` and `report` say of it.

use super::experiment::ChoiceArgs;
use super::experiment_run::{RunArgs, command};
use super::train::stop_on_ctrl_c;
use super::{CliError, INTERRUPTED, bar};
use crate::data::{Card, ImageSet, Split};
use crate::dim::EncoderKind;
use crate::experiment::{
    Budget, Ended, ExperimentError, Start, UTILITY, UtilityChoice, UtilityData, UtilityDefinition, UtilityGrid,
    UtilityPlan, resolve_utility, write_utility_report,
};
use crate::report::{Align, Table, utility_reading};
use crate::transfer::{Mode, Task};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Options of `run` and `show` that only the study of utility has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of the study of utility alone")]
pub(super) struct UtilityRunArgs {
    /// Tasks, with commas: classification, pose, segmentation, depth [default: the budget's]
    #[arg(long, value_name = "TASK", value_delimiter = ',')]
    task: Vec<String>,
    /// What varies from scene to scene: letters of TCVL, or - for nothing [default: TCVL]
    #[arg(long, value_name = "LETTERS", allow_hyphen_values = true)]
    variant: Option<String>,
    /// How much of the encoder learns a task: fine-tune, fine-tune-conv (with a head on the last convolution, for tasks of
    /// whole images), frozen or linear [default: fine-tune]
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// Classification of a real data set instead of scenes, with the encoder that fits its images
    #[arg(long, value_name = "NAME")]
    data: Option<String>,
    /// One arm more, which begins from the checkpoint of a run: a name, and a run's folder or a file; again for more
    #[arg(long, value_name = "ARM=RUN")]
    checkpoint: Vec<String>,
}

impl UtilityRunArgs {
    fn is_empty(&self) -> bool {
        let Self { task, variant, mode, data, checkpoint } = self;
        task.is_empty() && variant.is_none() && mode.is_none() && data.is_none() && checkpoint.is_empty()
    }

    /// Other experiments have none of these.
    pub(super) fn refuse(&self, name: &str) -> Result<(), CliError> {
        if self.is_empty() {
            return Ok(());
        }
        let text = format!("--task, --variant, --mode, --data and --checkpoint are of {UTILITY}, not of {name}");
        Err(CliError::Usage(text))
    }

    /// What is chosen; --set comes last, so that it has the last word.
    fn choice(&self, shared: &ChoiceArgs) -> Result<UtilityChoice, CliError> {
        let mut choice = shared.choice();
        let mut overrides = Vec::new();
        let mut tasks = self.task.clone();
        if let Some(data) = &self.data {
            let encoder = fitting(data, choice.data_dir.as_deref())?;
            overrides.push(format!("data.source={}", json!(data)));
            overrides.push(format!("model.encoder={}", json!(encoder)));
            if tasks.is_empty() {
                tasks.push(Task::Classification.name().to_owned());
            }
        }
        if let Some(variant) = &self.variant {
            overrides.push(format!("scenes.variant={}", json!(variant)));
        }
        if let Some(mode) = &self.mode {
            if !Mode::ALL.iter().any(|m| m.name() == mode) {
                let known = Mode::ALL.map(Mode::name).join(", ");
                return Err(CliError::Failed(format!("there is no mode {mode:?}; modes are {known}")));
            }
            overrides.push(format!("tune.mode={}", json!(mode)));
        }
        overrides.append(&mut choice.overrides);
        choice.overrides = overrides;
        let checkpoint = |text: &String| match text.split_once('=') {
            Some((arm, path)) if !arm.is_empty() && !path.is_empty() => Ok((arm.to_owned(), PathBuf::from(path))),
            _ => Err(CliError::Usage(format!(
                "--checkpoint {text:?} is not of the form ARM=RUN, such as mine=runs/NAME"
            ))),
        };
        let checkpoints = self.checkpoint.iter().map(checkpoint).collect::<Result<_, _>>()?;
        Ok(UtilityChoice { choice, tasks, checkpoints })
    }
}

/// The encoder for the images of a data set.
fn fitting(data: &str, dir: Option<&Path>) -> Result<EncoderKind, CliError> {
    let image = match Card::named(data)? {
        Some(card) => [card.channels, card.height as usize, card.width as usize],
        None => {
            let set = ImageSet::load(data, Split::Test, dir)?;
            [set.channels, set.height, set.width]
        }
    };
    EncoderKind::for_image(image).ok_or_else(|| {
        CliError::Failed(format!(
            "{data} has images of {image:?} (channels, height, width); encoders take [3, 64, 64], [3, 32, 32] or [1, 28, 28]"
        ))
    })
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, CliError> {
    let definition = UtilityDefinition::shipped()?;
    let resumed = args.resume.as_ref().map(|path| resumed(args, path.as_ref())).transpose()?;
    let plan = match &resumed {
        Some(grid) => grid.plan.clone(),
        None => {
            let choice = args.utility.choice(&args.choice)?;
            resolve_utility(&definition, args.budget.unwrap_or(Budget::Smoke), &choice)?
        }
    };
    if args.dry_run {
        return dry_run(args, &definition, resumed.as_ref(), &plan).map(|()| ExitCode::SUCCESS);
    }
    let mut progress = bar::progress(args.quiet);
    let mut load = |source: &str, split, dir: Option<&Path>| args.cache.load(source, split, dir);
    let mut resumed = resumed;
    if let Some(grid) = &mut resumed {
        grid.work(&command())?;
    }
    // Scenes lie beside the grids, for all of them.
    let root = resumed.as_ref().and_then(|grid| grid.path().parent()).unwrap_or(&args.out).to_owned();
    let data = UtilityData::load::<CliError>(&plan, &root, &mut load, &mut *progress)?;
    let grid = match resumed {
        Some(grid) => grid,
        None => UtilityGrid::create(&args.out, plan, definition, &command())?,
    };
    if !args.quiet {
        eprintln!("grid: {}", grid.path().display());
    }
    let stop = stop_on_ctrl_c("stopping after this step; Ctrl-C again to stop at once");
    let ended = grid.run(
        &data,
        &mut |cell, finished| {
            if !args.quiet {
                let state = if finished { ": finished before" } else { "" };
                eprintln!(
                    "cell {} of {}: {}, {}, {} labels, seed {}{state}",
                    cell.number, cell.of, cell.task, cell.arm.id, cell.labels, cell.seed
                );
            }
        },
        &mut *progress,
        &stop,
    )?;
    if ended == Ended::Interrupted {
        let path = grid.path().display();
        eprintln!("stopped; everything so far is saved. Go on with: infomax experiment run {UTILITY} --resume={path}");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    write_and_print(&grid, args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// The study to go on with.
fn resumed(args: &RunArgs, path: Option<&PathBuf>) -> Result<UtilityGrid, CliError> {
    if !args.choice.is_empty() || !args.utility.is_empty() {
        let text = "--resume goes on with a study's own settings; leave out what changes them";
        return Err(CliError::Usage(text.into()));
    }
    if let Some(path) = path {
        let grid = UtilityGrid::open(path)?;
        if args.budget.is_some_and(|b| b != grid.plan.budget) {
            return Err(CliError::Usage(format!("{} has the {} budget", path.display(), grid.plan.budget)));
        }
        return Ok(grid);
    }
    for path in UtilityGrid::find(&args.out, args.budget)?.into_iter().rev() {
        let grid = UtilityGrid::open(&path)?;
        if !grid.is_finished()? {
            return Ok(grid);
        }
    }
    Err(ExperimentError::NoGrid { what: "unfinished grid", name: UTILITY.into(), root: args.out.clone() }.into())
}

fn dry_run(
    args: &RunArgs,
    definition: &UtilityDefinition,
    grid: Option<&UtilityGrid>,
    plan: &UtilityPlan,
) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    if args.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(plan).map_err(std::io::Error::from)?)?);
    }
    let settings = &plan.settings;
    let mut table = Table::new(&[("arm", Align::Left), ("name", Align::Left), ("pretraining", Align::Left)]);
    for arm in &plan.arms {
        let start = match &arm.start {
            Start::Scratch => "none".to_owned(),
            Start::Pretrain(run) => format!("{} epochs, once a seed", run.epochs),
            Start::Checkpoint(path) => path.display().to_string(),
        };
        table.push([&arm.id, &arm.name, &start])?;
    }
    let names = |all: Vec<String>| all.join(", ");
    writeln!(out, "{UTILITY} with the {} budget, {}\n\n{}", plan.budget, settings.tune.mode, table.to_text())?;
    writeln!(out, "tasks: {}", names(settings.tasks.iter().map(Task::to_string).collect()))?;
    let steps = |&n: &usize| {
        if settings.tune.mode == Mode::Linear {
            n.to_string()
        } else {
            format!("{n} ({} steps)", settings.tune.steps_of(n))
        }
    };
    writeln!(out, "labels: {}", names(settings.labels.iter().map(steps).collect()))?;
    writeln!(out, "seeds: {}", names(plan.seeds.iter().map(u64::to_string).collect()))?;
    writeln!(out, "cost of one seed: {}", definition.budget(plan.budget)?.cost)?;
    let cells = plan.arms.len() * settings.tasks.len() * settings.labels.len() * plan.seeds.len();
    match grid {
        Some(grid) => {
            let done = grid.results()?.len();
            writeln!(out, "{cells} cells, {done} of them finished, in {}", grid.path().display())?;
        }
        None => writeln!(out, "{cells} cells; nothing was run and nothing written")?,
    }
    Ok(())
}

pub(super) fn show(budget: Budget, shared: &ChoiceArgs, own: &UtilityRunArgs, json: bool) -> Result<(), CliError> {
    let plan = resolve_utility(&UtilityDefinition::shipped()?, budget, &own.choice(shared)?)?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&plan).map_err(std::io::Error::from)?)?;
    } else {
        let text = toml::to_string_pretty(&plan).map_err(|e| CliError::Failed(format!("cannot print: {e}")))?;
        write!(out, "{text}")?;
    }
    Ok(())
}

/// Writes the report of a study: a folder, or the latest.
pub(super) fn report(name: &str, out: &Path, json: bool) -> Result<(), CliError> {
    let path = if name == UTILITY {
        let none = || ExperimentError::NoGrid { what: "grid", name: UTILITY.into(), root: out.to_owned() };
        UtilityGrid::find(out, None)?.pop().ok_or_else(none)?
    } else {
        PathBuf::from(name)
    };
    write_and_print(&UtilityGrid::open(&path)?, json)
}

fn write_and_print(grid: &UtilityGrid, json: bool) -> Result<(), CliError> {
    let pages = write_utility_report(grid)?;
    let mut out = std::io::stdout().lock();
    if json {
        let value = json!({
            "grid": grid.path(), "experiment": UTILITY, "budget": grid.plan.budget, "finished": grid.is_finished()?,
            "results": grid.results()?, "report": pages,
        });
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&value).map_err(std::io::Error::from)?)?);
    }
    writeln!(out, "{}", grid.definition.title)?;
    for (task, report) in crate::experiment::utilities(grid)? {
        let table = crate::report::utility_table(&report)?;
        writeln!(out, "\n{task}\n\n{}\n{}", table.to_text(), utility_reading(&report))?;
    }
    for page in pages {
        writeln!(out, "{}", page.display())?;
    }
    Ok(())
}

/// The study in the list of experiments.
pub(super) struct Entry(UtilityDefinition);

pub(super) fn entry() -> Result<Entry, CliError> {
    Ok(Entry(UtilityDefinition::shipped()?))
}

impl Entry {
    fn arms(&self, on_request: bool) -> Vec<&str> {
        self.0.arms.iter().filter(|a| a.on_request == on_request).map(|a| a.id.as_str()).collect()
    }

    pub(super) fn json(&self) -> Value {
        let UtilityDefinition { name, title, shows, source, budgets, .. } = &self.0;
        json!({
            "name": name, "title": title, "shows": shows, "source": source, "budgets": budgets, "rows": self.arms(false),
            "on_request": self.arms(true), "paper_only": [],
        })
    }

    pub(super) fn text(&self) -> String {
        let [arms, more] = [false, true].map(|on_request| self.arms(on_request).join(", "));
        let mut text = format!("{}\n  {}\n  arms: {arms}\n  more with --rows: {more}\n", self.0.name, self.0.shows);
        for budget in Budget::ALL {
            if let Some(settings) = self.0.budgets.get(budget.name()) {
                let seeds = if settings.seeds == 1 { "1 seed".into() } else { format!("{} seeds", settings.seeds) };
                let _ = writeln!(text, "  {:<6} {seeds}; {}", budget.name(), settings.cost);
            }
        }
        text
    }
}

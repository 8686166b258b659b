//! The report of a study: for each task the curves, the utilities, a reading and the raw table.

use super::{BASELINE, SCENES, UtilityGrid};
use crate::experiment::error::io;
use crate::experiment::{Block, ExperimentError, Page};
use crate::probe::{Trial, Utility, UtilityConfig, UtilityReport, utility};
use crate::report::{Align, Table, score_chart, utility_chart, utility_reading, utility_table};
use crate::transfer::{Mode, Task};
use std::fs;
use std::path::PathBuf;

/// The page, with the pictures' files by name.
///
/// # Errors
/// When there is no result yet, or one is damaged.
pub fn utility_report(grid: &UtilityGrid) -> Result<(Page, Vec<(String, Vec<u8>)>), ExperimentError> {
    let (plan, definition) = (&grid.plan, &grid.definition);
    let settings = &plan.settings;
    let finished = grid.results()?.len();
    if finished == 0 {
        let reason = "no cell is finished yet; go on with --resume".to_owned();
        return Err(ExperimentError::Grid { path: grid.path().to_owned(), reason });
    }
    let seeds = plan.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let mut blocks = vec![
        Block::Text(format!("{}.", definition.shows)),
        Block::Text(format!(
            "Budget {}, {finished} of {} cells finished, data {}, encoder {:?}, {}, seeds {seeds}.",
            plan.budget,
            grid.cells().len(),
            source(grid),
            settings.model.encoder,
            settings.tune.mode
        )),
    ];
    let (mut files, mut ranks) = (Vec::new(), Vec::new());
    let mut bodies = Vec::new();
    for &task in &settings.tasks {
        let trials = grid.trials(task)?;
        bodies.push(Block::Heading(capital(task.name())));
        bodies.push(Block::Text(format!("Score: {}, on test images.", task.measure())));
        if let Some(report) = of_task(grid, &trials)? {
            bodies.push(Block::Text(format!("{} {}", utility_reading(&report), headline(&report))));
            for (stem, alt, chart) in [
                ("scores", "mean scores against the number of labels", score_chart(&report)),
                ("utility", "utility against the number of labels", utility_chart(&report)),
            ] {
                let (stem, svg) = (format!("{stem}-{task}"), chart.svg()?);
                files.push((format!("{stem}.png"), chart.png()?));
                files.push((format!("{stem}.svg"), svg.clone().into_bytes()));
                bodies.push(Block::Picture { file: format!("{stem}.svg"), alt: format!("{task}: {alt}"), svg });
            }
            bodies.push(Block::Table(utility_table(&report)?));
            ranks.push(format!("{task}: {}", ranking(&report)));
        } else {
            bodies.push(Block::Text("No seed has all its cells yet, so there is no utility.".into()));
        }
        bodies.push(Block::Text(format!("Raw scores, also in trials-{task}.csv:")));
        bodies.push(Block::Table(raw(grid, task, &trials)?));
    }
    if !ranks.is_empty() {
        blocks.push(Block::Heading("Arms by task".into()));
        blocks.push(Block::Text(
            "Mean score over all numbers of labels, the best first, as measured; differences within a few tenths of a \
             point may be chance."
                .into(),
        ));
        blocks.push(Block::Bullets(ranks));
    }
    blocks.append(&mut bodies);
    blocks.extend([Block::Heading("How it was made".into()), Block::Bullets(notes(grid)?)]);
    blocks.push(Block::Code(grid.commands()?.join("\n")));
    for (heading, name) in [("Machine", "environment.json"), ("Settings", "utility.toml")] {
        let file = grid.path().join(name);
        blocks.push(Block::Heading(heading.into()));
        blocks.push(Block::Code(fs::read_to_string(&file).map_err(io("read", file))?));
    }
    Ok((Page { title: definition.title.clone(), blocks }, files))
}

/// The utilities of each task, of the seeds that have all its cells.
///
/// # Errors
/// When a result is damaged.
pub fn utilities(grid: &UtilityGrid) -> Result<Vec<(Task, UtilityReport)>, ExperimentError> {
    let mut found = Vec::new();
    for &task in &grid.plan.settings.tasks {
        found.extend(of_task(grid, &grid.trials(task)?)?.map(|report| (task, report)));
    }
    Ok(found)
}

fn of_task(grid: &UtilityGrid, trials: &[Trial]) -> Result<Option<UtilityReport>, ExperimentError> {
    let whole = whole_seeds(grid, trials);
    Ok(if whole.is_empty() { None } else { Some(utility(&whole, BASELINE, &UtilityConfig::default())?) })
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn source(grid: &UtilityGrid) -> String {
    let settings = &grid.plan.settings;
    if settings.data.source != SCENES {
        return settings.data.source.clone();
    }
    let s = &settings.scenes;
    format!("scenes {} of {} pixels ({} to learn from, {} to test)", s.variant, s.size, s.train, s.test)
}

/// Trials of the seeds that have all cells of a task: utility takes whole tables only.
fn whole_seeds(grid: &UtilityGrid, trials: &[Trial]) -> Vec<Trial> {
    let wanted = grid.plan.arms.len() * grid.plan.settings.labels.len();
    let is_whole = |seed: u64| trials.iter().filter(|t| t.seed == seed).count() == wanted;
    trials.iter().filter(|t| is_whole(t.seed)).cloned().collect()
}

/// A utility below zero by so much is taken for one where one seed leaves no interval.
const CLEAR: f64 = 0.1;

/// Whether it is as the paper found, in plain words: utility falls towards nothing as labels grow.
fn headline(report: &UtilityReport) -> String {
    let [mut falls, mut costs, mut stays, mut none, mut unknown] = [(); 5].map(|()| Vec::new());
    for arm in &report.arms {
        let known: Vec<_> = arm.points.iter().filter(|p| matches!(p.utility, Utility::Value(_))).collect();
        let group = match known[..] {
            [first, .., last] => {
                let (from, to) = (first.utility.number(), last.utility.number());
                // Half of what it was, or nothing that its interval tells from zero.
                let is_near = to <= 0.5 * from || (to < from && last.interval.is_some() && last.holds(0.0));
                let is_below = if last.interval.is_some() { to < 0.0 && !last.holds(0.0) } else { to < -CLEAR };
                if from <= 0.0 {
                    &mut none
                } else if is_below {
                    &mut costs
                } else if is_near {
                    &mut falls
                } else {
                    &mut stays
                }
            }
            _ => &mut unknown,
        };
        group.push(arm.arm.as_str());
    }
    let mut said = Vec::new();
    for (arms, words) in [
        (falls, "as the paper found, utility falls towards zero as labels grow"),
        (costs, "utility falls as labels grow, but to below zero: with many labels, pretraining costs"),
        (stays, "other than the paper found, utility does not fall towards zero within these budgets"),
        (none, "pretraining saves nothing with the fewest labels whose utility is known, so nothing can fall"),
        (unknown, "too few utilities are known to tell whether they fall towards zero"),
    ] {
        if !arms.is_empty() {
            said.push(format!("Of {}: {words}.", arms.join(", ")));
        }
    }
    said.join(" ")
}

/// Arms by their mean score over all numbers of labels.
fn ranking(report: &UtilityReport) -> String {
    let mean = |scores: Vec<f64>| scores.iter().sum::<f64>() / scores.len().max(1) as f64;
    let mut all = vec![(report.baseline.as_str(), mean(report.curve.iter().map(|p| p.score).collect()))];
    all.extend(report.arms.iter().map(|a| (a.arm.as_str(), mean(a.points.iter().map(|p| p.score).collect()))));
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.iter().map(|(arm, score)| format!("{arm} {:.1} %", 100.0 * score)).collect::<Vec<_>>().join(", ")
}

/// Every score in %, a column for each seed.
fn raw(grid: &UtilityGrid, task: Task, trials: &[Trial]) -> Result<Table, ExperimentError> {
    let mut columns = vec![("arm".to_owned(), Align::Left), ("labels".to_owned(), Align::Right)];
    columns.push(("steps".to_owned(), Align::Right));
    columns.extend(grid.plan.seeds.iter().map(|s| (format!("seed {s}"), Align::Right)));
    let mut table = Table::new(&columns.iter().map(|(n, a)| (n.as_str(), *a)).collect::<Vec<_>>());
    let results = grid.results()?;
    for arm in &grid.plan.arms {
        for &labels in &grid.plan.settings.labels {
            let steps = results.iter().find(|r| r.task == task && r.arm == arm.id && r.labels == labels);
            let mut row = vec![arm.id.clone(), labels.to_string()];
            row.push(steps.map_or_else(String::new, |r| r.scores.steps.to_string()));
            for &seed in &grid.plan.seeds {
                let found = trials.iter().find(|t| t.arm == arm.id && t.labels == labels as u64 && t.seed == seed);
                row.push(found.map_or_else(|| "to do".to_owned(), |t| format!("{:.2}", 100.0 * t.score)));
            }
            table.push(row)?;
        }
    }
    Ok(table)
}

/// How tasks are learned, in words.
fn schedule(mode: Mode) -> &'static str {
    match mode {
        Mode::FineTune => {
            "The whole encoder learns with a head: a linear layer on its hidden layer fc, or, for locations, a 3x3 \
             convolution and a linear layer on its local map. Every arm takes the same steps of Adam at a number of labels, \
             on the same images in the same order; the rate rises over the first twentieth of them and falls linearly to 0. \
             Nothing is selected on test images: the last step counts."
        }
        Mode::FineTuneConv => {
            "The whole encoder learns with a small network on its last convolution: 200 hidden units with batch norm. Every \
             arm takes the same steps of Adam at a number of labels, on the same images in the same order; the rate rises \
             over the first twentieth of them and falls linearly to 0. Nothing is selected on test images: the last step \
             counts."
        }
        Mode::Frozen => {
            "The encoder stays as it is, and a head learns: 200 hidden units on its hidden layer fc, or, for locations, a \
             3x3 convolution and a linear layer on its local map. Every arm takes the same steps of Adam at a number of \
             labels, on the same images in the same order; the rate rises over the first twentieth of them and falls \
             linearly to 0. Nothing is selected on test images: the last step counts."
        }
        Mode::Linear => {
            "The encoder stays as it is: logistic regression (least squares for depth) on its standardised features, those \
             of the hidden layer fc or of each location of its local map."
        }
    }
}

/// What must be known to read the numbers.
fn notes(grid: &UtilityGrid) -> Result<Vec<String>, ExperimentError> {
    let mut notes = vec![format!("Question, tasks and measures: {}.", grid.definition.source)];
    notes.extend(grid.definition.notes.iter().cloned());
    notes.push(schedule(grid.plan.settings.tune.mode).to_owned());
    notes.extend(grid.plan.arms.iter().map(|a| format!("{}: {}.", a.id, a.name)));
    if !grid.plan.overrides.is_empty() {
        notes.push(format!("Overridden: {}.", grid.plan.overrides.join(", ")));
    }
    let mut seconds = 0.0;
    for cell in grid.cells() {
        seconds += grid.seconds(cell)?.unwrap_or(0.0);
    }
    notes.push(format!("The finished cells took {:.1} minutes, without pretraining.", seconds / 60.0));
    Ok(notes)
}

/// Writes `report/report.md`, `report/report.html` and the pictures into the study's folder; returns the two pages' paths.
///
/// # Errors
/// As [`utility_report`], and when a file cannot be written.
pub fn write_utility_report(grid: &UtilityGrid) -> Result<[PathBuf; 2], ExperimentError> {
    let (page, files) = utility_report(grid)?;
    page.write(&grid.path().join("report"), files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headlines_say_what_the_curves_do() {
        let mut trials = Vec::new();
        let gains: [(&str, fn(i32) -> f64); 6] = [
            ("scratch", |_| 0.0),
            ("falls", |k| if k < 2 { 0.1 } else { 0.001 }),
            ("stays", |k| if k < 4 { 0.05 } else { -0.01 * f64::from(k % 2) + 0.04 }),
            ("harms", |k| if k == 0 { 0.0 } else { -0.05 }),
            ("costs", |k| if k < 2 { 0.1 } else { -0.05 }),
            ("above", |_| 1.0),
        ];
        for (arm, gain) in gains {
            for k in 0..6 {
                for seed in 0..3 {
                    let score = 0.3 + 0.1 * f64::from(k) + gain(k) + 1e-4 * seed as f64;
                    trials.push(Trial { arm: arm.into(), labels: 100 << k, seed, score });
                }
            }
        }
        let said = headline(&utility(&trials, BASELINE, &UtilityConfig::default()).unwrap());
        for words in [
            "Of falls: as the paper",
            "Of costs: utility falls as labels grow, but to below",
            "Of stays: other than",
            "Of harms: pretraining saves",
            "Of above: too few",
        ] {
            assert!(said.contains(words), "{said}");
        }
    }
}

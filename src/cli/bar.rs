//! Progress in a terminal (bars), in a log (a line every ten seconds), or not at all.

use crate::dim::StepReport;
use crate::train::{EpochReport, OnlineReport, OnlineScore, Progress, Quiet};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The progress that fits where standard error goes.
pub(super) fn progress(quiet: bool) -> Box<dyn Progress> {
    if quiet {
        Box::new(Quiet)
    } else if std::io::stderr().is_terminal() {
        Box::new(Bars { bar: ProgressBar::hidden(), averages: Averages::default() })
    } else {
        Box::new(Lines { what: String::new(), done: 0, total: 0, last: Instant::now(), averages: Averages::default() })
    }
}

/// Running means of the loss terms for display.
#[derive(Default)]
struct Averages {
    mean: Option<StepReport>,
}

impl Averages {
    fn add(&mut self, report: &StepReport) -> String {
        let mean = self.mean.get_or_insert(*report);
        let mut report = *report;
        for ((_, m), (_, v)) in mean.terms().into_iter().zip(report.terms()) {
            *m = 0.98 * *m + 0.02 * *v;
        }
        terms(mean, 3)
    }
}

/// The loss and those of the other terms that a method has.
fn terms(mean: &StepReport, digits: usize) -> String {
    let mut text = format!("loss {:.digits$}", mean.loss);
    for (name, value, unit) in [
        ("bound", mean.nats, " nats"),
        ("reconstruction", mean.reconstruction, ""),
        ("KL", mean.kl, ""),
        ("prior", mean.prior, ""),
        ("discriminator", mean.discriminator, ""),
        ("gradient penalty", mean.gradient_penalty, ""),
        ("absolute coordinates", mean.absolute_coordinates, " nats"),
        ("relative coordinates", mean.relative_coordinates, " nats"),
    ] {
        if value != 0.0 {
            let _ = write!(text, "  {name} {value:.3}{unit}");
        }
    }
    text
}

/// The line that stays after an epoch.
fn epoch_line(r: &EpochReport) -> String {
    format!(
        "epoch {:>3}  {}  {:.0} images/s  data {:.1} %",
        r.epoch,
        terms(&r.mean, 4),
        r.images_per_second,
        100.0 * r.waiting
    )
}

/// The line that stays after probes on the way.
fn probe_line(report: &OnlineReport) -> String {
    let mut text = format!("epoch {:>3}  test accuracy, %", report.epoch);
    let kinds: [(&str, fn(&OnlineScore) -> Option<f64>); 3] =
        [("linear", |s| Some(s.linear)), ("MLP", |s| s.mlp), ("kNN", |s| s.knn)];
    for (kind, value) in kinds {
        let scores = report.layers.iter().filter_map(|s| Some(format!(" {} {:.1}", s.layer, 100.0 * value(s)?)));
        let scores: String = scores.collect();
        if !scores.is_empty() {
            let _ = write!(text, "  {kind}{scores}");
        }
    }
    text
}

struct Bars {
    bar: ProgressBar,
    averages: Averages,
}

impl Bars {
    fn begin(&mut self, template: &str, total: u64) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━╸ "));
        }
        self.bar.enable_steady_tick(Duration::from_millis(250));
    }
}

impl Progress for Bars {
    fn epoch_begins(&mut self, epoch: u64, epochs: u64, done: u64, total: u64) {
        // Another model may have other terms.
        self.averages = Averages::default();
        self.begin("{prefix} {bar:24.cyan} {pos}/{len}  {msg}  {per_sec}  {eta} left", total);
        self.bar.set_prefix(format!("epoch {epoch}/{epochs}"));
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    fn step(&mut self, images: usize, report: &StepReport) {
        self.bar.inc(1);
        let speed = self.bar.per_sec() * images as f64;
        self.bar.set_message(format!("{}  {speed:.0} images/s", self.averages.add(report)));
    }

    fn epoch_ends(&mut self, report: &EpochReport) {
        self.bar.finish_and_clear();
        eprintln!("{}", epoch_line(report));
    }

    fn probed(&mut self, report: &OnlineReport) {
        self.bar.finish_and_clear();
        eprintln!("{}", probe_line(report));
    }

    fn task_begins(&mut self, what: &str, total: u64) {
        self.begin("{prefix} {bar:24.cyan} {pos}/{len}  {eta} left", total);
        self.bar.set_prefix(what.to_owned());
    }

    fn task_advances(&mut self, parts: u64) {
        self.bar.inc(parts);
    }

    fn task_ends(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Lines {
    what: String,
    done: u64,
    total: u64,
    last: Instant,
    averages: Averages,
}

impl Lines {
    fn begin(&mut self, what: String, done: u64, total: u64) {
        (self.what, self.done, self.total) = (what, done, total);
    }

    fn tick(&mut self, parts: u64, message: &str) {
        self.done += parts;
        if self.last.elapsed() >= Duration::from_secs(10) {
            self.last = Instant::now();
            eprintln!("{}  {}/{}  {message}", self.what, self.done, self.total);
        }
    }
}

impl Progress for Lines {
    fn epoch_begins(&mut self, epoch: u64, epochs: u64, done: u64, total: u64) {
        // Another model may have other terms.
        self.averages = Averages::default();
        self.begin(format!("epoch {epoch}/{epochs}"), done, total);
    }

    fn step(&mut self, _: usize, report: &StepReport) {
        let message = self.averages.add(report);
        self.tick(1, &message);
    }

    fn epoch_ends(&mut self, report: &EpochReport) {
        eprintln!("{}", epoch_line(report));
    }

    fn probed(&mut self, report: &OnlineReport) {
        eprintln!("{}", probe_line(report));
    }

    fn task_begins(&mut self, what: &str, total: u64) {
        self.begin(what.to_owned(), 0, total);
    }

    fn task_advances(&mut self, parts: u64) {
        self.tick(parts, "");
    }

    fn task_ends(&mut self) {}
}

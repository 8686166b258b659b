//! A download's progress: bars in a terminal, a line every ten seconds in a log, or nothing.

use crate::data::hub::{DownloadProgress, Planned};
use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The progress that fits where standard error goes. Bars disappear when it is dropped.
pub(super) fn progress(quiet: bool) -> Box<dyn DownloadProgress> {
    if quiet {
        Box::new(())
    } else if std::io::stderr().is_terminal() {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Box::new(Bars { all, bars: Mutex::new(Vec::new()) })
    } else {
        Box::new(Lines { state: Mutex::new(State::default()) })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bar for each file, and one for all below them.
struct Bars {
    all: MultiProgress,
    bars: Mutex<Vec<ProgressBar>>,
}

impl Bars {
    fn add(&self, name: &str, size: u64, have: u64) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new(size));
        // Narrow enough for 80 columns.
        let template =
            "{prefix:18!} {bar:10.cyan} {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {eta:>5}  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        bar.set_prefix(short(name, 18));
        bar.set_position(have);
        // What was here before says nothing of the rate.
        bar.reset_eta();
        bar
    }

    /// The bar of a file, and that of all.
    fn with(&self, file: usize, change: impl FnOnce(&ProgressBar, &ProgressBar)) {
        let bars = locked(&self.bars);
        if let (Some(bar), Some(total)) = (bars.get(file), bars.last()) {
            change(bar, total);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let _ = self.all.clear();
    }
}

impl DownloadProgress for Bars {
    fn planned(&self, files: &[Planned]) {
        let mut bars = locked(&self.bars);
        bars.extend(files.iter().map(|f| self.add(&f.path, f.size, f.have)));
        bars.push(self.add("all", files.iter().map(|f| f.size).sum(), files.iter().map(|f| f.have).sum()));
        bars.iter().for_each(|bar| bar.enable_steady_tick(Duration::from_millis(250)));
    }

    fn at(&self, file: usize, have: u64) {
        self.with(file, |bar, total| {
            total.set_position((total.position() + have).saturating_sub(bar.position()));
            bar.set_position(have);
            bar.reset_eta();
            bar.set_message("");
        });
    }

    fn advanced(&self, file: usize, bytes: u64) {
        self.with(file, |bar, total| {
            bar.inc(bytes);
            total.inc(bytes);
            if !bar.message().is_empty() {
                bar.set_message("");
            }
        });
    }

    fn waits(&self, file: Option<usize>, why: &str) {
        let bars = locked(&self.bars);
        let _ = match file.and_then(|f| bars.get(f)) {
            Some(bar) => self.all.println(format!("{}: {why}", bar.prefix())),
            None => self.all.println(why),
        };
    }

    fn checks(&self, file: usize) {
        self.with(file, |bar, _| bar.set_message("checking"));
    }

    fn ends(&self, file: usize) {
        self.with(file, |bar, total| {
            let missing = bar.length().unwrap_or(0).saturating_sub(bar.position());
            total.inc(missing);
            bar.inc(missing);
            bar.finish_with_message("done");
        });
    }
}

/// The last part of a name, cut if it is too long to show; its beginning says which split it is.
fn short(name: &str, width: usize) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.chars().count() <= width {
        return last.to_owned();
    }
    let mut cut: String = last.chars().take(width - 1).collect();
    cut.push('…');
    cut
}

/// Lines for a log.
struct Lines {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Name, size and bytes here.
    files: Vec<(String, u64, u64)>,
    began: Option<Instant>,
    arrived: u64,
    last: Option<Instant>,
}

impl State {
    fn line(&self) -> String {
        let (size, have) = self.files.iter().fold((0, 0), |(s, h), f| (s + f.1, h + f.2));
        let seconds = self.began.map_or(0.0, |b| b.elapsed().as_secs_f64()).max(1e-3);
        let rate = self.arrived as f64 / seconds;
        let left = if rate > 0.0 {
            Duration::from_secs_f64(((size - have.min(size)) as f64 / rate).min(1e9))
        } else {
            Duration::MAX
        };
        let left = if left == Duration::MAX { String::new() } else { format!(", {} left", HumanDuration(left)) };
        format!("{} of {}, {}/s{left}", HumanBytes(have), HumanBytes(size), HumanBytes(rate as u64))
    }
}

impl DownloadProgress for Lines {
    fn planned(&self, files: &[Planned]) {
        let mut state = locked(&self.state);
        state.files = files.iter().map(|f| (f.path.clone(), f.size, f.have)).collect();
        (state.began, state.last) = (Some(Instant::now()), Some(Instant::now()));
        let (size, have) = files.iter().fold((0, 0), |(s, h), f| (s + f.size, h + f.have));
        eprintln!("{} files, {}; {} are here already", files.len(), HumanBytes(size), HumanBytes(have));
    }

    fn at(&self, file: usize, have: u64) {
        if let Some(f) = locked(&self.state).files.get_mut(file) {
            f.2 = have;
        }
    }

    fn advanced(&self, file: usize, bytes: u64) {
        let mut state = locked(&self.state);
        state.arrived += bytes;
        if let Some(f) = state.files.get_mut(file) {
            f.2 += bytes;
        }
        if state.last.is_some_and(|l| l.elapsed() >= Duration::from_secs(10)) {
            state.last = Some(Instant::now());
            eprintln!("{}", state.line());
        }
    }

    fn waits(&self, file: Option<usize>, why: &str) {
        let state = locked(&self.state);
        match file.and_then(|f| state.files.get(f)) {
            Some((name, ..)) => eprintln!("{name}: {why}"),
            None => eprintln!("{why}"),
        }
    }

    fn ends(&self, file: usize) {
        if let Some(f) = locked(&self.state).files.get_mut(file) {
            f.2 = f.1;
        }
    }
}

//! Training as it goes.

use super::show::Place;
use super::{Content, Show};
use crate::report::{LineChart, ReportError, Series};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Points of a drawn curve, at most; more are averaged.
const DRAWN: usize = 200;
/// Letters of the small curve in a line.
const SPARKS: usize = 24;
/// Between the first lines where they cannot be replaced.
const SHORTEST: Duration = Duration::from_secs(2);
/// Between lines that replace each other.
const REPLACED: Duration = Duration::from_millis(200);
/// Between pictures that replace each other.
const REDRAWN: Duration = Duration::from_secs(1);

/// A curve that is told of while it grows, and shown as a chart at the end.
///
/// Under the kernel `infomax (Rust)` on Linux the chart is drawn again every second, in place. In a terminal one line is
/// replaced again and again. Plain evcxr passes output on by whole lines and pictures when a cell ends, so there a new line
/// comes from time to time: after 2 seconds, then ever less often, some forty in an hour.
///
/// ```
/// use infomax::notebook::Live;
/// let mut live = Live::new("Training", "step", "nats").of(100).ceiling(4.0, "log N");
/// for step in 0..100 {
///     live.push(step as f64, &[("bound", 4.0 * (1.0 - (-0.05 * step as f64).exp()))]);
/// }
/// live.finish();
/// assert!(live.chart().svg()?.contains("bound"));
/// # Ok::<(), infomax::report::ReportError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Live {
    title: String,
    labels: [String; 2],
    ceiling: Option<(f64, String)>,
    total: Option<u64>,
    curves: Vec<(String, Vec<(f64, f64)>)>,
    pushes: u64,
    began: Instant,
    told: Option<Instant>,
    way: Way,
    place: Place,
}

/// How it is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A chart that is replaced.
    Chart,
    /// A line that is replaced.
    Line,
    /// Ever more lines.
    Lines,
}

impl Live {
    /// Nothing yet. The clock starts here, and again with the first [`push`](Self::push).
    pub fn new(title: impl Into<String>, x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            labels: [x_label.into(), y_label.into()],
            ceiling: None,
            total: None,
            curves: Vec::new(),
            pushes: 0,
            began: Instant::now(),
            told: None,
            way: match std::io::stdout().is_terminal() {
                true => Way::Line,
                false if Place::is_kept() => Way::Chart,
                false => Way::Lines,
            },
            place: Place::new(),
        }
    }

    /// How many pushes there will be, so that the time left can be told.
    pub fn of(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }

    /// Draws a dashed line at the most that the curve can reach.
    pub fn ceiling(mut self, y: f64, label: impl Into<String>) -> Self {
        self.ceiling = Some((y, label.into()));
        self
    }

    /// Adds a point to each named curve, and prints a line when one is due. Numbers that are not finite are left out.
    pub fn push(&mut self, x: f64, values: &[(&str, f64)]) {
        if self.pushes == 0 {
            self.began = Instant::now();
        }
        self.pushes += 1;
        for &(name, y) in values.iter().filter(|(_, y)| y.is_finite() && x.is_finite()) {
            match self.curves.iter_mut().find(|(n, _)| n == name) {
                Some((_, points)) => points.push((x, y)),
                None => self.curves.push((name.to_owned(), vec![(x, y)])),
            }
        }
        let elapsed = self.began.elapsed();
        let since = self.told.map_or(elapsed, |t| t.elapsed());
        if since >= pause(elapsed, self.way) {
            self.tell(elapsed, false);
            self.told = Some(Instant::now());
        }
    }

    fn tell(&self, elapsed: Duration, last: bool) {
        if self.way == Way::Chart || (last && self.way == Way::Lines) {
            let contents = self.drawn(elapsed).unwrap_or_else(|e| vec![Content::text(format!("cannot be shown: {e}"))]);
            return self.place.put(&contents);
        }
        let line = self.line(elapsed);
        let mut out = std::io::stdout().lock();
        // A reader that has gone away is no reason to stop training.
        let _ = match (self.way, last) {
            (Way::Line, false) => write!(out, "\r\x1b[K{line}"),
            (Way::Line, true) => writeln!(out, "\r\x1b[K{line}"),
            _ => writeln!(out, "{line}"),
        };
        let _ = out.flush();
    }

    /// Shows the chart, or outside of a notebook a last line.
    pub fn finish(&mut self) {
        self.tell(self.began.elapsed(), true);
    }

    /// The value that a curve had last.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.curves.iter().find(|(n, _)| n == name).and_then(|(_, points)| points.last()).map(|p| p.1)
    }

    /// The curves so far, averaged to at most 200 points each.
    pub fn chart(&self) -> LineChart {
        let mut chart = LineChart::new(&*self.title, &*self.labels[0], &*self.labels[1]);
        for (name, points) in &self.curves {
            chart = chart.series(Series::new(name, averaged(points, DRAWN)));
        }
        match &self.ceiling {
            Some((y, label)) => chart.reference(*y, format!("{label} = {y:.2}")),
            None => chart,
        }
    }

    fn drawn(&self, elapsed: Duration) -> Result<Vec<Content>, ReportError> {
        let mut contents = self.chart().contents()?;
        if let Some(text) = contents.iter_mut().find(|c| c.mime == "text/plain") {
            text.body = self.line(elapsed);
        }
        Ok(contents)
    }

    fn line(&self, elapsed: Duration) -> String {
        let mut line = match self.total {
            Some(total) => format!("{} {} of {total}", self.labels[0], self.pushes),
            None => format!("{} {}", self.labels[0], self.pushes),
        };
        for (i, (name, points)) in self.curves.iter().enumerate() {
            let recent = averaged(points, SPARKS);
            if let Some((_, y)) = recent.last() {
                line.push_str(&format!("  {name} {y:.3}"));
            }
            if i == 0 {
                line.push_str(&format!(" {}", sparks(&recent)));
            }
        }
        let seconds = elapsed.as_secs_f64();
        match self.total.filter(|&t| t > self.pushes && self.pushes > 0) {
            Some(total) => {
                let left = seconds * (total - self.pushes) as f64 / self.pushes as f64;
                line + &format!("  {left:.0} s left")
            }
            None => line + &format!("  {seconds:.0} s"),
        }
    }
}

impl Show for Live {
    fn contents(&self) -> Result<Vec<Content>, ReportError> {
        self.drawn(self.began.elapsed())
    }
}

/// How long to say nothing: a fifth of the time gone where lines stay.
fn pause(elapsed: Duration, way: Way) -> Duration {
    match way {
        Way::Chart => REDRAWN,
        Way::Line => REPLACED,
        Way::Lines => SHORTEST.max(elapsed / 5),
    }
}

/// Means of runs of equal length, at most `most` of them.
fn averaged(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let run = points.len().div_ceil(most).max(1);
    let mean = |part: &[(f64, f64)]| {
        let n = part.len() as f64;
        (part.iter().map(|p| p.0).sum::<f64>() / n, part.iter().map(|p| p.1).sum::<f64>() / n)
    };
    points.chunks(run).map(mean).collect()
}

/// A curve in one line of letters, from the lowest to the highest of its values.
fn sparks(points: &[(f64, f64)]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let Some(ends) = crate::report::ends(points.iter().map(|p| p.1)) else { return String::new() };
    let level = |y: f64| ((crate::report::share(y, ends) * 8.0) as usize).min(7);
    points.iter().map(|p| LEVELS[level(p.1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_where_it_is() {
        let mut live = Live::new("t", "step", "nats").of(4);
        live.push(0.0, &[("bound", 0.0), ("loss", f64::NAN)]);
        live.push(1.0, &[("bound", 1.0)]);
        assert_eq!(live.line(Duration::from_secs(3)), "step 2 of 4  bound 1.000 ▁█  3 s left");
        assert_eq!((live.last("bound"), live.last("loss")), (Some(1.0), None));
        live.push(2.0, &[("bound", 2.0)]);
        live.push(3.0, &[("bound", 3.0)]);
        assert_eq!(live.line(Duration::from_secs(6)), "step 4 of 4  bound 3.000 ▁▃▆█  6 s");
    }

    #[test]
    fn many_points_become_means() {
        let points: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i), f64::from(i % 2))).collect();
        let few = averaged(&points, 100);
        assert_eq!((few.len(), few[0], few[99]), (100, (4.5, 0.5), (994.5, 0.5)));
        assert_eq!(averaged(&points[..3], 100), points[..3]);
    }

    #[test]
    fn lines_come_ever_less_often() {
        let lines = |seconds: u64| {
            let (mut at, mut count) = (0.0, 0);
            while at < seconds as f64 {
                at += pause(Duration::from_secs_f64(at), Way::Lines).as_secs_f64();
                count += 1;
            }
            count
        };
        assert!(lines(20) <= 9 && lines(3600) <= 40, "{} {}", lines(20), lines(3600));
    }
}

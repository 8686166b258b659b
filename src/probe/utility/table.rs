//! The raw table of one arm, checked to be whole.

use super::{ProbeError, Trial};

/// Scores of an arm at every budget and seed.
pub(super) struct Scores {
    /// The budgets, ascending.
    pub labels: Vec<u64>,
    /// How many seeds.
    pub seeds: usize,
    /// `[budgets, seeds]`.
    scores: Vec<f64>,
}

impl Scores {
    pub fn of(trials: &[Trial], arm: &str) -> Result<Self, ProbeError> {
        let wrong = |problem: String| ProbeError::Trials { arm: arm.to_owned(), problem };
        let mut own: Vec<&Trial> = trials.iter().filter(|t| t.arm == arm).collect();
        if own.is_empty() {
            let mut known: Vec<&str> = trials.iter().map(|t| t.arm.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(wrong(format!("no trial is of it; there are trials of {}", known.join(", "))));
        }
        own.sort_by_key(|t| (t.labels, t.seed));
        let sorted = |of: fn(&Trial) -> u64| {
            let mut all: Vec<u64> = own.iter().map(|t| of(t)).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let (labels, seeds) = (sorted(|t| t.labels), sorted(|t| t.seed));
        if labels.first() == Some(&0) {
            return Err(wrong("it has a trial with 0 labels: utility is of 1 or more".into()));
        }
        let expected = labels.iter().flat_map(|&n| seeds.iter().map(move |&s| (n, s)));
        let mut rows = own.iter().peekable();
        let mut scores = Vec::with_capacity(own.len());
        for (n, s) in expected {
            let is_here = |t: &&&Trial| (t.labels, t.seed) == (n, s);
            let Some(trial) = rows.next_if(is_here) else {
                return Err(wrong(format!(
                    "seed {s} has no trial with {n} labels: run it, or leave the seed or the budget out"
                )));
            };
            if rows.next_if(is_here).is_some() {
                return Err(wrong(format!("seed {s} has two trials with {n} labels: keep one")));
            }
            if !trial.score.is_finite() {
                return Err(wrong(format!(
                    "seed {s} with {n} labels has the score {}: scores are finite",
                    trial.score
                )));
            }
            scores.push(trial.score);
        }
        Ok(Self { labels, seeds: seeds.len(), scores })
    }

    /// The scores of each budget.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.scores.chunks_exact(self.seeds)
    }

    /// Mean over seeds, by budget.
    pub fn means(&self) -> Vec<f64> {
        self.rows().map(|row| row.iter().sum::<f64>() / self.seeds as f64).collect()
    }
}

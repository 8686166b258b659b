//! The non-linear probe: one hidden layer, trained by Adam.

use super::adam::AdamStep;
use super::features::{argmax, check_labels};
use super::mlp_net::{CHUNK, MlpParams, Running, first_gradient, gather};
use super::{Features, ProbeError, ProbeResult, accuracy};
use crate::seed::stream;
use rand::RngCore;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::time::Instant;

/// Settings of the non-linear probe. The defaults are those of the evaluation code of Deep InfoMax (200 units, dropout
/// 0.1, batch norm), with a learning rate ten times higher for the few epochs used here, and weights averaged where the paper
/// averages the accuracies of the last 100 of 1000 epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpConfig {
    /// Hidden units.
    pub hidden: usize,
    /// Probability that dropout clears a unit of the first layer's output.
    pub dropout: f64,
    /// Passes over the training rows: 6 suits wide features (conv, fc), 40 suits 64 (Y), with 10,000 labels.
    pub epochs: usize,
    /// Rows per step. A last batch of a single row is left out, as batch norm needs two.
    pub batch: usize,
    /// Adam's learning rate (its betas are 0.9 and 0.999).
    pub learning_rate: f64,
    /// Share of the steps, the last ones, whose weights are averaged (Izmailov et al. 2018, arXiv 1803.05407, at a constant
    /// rate), in [0, 1). The weights of one step swing, and the accuracy with them; their mean is better on
    /// CIFAR-10. Running statistics of the batch norm are averaged with them, where that paper computes them anew. 0 takes the last step's.
    pub average: f64,
    /// Root seed of initial weights, order and dropout (stream `"probe"`).
    pub seed: u64,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self { hidden: 200, dropout: 0.1, epochs: 6, batch: 250, learning_rate: 1e-3, average: 1.0 / 3.0, seed: 0 }
    }
}

/// A fitted non-linear classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpProbe {
    params: MlpParams<f32>,
    running: Running<f32>,
    dim: usize,
    classes: usize,
    train_loss: f64,
}

impl MlpProbe {
    /// Trains for a fixed number of epochs. Standardise the features first.
    ///
    /// # Errors
    /// Shapes, labels at or over `classes`, settings out of range, a single row; [`ProbeError::Diverged`] when the loss
    /// is not finite.
    pub fn fit(x: &Features, labels: &[u32], classes: usize, config: &MlpConfig) -> Result<Self, ProbeError> {
        x.check()?;
        check_labels(x.rows, labels, classes)?;
        config.check(x.rows)?;
        let (dim, hidden, batch) = (x.dim, config.hidden, config.batch.min(x.rows));
        let mut params = MlpParams::<f32>::init(dim, hidden, classes, &mut stream(config.seed, "probe", 0));
        let (mut first, mut second) = (params.zeros_like(), params.zeros_like());
        let mut running = Running::new(hidden);
        let mut order: Vec<usize> = (0..x.rows).collect();
        let mut mask = vec![0.0f32; batch * hidden];
        let mut mean = Mean::new(config.averaged_after(x.rows));
        let (mut step, mut train_loss) = (0, 0.0);
        for epoch in 0..config.epochs as u64 {
            order.shuffle(&mut stream(config.seed, "probe", 1 + 2 * epoch));
            let mut noise = stream(config.seed, "probe", 2 + 2 * epoch);
            let (mut sum, mut seen) = (0.0, 0);
            for rows in order.chunks(batch).filter(|rows| rows.len() > 1) {
                step += 1;
                let mask = &mut mask[..rows.len() * hidden];
                draw_mask(mask, config.dropout, &mut noise);
                let batch_labels: Vec<u32> = rows.iter().map(|&r| labels[r]).collect();
                let chunks = gather(&x.values, dim, rows);
                let pre = params.first_layer(&chunks, rows.len());
                let head = params.head(pre, &batch_labels, mask);
                if !head.loss.is_finite() {
                    return Err(ProbeError::Diverged { step });
                }
                sum += head.loss * rows.len() as f64;
                seen += rows.len();
                running.update(&head, rows.len());
                let adam = AdamStep::<f32>::new(step, config.learning_rate);
                let size = CHUNK * hidden;
                params
                    .w1
                    .par_chunks_mut(size)
                    .zip(first.w1.par_chunks_mut(size))
                    .zip(second.w1.par_chunks_mut(size))
                    .zip(&chunks)
                    .for_each(|(((w, m), v), x)| {
                        let mut g = vec![0.0; w.len()];
                        first_gradient(&mut g, x, &head.d_pre, rows.len());
                        adam.apply(w, &g, m, v);
                    });
                let g = &head.gradient;
                adam.apply(&mut params.b1, &g.b1, &mut first.b1, &mut second.b1);
                adam.apply(&mut params.gamma, &g.gamma, &mut first.gamma, &mut second.gamma);
                adam.apply(&mut params.beta, &g.beta, &mut first.beta, &mut second.beta);
                adam.apply(&mut params.w2, &g.w2, &mut first.w2, &mut second.w2);
                adam.apply(&mut params.b2, &g.b2, &mut first.b2, &mut second.b2);
                mean.take_in(step, &params, &running);
            }
            train_loss = sum / seen as f64;
        }
        let (params, running) = mean.taken.unwrap_or((params, running));
        Ok(Self { params, running, dim, classes, train_loss })
    }

    /// Most likely class of each row, `[N]`, in evaluation mode.
    ///
    /// # Errors
    /// [`ProbeError::Width`] when the columns differ from those fitted.
    pub fn predict(&self, x: &Features) -> Result<Vec<u32>, ProbeError> {
        Ok(argmax(&self.scores(x)?, self.classes).collect())
    }

    /// Scores before the softmax, `[N, K]` row-major, in evaluation mode.
    ///
    /// # Errors
    /// [`ProbeError::Width`] when the columns differ from those fitted.
    pub fn scores(&self, x: &Features) -> Result<Vec<f32>, ProbeError> {
        x.check_width(self.dim)?;
        Ok(self.params.evaluate(&self.running, &x.values, x.rows))
    }

    /// The weights.
    pub fn params(&self) -> &MlpParams<f32> {
        &self.params
    }

    /// Mean cross-entropy of the last epoch's batches in nats, with dropout and each step's own weights.
    pub fn train_loss(&self) -> f64 {
        self.train_loss
    }
}

impl MlpConfig {
    fn check(&self, rows: usize) -> Result<(), ProbeError> {
        let wrong = |name, value: String, range| Err(ProbeError::Setting { name, value, range });
        if self.hidden == 0 {
            return wrong("hidden", "0".into(), "at least 1");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return wrong("dropout", self.dropout.to_string(), "at least 0 and below 1");
        }
        if self.epochs == 0 {
            return wrong("epochs", "0".into(), "at least 1");
        }
        if self.batch < 2 {
            return wrong("batch", self.batch.to_string(), "at least 2 (batch norm)");
        }
        if rows < 2 {
            return wrong("rows", rows.to_string(), "at least 2 (batch norm)");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return wrong("learning_rate", self.learning_rate.to_string(), "positive and finite");
        }
        if !(0.0..1.0).contains(&self.average) {
            return wrong("average", self.average.to_string(), "at least 0 and below 1");
        }
        Ok(())
    }

    /// Steps with `rows` training rows before the first whose weights are averaged.
    fn averaged_after(&self, rows: usize) -> usize {
        let (full, rest) = (rows / self.batch.min(rows), rows % self.batch.min(rows));
        let steps = self.epochs * (full + usize::from(rest > 1));
        steps - (steps as f64 * self.average) as usize
    }
}

/// The mean of the weights, and of the running statistics, after a number of steps.
struct Mean {
    after: usize,
    taken: Option<(MlpParams<f32>, Running<f32>)>,
}

impl Mean {
    fn new(after: usize) -> Self {
        Self { after, taken: None }
    }

    fn take_in(&mut self, step: usize, params: &MlpParams<f32>, running: &Running<f32>) {
        match &mut self.taken {
            _ if step <= self.after => {}
            None => self.taken = Some((params.clone(), running.clone())),
            Some((mean, statistics)) => {
                let share = 1.0 / (step - self.after) as f32;
                mean.move_towards(params, share);
                statistics.move_towards(running, share);
            }
        }
    }
}

/// Zero with probability `dropout`, else one over the probability to keep.
fn draw_mask(mask: &mut [f32], dropout: f64, rng: &mut impl RngCore) {
    let threshold = (dropout * 2f64.powi(32)) as u64;
    let keep = (1.0 / (1.0 - dropout)) as f32;
    mask.iter_mut().for_each(|m| *m = if u64::from(rng.next_u32()) < threshold { 0.0 } else { keep });
}

/// Fits on the training rows and scores both sets, both in evaluation mode.
///
/// # Errors
/// As [`MlpProbe::fit`], and for the shapes and labels of the test rows.
pub fn mlp_probe(
    train: &Features,
    train_labels: &[u32],
    test: &Features,
    test_labels: &[u32],
    classes: usize,
    config: &MlpConfig,
) -> Result<(MlpProbe, ProbeResult), ProbeError> {
    test.check_width(train.dim)?;
    check_labels(test.rows, test_labels, classes)?;
    let start = Instant::now();
    let probe = MlpProbe::fit(train, train_labels, classes, config)?;
    let seconds = start.elapsed().as_secs_f64();
    let result = ProbeResult {
        probe: "mlp",
        train_rows: train.rows,
        test_rows: test.rows,
        dim: train.dim,
        classes,
        train_accuracy: accuracy(&probe.predict(train)?, train_labels)?,
        test_accuracy: accuracy(&probe.predict(test)?, test_labels)?,
        iterations: config.epochs,
        converged: true,
        train_loss: probe.train_loss,
        seconds,
    };
    Ok((probe, result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_averaged_is_counted_in_steps() {
        // Batches of 250; a last one of a single row is left out.
        for (rows, average, after) in [(501, 0.5, 3), (502, 0.5, 5), (500, 0.0, 6), (100, 0.34, 2), (500, 0.99, 1)] {
            let config = MlpConfig { epochs: 3, average, ..MlpConfig::default() };
            assert_eq!(config.averaged_after(rows), after, "{rows} rows, {average}");
        }
    }

    #[test]
    fn running_statistics_are_averaged_too() {
        let values = (0..40 * 3).map(|i| (i * 31 % 17) as f32 / 8.0 - 1.0).collect();
        let x = Features::try_new(40, 3, values).unwrap();
        let labels: Vec<u32> = (0..40).map(|i| i % 2).collect();
        let fit = |epochs, average| {
            MlpProbe::fit(&x, &labels, 2, &MlpConfig { hidden: 5, epochs, average, ..MlpConfig::default() }).unwrap()
        };
        let mut mean = fit(2, 0.0).running;
        mean.move_towards(&fit(3, 0.0).running, 0.5);
        assert!(mean == fit(3, 0.67).running);
    }
}

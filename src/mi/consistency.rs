//! Whether an estimator agrees with itself on images, where no truth is known (Song & Ermon, "Understanding the limitations
//! of variational mutual information estimators", 2020, section 6).
//!
//! X is an image and Y what is left of it when all but its top `t` rows are hidden. Y is a function of X, so that the mutual
//! information is the entropy of Y: more than any estimator can show from a sample. What can be held against each other
//! are estimates:
//!
//! | test | estimates | what must hold |
//! |---|---|---|
//! | baseline | I(X; Y) over I(X; X) | rises with `t`, from 0 to 1 |
//! | data processing | I(X, X; Y, h(Y)) over I(X; Y), where h hides three rows more | 1 |
//! | additivity | I(X₁, X₂; Y₁, Y₂) of independent images over I(X; Y) | 2 |

use super::estimate::{EstimateConfig, EstimateError, Estimator, NeuralBound, estimate};
use super::{MiError, Samples};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Rows that data processing hides beyond Y's.
const HIDDEN: usize = 3;

/// Which estimates are held against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// I(X; Y) over I(X; X).
    Baseline,
    /// I(X, X; Y, h(Y)) over I(X; Y).
    DataProcessing,
    /// I(X₁, X₂; Y₁, Y₂) over I(X; Y).
    Additivity,
}

impl Test {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::DataProcessing, Self::Additivity];

    /// The ratio of a consistent estimator when the top `rows` of `height` are kept; the baseline's is known at its ends
    /// alone.
    pub fn expected(self, rows: usize, height: usize) -> Option<f64> {
        match self {
            Self::Baseline if rows == 0 => Some(0.0),
            Self::Baseline if rows == height => Some(1.0),
            Self::Baseline => None,
            Self::DataProcessing => Some(1.0),
            Self::Additivity => Some(2.0),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Baseline => "baseline",
            Self::DataProcessing => "data processing",
            Self::Additivity => "additivity",
        })
    }
}

/// Images as samples.
#[derive(Clone, Debug)]
pub struct Pictures {
    samples: Samples,
    height: usize,
    width: usize,
}

impl Pictures {
    /// `samples` hold `[channels, height, width]` numbers a row.
    ///
    /// # Errors
    /// When the columns are no whole number of channels.
    pub fn new(samples: Samples, height: usize, width: usize) -> Result<Self, MiError> {
        match samples.columns().checked_rem(height * width) {
            Some(0) => Ok(Self { samples, height, width }),
            _ => Err(MiError::Ragged { numbers: samples.columns(), columns: height * width }),
        }
    }

    /// Rows of an image.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The top `rows` of each image: the columns that are not the same in all images, of which there may be none.
    fn top(&self, rows: usize) -> Result<Option<Samples>, MiError> {
        let visible = |c: usize| c / self.width % self.height < rows;
        let varies = |c: usize| {
            let mut column = self.samples.column(c);
            column.next().is_some_and(|first| column.any(|v| v != first))
        };
        let kept: Vec<usize> = (0..self.samples.columns()).filter(|&c| visible(c) && varies(c)).collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let values = (0..self.samples.rows()).flat_map(|i| kept.iter().map(move |&c| (i, c)));
        let values = values.map(|(i, c)| self.samples.row(i)[c]).collect();
        Samples::named(values, kept.iter().map(|&c| self.samples.names()[c].clone()).collect()).map(Some)
    }

    /// The images of one half: the first, or the rest. Each has as many.
    fn half(&self, second: bool) -> Self {
        let n = self.samples.rows() / 2;
        let rows: Vec<usize> = (0..n).map(|i| i + if second { n } else { 0 }).collect();
        Self { samples: self.samples.select(&rows), ..*self }
    }
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Which.
    pub test: Test,
    /// Rows of Y that are not hidden.
    pub rows: usize,
    /// The estimate, nats.
    pub nats: f64,
    /// What it is held against, nats.
    pub against: f64,
    /// `nats / against`.
    pub ratio: f64,
    /// The most that the estimator can show of so many images, nats.
    pub ceiling: Option<f64>,
}

/// An estimate with its ceiling; 0 when one side is the same in all images.
type Nats = (f64, Option<f64>);

fn nats(x: &Samples, y: Option<&Samples>, config: &EstimateConfig) -> Result<Nats, EstimateError> {
    let Some(y) = y else { return Ok((0.0, None)) };
    // Pictures share pixels, of which the automatic choice says that their information has no end; critics compare them.
    let estimator = match config.estimator {
        Estimator::Auto => Estimator::Neural(NeuralBound::InfoNce),
        named => named,
    };
    let found = estimate(x, y, &EstimateConfig { estimator, ..config.clone() })?;
    Ok((found.nats, found.ceiling))
}

/// The samples of both side by side, of those that there are.
fn join(a: Option<Samples>, b: Option<Samples>) -> Result<Option<Samples>, MiError> {
    match (a, b) {
        (Some(a), Some(b)) => a.beside(&b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

/// The comparisons of one estimator on one set of images. Estimates of I(X; Y) that several need are made once.
pub struct Comparisons<'a> {
    images: &'a Pictures,
    config: &'a EstimateConfig,
    /// I(X; Y) by rows kept.
    plain: BTreeMap<usize, Nats>,
}

impl<'a> Comparisons<'a> {
    /// None made yet.
    pub fn new(images: &'a Pictures, config: &'a EstimateConfig) -> Self {
        Self { images, config, plain: BTreeMap::new() }
    }

    /// One comparison with the top `rows` of the images kept.
    ///
    /// # Errors
    /// When there are more `rows` than the images have, when the images are all alike, and what the estimator says.
    pub fn compare(&mut self, test: Test, rows: usize) -> Result<Comparison, EstimateError> {
        let Self { images, config, .. } = *self;
        if rows > images.height {
            let value = rows.to_string();
            return Err(MiError::Setting { name: "rows", value, allowed: "no more than the images have" }.into());
        }
        let ((nats, ceiling), (against, _)) = match test {
            Test::Baseline => (self.plain(rows)?, self.plain(images.height)?),
            Test::DataProcessing => {
                let x = whole(images)?;
                let both = join(images.top(rows)?, images.top(rows.saturating_sub(HIDDEN))?)?;
                (nats(&x.beside(&x)?, both.as_ref(), config)?, self.plain(rows)?)
            }
            Test::Additivity => {
                let (first, second) = (images.half(false), images.half(true));
                let x = whole(&first)?;
                let both = x.beside(&whole(&second)?)?;
                let y = first.top(rows)?;
                let joined = join(y.clone(), second.top(rows)?)?;
                (nats(&both, joined.as_ref(), config)?, nats(&x, y.as_ref(), config)?)
            }
        };
        Ok(Comparison { test, rows, nats, against, ratio: nats / against, ceiling })
    }

    /// I(X; Y) of all images.
    fn plain(&mut self, rows: usize) -> Result<Nats, EstimateError> {
        if let Some(&known) = self.plain.get(&rows) {
            return Ok(known);
        }
        let found = nats(&whole(self.images)?, self.images.top(rows)?.as_ref(), self.config)?;
        self.plain.insert(rows, found);
        Ok(found)
    }
}

/// The images, unless they are all alike.
fn whole(images: &Pictures) -> Result<Samples, MiError> {
    let value = images.samples.row(0)[0];
    images.top(images.height)?.ok_or(MiError::Constant { column: "all of the images".into(), value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mi::estimate::{Estimator, Learning, NeuralBound};
    use crate::seed;
    use rand::Rng;
    use rand_distr::StandardNormal;

    /// InfoNCE that learns for a moment.
    fn critics() -> EstimateConfig {
        let learning = Learning { folds: 2, steps: 100, batch: 64, ..Learning::default() };
        let estimator = Estimator::Neural(NeuralBound::InfoNce);
        EstimateConfig { estimator, learning, ..EstimateConfig::default() }
    }

    /// Images of 4 rows and 1 column, the bottom row white.
    fn images(n: usize) -> Pictures {
        let mut rng = seed::stream(3, "test", 0);
        let values = (0..4 * n).map(|i| if i % 4 == 3 { 255.0 } else { rng.sample(StandardNormal) }).collect();
        Pictures::new(Samples::new(values, 4).unwrap(), 4, 1).unwrap()
    }

    #[test]
    fn rows_that_are_hidden_and_rows_that_never_change_say_nothing() {
        let images = images(300);
        assert_eq!(images.top(0).unwrap(), None);
        assert_eq!(images.top(2).unwrap().unwrap().columns(), 2);
        // The white row says nothing and is left out.
        assert_eq!(images.top(4).unwrap().unwrap().columns(), 3);
        assert_eq!(images.half(true).samples.row(0), images.samples.row(150));
        let config = critics();
        let hidden = Comparisons::new(&images, &config).compare(Test::Baseline, 0).unwrap();
        assert_eq!((hidden.nats, hidden.ratio), (0.0, 0.0));
        assert_eq!(Comparisons::new(&images, &config).compare(Test::Baseline, 4).unwrap().ratio, 1.0);
        let text = Comparisons::new(&images, &config).compare(Test::Baseline, 5).unwrap_err().to_string();
        assert!(text.contains("rows") && text.contains('5'), "{text}");
    }

    #[test]
    fn copies_add_little_and_a_second_image_adds_much() {
        let images = images(300);
        let processed = Comparisons::new(&images, &critics()).compare(Test::DataProcessing, 3).unwrap();
        assert!((0.8..1.25).contains(&processed.ratio) && processed.nats > 1.0, "{processed:?}");
        let two = Comparisons::new(&images, &critics()).compare(Test::Additivity, 1).unwrap();
        assert!(two.ratio > 1.1 && two.nats < two.ceiling.unwrap(), "{two:?}");
        assert_eq!(Test::Additivity.expected(1, 4), Some(2.0));
        // Nearest neighbours see that y is a function of x and refuse.
        let ksg = EstimateConfig { estimator: Estimator::Ksg, ..critics() };
        assert!(Comparisons::new(&images, &ksg).compare(Test::Baseline, 3).is_err());
    }

    #[test]
    fn images_have_whole_channels() {
        assert!(Pictures::new(Samples::new(vec![1.0; 10], 5).unwrap(), 2, 2).is_err());
        assert!(Pictures::new(Samples::new(vec![1.0; 10], 5).unwrap(), 0, 2).is_err());
    }
}

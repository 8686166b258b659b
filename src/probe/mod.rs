//! Classifiers on frozen features: how much of a label can be read off a representation.
//!
//! A probe sees a matrix, whatever computed it. Sizes are run-time values here, unlike those of the encoders.
//!
//! * [`Standardiser`]: zero mean and unit variance by the training rows;
//! * [`LinearProbe`]: multinomial logistic regression or a support vector machine by L-BFGS, no learning rate to choose;
//! * [`MlpProbe`]: the non-linear probe of Hjelm et al. 2019 (arXiv 1808.06670, §4.1), one hidden layer of 200 units;
//! * [`few_label_curve`]: accuracy against the number of labels;
//! * [`knn_probe`]: votes of the nearest training rows, nothing trained;
//! * [`rank_me`]: the effective rank of features, without labels;
//! * [`ndm`]: how dependent the units of a representation are;
//! * [`ms_ssim`]: how alike images are, for decoders;
//! * [`utility()`]: how many labels pretraining saves, from scores at several numbers of labels;
//! * [`location_rows`], [`DepthProbe`], [`depth_scores`]: probes of local feature maps;
//! * [`nearest`]: exact nearest neighbours of a few rows, for pictures.
//!
//! Results are bit-identical whatever the number of threads: work is cut into chunks whose sizes depend on the data
//! alone, and partial sums are added in a fixed order.
//!
//! ```
//! use infomax::probe::{Features, LinearConfig, LinearProbe, accuracy};
//! let x = Features::try_new(4, 1, vec![-2.0, -1.0, 1.0, 2.0])?;
//! let labels = [0, 0, 1, 1];
//! let probe = LinearProbe::fit(&x, &labels, 2, &LinearConfig::default())?;
//! assert_eq!(accuracy(&probe.predict(&x)?, &labels)?, 1.0);
//! # Ok::<(), infomax::probe::ProbeError>(())
//! ```

mod adam;
mod dense;
mod dot;
mod error;
mod features;
mod few_label;
mod hinge;
mod knn;
mod lbfgs;
mod linear;
mod mlp;
mod mlp_net;
mod ms_ssim;
mod ndm;
mod neighbours;
mod rank;
mod softmax;
mod standardise;
mod utility;

pub use dense::{DepthProbe, DepthScores, at_locations, depth_scores, location_rows};
pub use error::ProbeError;
pub use features::{Features, ProbeResult, accuracy};
pub use few_label::{FewLabelPoint, balanced_subset, few_label_curve};
pub use knn::{KnnConfig, KnnResult, knn_predict, knn_probe};
pub use linear::{LinearConfig, LinearLoss, LinearProbe, linear_probe};
pub use mlp::{MlpConfig, MlpProbe, mlp_probe};
pub use mlp_net::MlpParams;
pub use ms_ssim::{MsSsimConfig, ms_ssim};
pub use ndm::{NdmConfig, ndm};
pub use neighbours::{Distance, Neighbour, nearest};
pub use rank::rank_me;
pub use softmax::softmax_loss;
pub use standardise::{Standardiser, standardise};
pub use utility::{
    ArmUtility, BaselinePoint, Trial, Utility, UtilityConfig, UtilityPoint, UtilityReport, isotonic_fit, utility,
};

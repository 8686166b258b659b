//! What `infomax train` measures while it trains.

use super::probe::{Passes, parse_passes};
use crate::train::{OnlineProbes, ProbeConfig};
use clap::Args;

/// Settings of probes during training.
#[derive(Debug, Args)]
pub(super) struct OnlineArgs {
    /// Probe the encoder every N epochs while it learns, and before it does: a linear probe of conv, fc and Y on held-out
    /// images, written to the run's probes.jsonl and drawn in its report. The training is the same without
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    probe_every: Option<u64>,
    /// Probe by 200 hidden units as well each time
    #[arg(long, requires = "probe_every")]
    probe_mlp: bool,
    /// Passes of that probe over the labels, for conv, fc and Y [default: 6,6,40]
    #[arg(long, value_name = "N,N,N", requires = "probe_mlp", value_parser = parse_passes)]
    probe_mlp_epochs: Option<Passes>,
    /// Share of its steps, the last ones, whose weights are averaged; 0 takes the last step's [default: 1/3]
    #[arg(long, value_name = "SHARE", requires = "probe_mlp")]
    probe_mlp_average: Option<f64>,
    /// Probe by 200 nearest neighbours as well each time
    #[arg(long, requires = "probe_every")]
    probe_knn: bool,
    /// Labels that these probes learn from, of the first images [default: all]
    #[arg(long, value_name = "LABELS", requires = "probe_every")]
    probe_labels: Option<usize>,
    /// Held-out images that these probes are judged on, the first ones [default: all]
    #[arg(long, value_name = "IMAGES", requires = "probe_every")]
    probe_held_out: Option<usize>,
}

impl OnlineArgs {
    pub(super) fn probes(&self) -> Option<OnlineProbes> {
        let every = self.probe_every?;
        // What a run was probed by is in its settings, whatever later programs take for usual.
        let (usual, mlp) = (ProbeConfig::default(), self.probe_mlp);
        Some(OnlineProbes {
            every,
            mlp,
            mlp_epochs: mlp.then(|| self.probe_mlp_epochs.unwrap_or(usual.mlp_epochs)),
            mlp_average: mlp.then(|| self.probe_mlp_average.unwrap_or(usual.mlp_average)),
            knn: self.probe_knn,
            labels: self.probe_labels,
            held_out: self.probe_held_out,
        })
    }
}

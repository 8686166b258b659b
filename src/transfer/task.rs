//! Tasks, and how much of an encoder learns them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What is told of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Its class. Score: share of images told right.
    Classification,
    /// The pose of its object: up, or one of four quadrants. Score: share of images told right.
    Pose,
    /// The class, or the background, at every location. Score: share of locations told right.
    Segmentation,
    /// The depth at every location. Score: share of locations with max(p/g, g/p) < 1.25.
    Depth,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Classification, Self::Pose, Self::Segmentation, Self::Depth];

    /// Its name in settings and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Pose => "pose",
            Self::Segmentation => "segmentation",
            Self::Depth => "depth",
        }
    }

    /// The task of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Whether every location of the map has a target.
    pub fn is_dense(self) -> bool {
        matches!(self, Self::Segmentation | Self::Depth)
    }

    /// What its score is, in words.
    pub fn measure(self) -> &'static str {
        match self {
            Self::Classification => "share of images whose class is told",
            Self::Pose => "share of images whose pose (of five) is told",
            Self::Segmentation => "share of locations whose class, or background, is told",
            Self::Depth => "share of locations whose depth is told within a factor of 1.25",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much of the encoder learns the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// All of it, with the head: a linear layer on `fc`, or a 3×3 convolution and a linear layer on the map.
    #[default]
    FineTune,
    /// All of it, with a small network on the last convolution (200 hidden units, batch norm): semi-supervised learning as in
    /// Hjelm et al. 2019, section 4.1. For tasks of whole images.
    FineTuneConv,
    /// None of it; the head has a hidden layer (of 200 units on `fc`, the convolution on the map).
    Frozen,
    /// None of it; logistic regression, or least squares for depth, on its standardised features.
    Linear,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::FineTune, Self::FineTuneConv, Self::Frozen, Self::Linear];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::FineTune => "fine-tune",
            Self::FineTuneConv => "fine-tune-conv",
            Self::Frozen => "frozen",
            Self::Linear => "linear",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

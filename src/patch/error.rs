//! What can be wrong with patches.

/// An error that names the value and the way out, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// Patches without pixels.
    #[error("the patch size is 0: give at least 1 pixel")]
    NoSize,
    /// Patches that never move on.
    #[error("the stride is 0, so every patch would be the first: give at least 1 pixel")]
    NoStride,
    /// No random patches.
    #[error("0 random patches an image are none: give at least 1")]
    NoCount,
    /// Images without channels.
    #[error("an image without channels has no patches")]
    NoChannels,
    /// A patch that is larger than the image.
    #[error(
        "a patch of {size}x{size} pixels does not fit an image of {height}x{width} (height x width): give at most {}",
        height.min(width)
    )]
    TooLarge {
        /// The side of the patch.
        size: usize,
        /// The image's height.
        height: usize,
        /// The image's width.
        width: usize,
    },
    /// More patches than memory should be asked for.
    #[error(
        "{per_image} patches of {size}x{size} pixels an image are over the limit of {limit} values: take fewer, smaller or farther apart"
    )]
    TooMany {
        /// Patches of each image.
        per_image: usize,
        /// The side of a patch.
        size: usize,
        /// The most values that the patches of one image may have.
        limit: usize,
    },
    /// Data of another length than its shape says.
    #[error("{what} are {found} where {expected} are needed")]
    Length {
        /// What has the length.
        what: &'static str,
        /// The length.
        found: usize,
        /// What it should be, in words.
        expected: String,
    },
    /// The device failed, for want of memory as a rule.
    #[error("the device failed: {0}")]
    Device(String),
}

//! Images beside those that a representation puts next to them.

use super::{ContactSheet, FRAME_OTHER, FRAME_QUERY, FRAME_SAME, ReportError, Tile};
use crate::data::ImageSet;
use crate::probe::{Distance, Features, ProbeError, nearest};

/// Why there is no sheet of neighbours.
#[derive(Debug, thiserror::Error)]
pub enum NeighboursError {
    /// The features do not allow it.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The sheet cannot be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// A row for each query: the image, and its `k` nearest by `features [N, F]` of `set`'s N images, nearest first, framed by
/// whether they are of its class.
///
/// # Errors
/// As [`nearest`]; [`ReportError::Size`] unless there is a row of features for each image.
pub fn neighbour_sheet(
    set: &ImageSet,
    features: &Features,
    queries: &[usize],
    k: usize,
    distance: Distance,
) -> Result<ContactSheet, NeighboursError> {
    if features.rows != set.len() {
        return Err(NeighboursError::Report(ReportError::Size {
            what: "the features".into(),
            got: format!("{} rows", features.rows),
            expected: format!("{} has {} images; give one row for each", set.name, set.len()),
        }));
    }
    let found = nearest(features, queries, k, distance)?;
    let mut sheet = ContactSheet::new(k + 1, 2)?;
    for (&query, near) in queries.iter().zip(&found) {
        let frame = |row| if set.label(row) == set.label(query) { FRAME_SAME } else { FRAME_OTHER };
        let framed = near.iter().map(|n| (n.row, frame(n.row)));
        for (row, frame) in std::iter::once((query, FRAME_QUERY)).chain(framed) {
            sheet.push(Tile::new(set.channels, set.height, set.width, set.image(row).to_vec())?.frame(frame))?;
        }
    }
    Ok(sheet)
}

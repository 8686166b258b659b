//! Data sets as contact sheets.

use super::tensors::enlarged;
use crate::data::{ImageSet, UNLABELLED};
use crate::patch::Cutter;
use crate::probe::{Distance, Features};
use crate::report::{ContactSheet, NeighboursError, ReportError, Tile, neighbour_sheet, patch_tile};

/// These images of a set, ten in a row, each over the name of its class.
///
/// # Errors
/// [`ReportError::Size`] for an index that the set does not have.
pub fn set_images(set: &ImageSet, indices: impl IntoIterator<Item = usize>) -> Result<ContactSheet, ReportError> {
    let mut sheet = ContactSheet::new(10, enlarged(set.height))?;
    for index in indices {
        check(set, index)?;
        let tile = Tile::new(set.channels, set.height, set.width, set.image(index).to_vec())?;
        sheet.push(tile.caption(class(set, index)))?;
    }
    Ok(sheet)
}

/// These images of a set, each beside its patches, two in a row.
///
/// # Errors
/// [`ReportError::Size`] for an index that the set does not have, or a cutter made for other images.
pub fn set_patches(
    set: &ImageSet,
    cutter: &Cutter,
    indices: impl IntoIterator<Item = usize>,
) -> Result<ContactSheet, ReportError> {
    let mut sheet = ContactSheet::new(2, 1)?;
    for index in indices {
        check(set, index)?;
        sheet.push(patch_tile(set.image(index), cutter, index)?.caption(class(set, index)))?;
    }
    Ok(sheet)
}

/// Images of a set, each beside the `k` nearest to it by `features [N, F]` (L1 distance), framed green where they are of its
/// class and red where they are not.
///
/// # Errors
/// As [`neighbour_sheet`].
pub fn set_neighbours(
    set: &ImageSet,
    features: &Features,
    queries: &[usize],
    k: usize,
) -> Result<ContactSheet, NeighboursError> {
    neighbour_sheet(set, features, queries, k, Distance::L1)
}

fn check(set: &ImageSet, index: usize) -> Result<(), ReportError> {
    match index < set.len() {
        true => Ok(()),
        false => Err(ReportError::Size {
            what: "the image's index".into(),
            got: index.to_string(),
            expected: format!("{} has {} images, from 0", set.name, set.len()),
        }),
    }
}

fn class(set: &ImageSet, index: usize) -> String {
    match set.label(index) {
        UNLABELLED => String::new(),
        label => set.classes.get(label as usize).cloned().unwrap_or_else(|| label.to_string()),
    }
}

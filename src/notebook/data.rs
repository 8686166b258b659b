//! Data sets as contact sheets.

use super::tensors::enlarged;
use crate::data::{BatchLoader, DataError, FlatBatch, ImageSet, Loading, UNLABELLED};
use crate::patch::Cutter;
use crate::probe::{Distance, Features};
use crate::report::{ContactSheet, NeighboursError, ReportError, Tile, neighbour_sheet, patch_tile};
use std::ops::Range;
use std::sync::Arc;

/// The batches of training steps `steps`, counted from 0 through all epochs; begin with the steps that are done to go on.
///
/// # Errors
/// The first item is an error when no loader can be had: see [`BatchLoader::new`].
pub fn batches(
    set: &Arc<ImageSet>,
    loading: &Loading,
    steps: Range<u64>,
) -> impl Iterator<Item = Result<FlatBatch, DataError>> + use<> {
    let (set, loading) = (set.clone(), loading.clone());
    let per_epoch = (set.len() / loading.batch.max(1)).max(1) as u64;
    let mut loader = None;
    let mut failed = false;
    steps.map_while(move |step| {
        if failed {
            return None;
        }
        let (epoch, first) = (step / per_epoch, step % per_epoch);
        if loader.is_none() || first == 0 {
            match BatchLoader::new(set.clone(), &loading, epoch, first as usize) {
                Ok(new) => loader = Some(new),
                Err(e) => {
                    failed = true;
                    return Some(Err(e));
                }
            }
        }
        loader.as_mut().and_then(Iterator::next)
    })
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Order, Split, augment::Augment};

    #[test]
    fn batches_go_on_where_they_stopped() {
        let set = Arc::new(ImageSet::load("fashion_mnist_sample", Split::Test, None).unwrap());
        let loading = Loading { batch: 300, seed: 1, order: Order::Shuffled, augment: Augment::default() };
        let indices = |steps| batches(&set, &loading, steps).map(|b| b.unwrap().indices).collect::<Vec<_>>();
        // 2000 images are 6 batches an epoch: these steps cross into the third.
        let all = indices(0..14);
        assert_eq!((all.len(), &all[5..14]), (14, &indices(5..14)[..]));
        assert_ne!(all[0], all[6]);
        let none = Loading { batch: 0, ..loading.clone() };
        assert!(matches!(&batches(&set, &none, 0..3).collect::<Vec<_>>()[..], [Err(DataError::Batch { .. })]));
    }
}

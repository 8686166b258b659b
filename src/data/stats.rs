//! What a data set holds: counts, channel statistics, images that occur twice, and what is wrong with it.

use super::assemble::{append, form, pieces};
use super::source::Source;
use super::{DataError, Split};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Messages about bad images and labels that are kept; all are counted.
const MESSAGES: usize = 20;
/// Pairs of equal images that are listed for each pair of splits; all are counted.
const PAIRS: usize = 20;

/// Statistics of one split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitStats {
    /// `train`, `valid`, `test` or `unlabeled`.
    pub split: &'static str,
    /// Rows.
    pub rows: usize,
    /// Images of each class; empty for a split without labels.
    pub per_class: Vec<u64>,
    /// Mean of each channel over the images that decode, in [0, 1].
    pub mean: Vec<f64>,
    /// Standard deviation of each channel over the same.
    pub std: Vec<f64>,
    /// Rows whose image does not decode or is of another size.
    pub undecodable: u64,
    /// Rows whose label names no class.
    pub mislabelled: u64,
    /// Images that are the same, pixel by pixel, as an earlier one of the split.
    pub repeated: u64,
    /// What is wrong with the first bad rows.
    pub messages: Vec<String>,
}

/// Images that two splits share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shared {
    /// The two splits.
    pub splits: [&'static str; 2],
    /// Images of the second that occur in the first.
    pub images: u64,
    /// The first of them: row in the first split, row in the second.
    pub rows: Vec<[usize; 2]>,
}

/// Statistics of a set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetStats {
    /// The set's name, or its path.
    pub name: String,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// Each split that is here.
    pub splits: Vec<SplitStats>,
    /// Each pair of splits that shares an image.
    pub shared: Vec<Shared>,
}

/// Reads and decodes every image of every split that is here. `advance` is told of rows as they are done.
///
/// A row that is bad is counted and told of, and does not end the work. Images are equal when all their pixels are (64-bit
/// hashes are compared: one false pair is to be expected in some 10¹⁹ pairs).
///
/// # Errors
/// When no split is here, or a file as a whole cannot be read.
pub fn stats(source: &str, dir: Option<&Path>, mut advance: impl FnMut(usize)) -> Result<SetStats, DataError> {
    let found = Source::detect(source, dir)?;
    let mut set: Option<SetStats> = None;
    let mut seen: Vec<(&'static str, HashMap<u64, usize>)> = Vec::new();
    let mut missing = None;
    for split in Split::ALL {
        let records = match found.load(split) {
            Ok(records) => records,
            // The set has no such split, or it is not on this machine.
            Err(e @ (DataError::NotFound { .. } | DataError::Card { .. } | DataError::Source(_)))
                if split != Split::Train || matches!(e, DataError::NotFound { .. }) =>
            {
                missing.get_or_insert(e);
                continue;
            }
            Err(e) => return Err(e),
        };
        let form = form(&records)?;
        let labels: Vec<i64> = records.parts.iter().flat_map(|p| p.labels.iter().copied()).collect();
        let largest = labels.iter().copied().max().unwrap_or(0).clamp(0, super::source::MAX_CLASSES as i64);
        let classes = records.classes.clone().unwrap_or_else(|| super::source::numbered(largest as usize + 1));
        let mut one = SplitStats {
            split: split.name(),
            rows: labels.len(),
            per_class: if split == Split::Unlabeled { Vec::new() } else { vec![0; classes.len()] },
            mean: Vec::new(),
            std: Vec::new(),
            undecodable: 0,
            mislabelled: 0,
            repeated: 0,
            messages: Vec::new(),
        };
        if split != Split::Unlabeled {
            for (row, &label) in labels.iter().enumerate() {
                match usize::try_from(label).ok().and_then(|l| one.per_class.get_mut(l)) {
                    Some(count) => *count += 1,
                    None => {
                        one.mislabelled += 1;
                        tell(
                            &mut one.messages,
                            format!("row {row}: label {label} names none of {} classes", classes.len()),
                        );
                    }
                }
            }
        }
        let area = form.height * form.width;
        let (mut sums, mut images) = (vec![[0u64; 2]; form.channels], 0u64);
        let mut hashes: HashMap<u64, usize> = HashMap::new();
        let mut begin = 0;
        for (number, rows) in pieces(&records) {
            let part = &records.parts[number];
            let all: Vec<usize> = rows.clone().collect();
            let mut pixels = Vec::new();
            let mut good: Vec<usize> = (0..all.len()).collect();
            if append(&mut pixels, form, part, &all).is_err() {
                // One of them is bad: one by one, then.
                (pixels, good) = (Vec::new(), Vec::new());
                for (k, &row) in all.iter().enumerate() {
                    let before = pixels.len();
                    match append(&mut pixels, form, part, &[row]) {
                        Ok(()) => good.push(k),
                        Err(e) => {
                            pixels.truncate(before);
                            one.undecodable += 1;
                            tell(&mut one.messages, e.to_string());
                        }
                    }
                }
            }
            images += good.len() as u64;
            let measured: Vec<(u64, Vec<[u64; 2]>)> =
                pixels.par_chunks_exact(form.numel().max(1)).map(|image| measure(image, area)).collect();
            for (k, (hash, channels)) in good.into_iter().zip(measured) {
                for (sum, c) in sums.iter_mut().zip(channels) {
                    *sum = [sum[0] + c[0], sum[1] + c[1]];
                }
                let row = begin + k;
                match hashes.entry(hash) {
                    Entry::Occupied(_) => one.repeated += 1,
                    Entry::Vacant(place) => _ = place.insert(row),
                }
            }
            begin += all.len();
            advance(all.len());
        }
        let count = (images * area as u64) as f64;
        one.mean = sums.iter().map(|s| s[0] as f64 / count / 255.0).collect();
        one.std =
            sums.iter().zip(&one.mean).map(|(s, m)| (s[1] as f64 / count / 65025.0 - m * m).max(0.0).sqrt()).collect();
        let set = set.get_or_insert_with(|| SetStats {
            name: found.name(source),
            classes: classes.clone(),
            shape: [form.channels, form.height, form.width],
            splits: Vec::new(),
            shared: Vec::new(),
        });
        for (other, known) in &seen {
            let mut rows: Vec<[usize; 2]> =
                hashes.iter().filter_map(|(h, &row)| known.get(h).map(|&o| [o, row])).collect();
            rows.sort_unstable_by_key(|r| r[1]);
            if !rows.is_empty() {
                let images = rows.len() as u64;
                rows.truncate(PAIRS);
                set.shared.push(Shared { splits: [other, one.split], images, rows });
            }
        }
        seen.push((one.split, hashes));
        set.splits.push(one);
    }
    match (set, missing) {
        (Some(set), _) => Ok(set),
        (None, Some(e)) => Err(e),
        (None, None) => Err(DataError::Setting(format!("{source} has no split"))),
    }
}

fn tell(messages: &mut Vec<String>, message: String) {
    if messages.len() < MESSAGES {
        messages.push(message);
    }
}

/// An image's hash, and for each channel the sum of its bytes and of their squares.
fn measure(image: &[u8], area: usize) -> (u64, Vec<[u64; 2]>) {
    let mut hasher = DefaultHasher::new();
    image.hash(&mut hasher);
    let channels = image
        .chunks_exact(area.max(1))
        .map(|plane| plane.iter().fold([0, 0], |[s, q], &b| [s + u64::from(b), q + u64::from(b) * u64::from(b)]));
    (hasher.finish(), channels.collect())
}

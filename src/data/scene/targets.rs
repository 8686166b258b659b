//! Masks and depths of a written set.

use super::POSES;
use crate::data::decode::decode_grey16;
use crate::data::source::Source;
use crate::data::table::{Labels, TableImages};
use crate::data::{DataError, Split};
use rayon::prelude::*;
use std::path::Path;

/// Steps of a stored depth in a unit of length.
const STEPS: f32 = 20_000.0;
/// The stored depth of the background.
const FAR: u16 = u16::MAX;

/// A depth as it is stored.
pub(super) fn to_steps(depth: f32) -> u16 {
    if depth.is_finite() { (depth * STEPS).round().clamp(0.0, f32::from(FAR - 1)) as u16 } else { FAR }
}

/// What every pixel of a split shows, `[N, H, W]` each, in the order of the split's images.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseTargets {
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// 0 for the background, 1 + the class elsewhere.
    pub masks: Vec<u8>,
    /// Distance along the camera's axis; infinite for the background.
    pub depths: Vec<f32>,
}

impl DenseTargets {
    /// Reads the columns `mask` and `depth` of a split of a written set: a card, or a folder of parquet files.
    ///
    /// # Errors
    /// When the set is not there, has no such columns, or they are damaged or differ in size.
    pub fn load(source: &str, split: Split, dir: Option<&Path>) -> Result<Self, DataError> {
        let found = Source::detect(source, dir)?;
        let (files, _) = found.tables(split).ok_or_else(|| {
            DataError::Setting(format!(
                "{source} has no masks and depths for its {} split: they are in parquet files, as `infomax data scenes` \
                 writes them",
                split.name()
            ))
        })?;
        let mut targets = Self { height: 0, width: 0, masks: Vec::new(), depths: Vec::new() };
        for path in files {
            for (size, masks) in columns(&path, "mask", |value, row| {
                let classes = 1 + super::CLASS_NAMES.len();
                let known = u8::try_from(value).ok().filter(|&class| usize::from(class) < classes);
                known.ok_or_else(|| DataError::Label { path: path.clone(), row, label: i64::from(value), classes })
            })? {
                targets.grow(&path, size)?;
                targets.masks.extend(masks);
            }
            for (size, depths) in columns(&path, "depth", |value, _| {
                Ok(if value == FAR { f32::INFINITY } else { f32::from(value) / STEPS })
            })? {
                targets.grow(&path, size)?;
                targets.depths.extend(depths);
            }
        }
        Ok(targets)
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.masks.len() / (self.height * self.width).max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty()
    }

    /// The mask and the depths of image `i`, `[H, W]`.
    ///
    /// # Panics
    /// When there is no image `i`.
    pub fn image(&self, i: usize) -> (&[u8], &[f32]) {
        let area = self.height * self.width;
        (&self.masks[i * area..][..area], &self.depths[i * area..][..area])
    }

    fn grow(&mut self, path: &Path, [height, width]: [usize; 2]) -> Result<(), DataError> {
        if self.is_empty() {
            (self.height, self.width) = (height, width);
        }
        if [self.height, self.width] != [height, width] {
            return Err(DataError::Size {
                path: path.to_owned(),
                row: self.len(),
                found: (width as u32, height as u32),
                expected: (self.width as u32, self.height as u32),
            });
        }
        Ok(())
    }
}

/// The pose of every image of a split of a written set, each below [`POSES`]: the column `pose`.
///
/// # Errors
/// When the set is not there, has no such column, or a pose is none of the five.
pub fn poses(source: &str, split: Split, dir: Option<&Path>) -> Result<Vec<u32>, DataError> {
    let found = Source::detect(source, dir)?;
    let (files, card) = found.tables(split).ok_or_else(|| {
        DataError::Setting(format!(
            "{source} has no poses for its {} split: they are in parquet files, as `infomax data scenes` writes them",
            split.name()
        ))
    })?;
    let mut poses = Vec::new();
    for path in files {
        let image = card.map(|c| c.image_column.as_str());
        let (_, column) = TableImages::open(&path, image, Labels::Column(Some("pose")))?;
        for (row, pose) in column.into_iter().enumerate() {
            let known = u32::try_from(pose).ok().filter(|&p| (p as usize) < POSES);
            let wrong = || DataError::Label { path: path.clone(), row, label: pose, classes: POSES };
            poses.push(known.ok_or_else(wrong)?);
        }
    }
    Ok(poses)
}

/// Every image of a grey column, its values converted.
fn columns<T: Send>(
    path: &Path,
    name: &str,
    convert: impl Fn(u16, usize) -> Result<T, DataError> + Sync,
) -> Result<Vec<([usize; 2], Vec<T>)>, DataError> {
    let (images, rows) = TableImages::open(path, Some(name), Labels::None)?;
    let encoded = images.rows(0..rows.len())?;
    let decode = |(row, bytes): (usize, &Vec<u8>)| {
        let (size, values) = decode_grey16(bytes).map_err(|e| DataError::Decode {
            path: path.to_owned(),
            row,
            reason: format!("column {name}: {e}"),
        })?;
        Ok((size, values.into_iter().map(|v| convert(v, row)).collect::<Result<_, _>>()?))
    };
    encoded.par_iter().enumerate().map(decode).collect()
}

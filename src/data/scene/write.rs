//! Scenes as a data set: parquet files in the hub's layout and a card.

use super::targets::to_steps;
use super::{CLASS_NAMES, Scene, SceneConfig};
use crate::data::encode::{png, png16};
use crate::data::table::{image_column, write_blocks};
use crate::data::{Card, DataError, Split};
use crate::files::{NewFolder, write_atomic};
use polars::prelude::{Column, DataFrame, PolarsError};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The card in the folder of a written set: name it to read the set.
pub const CARD_FILE: &str = "scenes.toml";
/// Rows of a file.
const SHARD: u64 = 20_000;
/// Rows that are rendered before they are written, and that a reader takes at a time.
const BLOCK: u64 = 512;
/// The most images of a split.
const MOST: u64 = 10_000_000;

/// A set of scenes to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SceneSet {
    /// What is drawn.
    pub config: SceneConfig,
    /// Training images, 1 or more.
    pub train: u64,
    /// Validation images; none for a set without.
    pub valid: u64,
    /// Test images, 1 or more.
    pub test: u64,
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenScenes {
    /// The card's file.
    pub card_file: PathBuf,
    /// What it says.
    pub card: Card,
    /// The parquet files, training images first.
    pub files: Vec<PathBuf>,
}

/// Sums over the pixels of each channel, exact.
#[derive(Clone, Copy, Default)]
struct Sums {
    pixels: u64,
    sum: [u64; 3],
    squares: [u64; 3],
}

/// An image with what is known of it, encoded.
struct Row {
    image: Vec<u8>,
    mask: Vec<u8>,
    depth: Vec<u8>,
    label: i64,
    pose: i64,
    shape: i64,
    sums: Sums,
}

impl SceneSet {
    /// Renders the set and writes it to the folder `out`, which appears whole or not at all. `advance` is told how many
    /// images were added each time.
    ///
    /// The columns: `image`, `mask` and `depth` (structs of PNG `bytes` and `path`), `label`, `pose` and `shape`. A mask is
    /// 0 for the background and 1 + the class elsewhere; depth is of 16 bits, 20,000 to the unit of length, 65,535 for the
    /// background. Label, pose and shape of several objects are those of the one that covers most pixels.
    ///
    /// # Errors
    /// When a setting is out of range, something is at `out` already, or it cannot be written.
    pub fn write(&self, out: &Path, mut advance: impl FnMut(u64)) -> Result<WrittenScenes, DataError> {
        self.check()?;
        let folder = NewFolder::create(out).map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => {
                DataError::Setting(format!("{} exists already; name a folder that does not", out.display()))
            }
            _ => DataError::io("make", out)(e),
        })?;
        let mut sums = Sums::default();
        let mut files = Vec::new();
        for (split, images) in self.splits() {
            let shards = images.div_ceil(SHARD);
            for shard in 0..shards {
                let name = format!("data/{}-{shard:05}-of-{shards:05}.parquet", split.name());
                let rows = shard * SHARD..((shard + 1) * SHARD).min(images);
                let blocks = rows.clone().step_by(BLOCK as usize).map(|from| {
                    let block = self.block(split, from..(from + BLOCK).min(rows.end), out)?;
                    advance(block.1.height() as u64);
                    if split == Split::Train {
                        sums = sums.plus(block.0);
                    }
                    Ok(block.1)
                });
                write_blocks(&folder.join(&name), blocks)?;
                files.push(out.join(name));
            }
        }
        let card = self.card(&sums);
        let text = toml::to_string(&card).map_err(|e| DataError::io("write the card of", out)(Error::other(e)))?;
        write_atomic(folder.join(CARD_FILE), text.as_bytes()).map_err(DataError::io("write the card of", out))?;
        folder.commit().map_err(DataError::io("write", out))?;
        Ok(WrittenScenes { card_file: out.join(CARD_FILE), card, files })
    }

    /// Images of all splits.
    pub fn images(&self) -> u64 {
        self.splits().fold(0, |sum, (_, n)| sum.saturating_add(n))
    }

    fn check(&self) -> Result<(), DataError> {
        self.config.check()?;
        for (split, images) in [("training", self.train), ("test", self.test)] {
            if images == 0 {
                return Err(DataError::Setting(format!("a set of scenes has 1 or more {split} images, not 0")));
            }
        }
        if let Some((split, images)) = self.splits().find(|&(_, n)| n > MOST) {
            let name = split.name();
            return Err(DataError::Setting(format!(
                "{images} images of the {name} split are too many: {MOST} at most"
            )));
        }
        Ok(())
    }

    /// The splits that have images.
    fn splits(&self) -> impl Iterator<Item = (Split, u64)> + use<> {
        let all = [(Split::Train, self.train), (Split::Validation, self.valid), (Split::Test, self.test)];
        all.into_iter().filter(|&(_, n)| n > 0)
    }

    /// Rows of a split, rendered at once.
    fn block(&self, split: Split, rows: Range<u64>, out: &Path) -> Result<(Sums, DataFrame), DataError> {
        let rows: Vec<Row> = rows.into_par_iter().map(|i| self.row(split, i, out)).collect::<Result<_, _>>()?;
        let images = |name: &str, of: fn(&Row) -> &[u8]| {
            let bytes: Vec<&[u8]> = rows.iter().map(of).collect();
            image_column(name, &bytes)
        };
        let numbers =
            |name: &str, of: fn(&Row) -> i64| Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>());
        let frame = || {
            DataFrame::new(
                rows.len(),
                vec![
                    images("image", |r| &r.image)?,
                    numbers("label", |r| r.label),
                    numbers("pose", |r| r.pose),
                    numbers("shape", |r| r.shape),
                    images("mask", |r| &r.mask)?,
                    images("depth", |r| &r.depth)?,
                ],
            )
        };
        let frame = frame().map_err(|e: PolarsError| DataError::io("write", out)(Error::other(e)))?;
        Ok((rows.iter().fold(Sums::default(), |sums, row| sums.plus(row.sums)), frame))
    }

    fn row(&self, split: Split, index: u64, out: &Path) -> Result<Row, DataError> {
        let scene = Scene::draw(&self.config, split, index)?;
        let image = scene.render();
        let size = [image.size; 2];
        let depth: Vec<u16> = image.depth.iter().map(|&d| to_steps(d)).collect();
        let encoded = || Ok([png(&image.pixels, 3, size)?, png(&image.mask, 1, size)?, png16(&depth, size)?]);
        let refused = |e: image::ImageError| DataError::io("encode images for", out)(Error::other(e));
        let [pixels, mask, depth] = encoded().map_err(refused)?;
        let object = &scene.objects[image.largest];
        let (label, pose, shape) = (object.class as i64, object.pose as i64, object.shape as i64);
        Ok(Row { image: pixels, mask, depth, label, pose, shape, sums: Sums::of(&image.pixels) })
    }

    fn card(&self, sums: &Sums) -> Card {
        let SceneConfig { variant, size, objects, seed } = self.config;
        let digits: String = variant.to_string().chars().map(|c| if c == '-' { '0' } else { '1' }).collect();
        let several = if objects == 1 { String::new() } else { format!("-{objects}") };
        let name = format!("scenes-{digits}-{size}{several}");
        let names = |f: &dyn Fn(Split, u64) -> u64| -> BTreeMap<String, u64> {
            self.splits().map(|(split, n)| (split.name().to_owned(), f(split, n))).collect()
        };
        Card {
            repo: format!("infomax/{name}"),
            name,
            description: format!(
                "{} rendered scenes of {objects} object(s) of ten classes; {variant} varies (texture, colour, viewpoint, \
                 lighting); pose, mask and depth beside the label",
                self.images()
            ),
            revision: "main".into(),
            files: self.splits().map(|(s, _)| (s.name().to_owned(), format!("data/{}-*.parquet", s.name()))).collect(),
            image_column: "image".into(),
            label_column: "label".into(),
            classes: CLASS_NAMES.map(str::to_owned).to_vec(),
            channels: 3,
            width: size as u32,
            height: size as u32,
            rows: names(&|_, n| n),
            mean: (0..3).map(|c| rounded(sums.mean(c))).collect(),
            std: (0..3).map(|c| rounded(sums.variance(c).sqrt())).collect(),
            licence: "generated; no rights reserved".into(),
            citation:
                "classes, factors and their strengths: Newell & Deng, How Useful is Self-Supervised Pretraining for \
                       Visual Tasks?, CVPR 2020"
                    .into(),
            sources: vec![format!(
                "rendered by infomax {}: infomax data scenes --variant={variant} --size {size} --objects {objects} --seed \
                 {seed} --count {} --valid {} --test {}",
                env!("CARGO_PKG_VERSION"),
                self.train,
                self.valid,
                self.test
            )],
            ships: false,
            attributes: Vec::new(),
        }
    }
}

/// To four digits, as cards have them.
fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

impl Sums {
    fn of(planes: &[u8]) -> Self {
        let area = planes.len() / 3;
        let mut sums = Self { pixels: area as u64, ..Self::default() };
        for (c, plane) in planes.chunks_exact(area.max(1)).enumerate() {
            sums.sum[c] = plane.iter().map(|&p| u64::from(p)).sum();
            sums.squares[c] = plane.iter().map(|&p| u64::from(p) * u64::from(p)).sum();
        }
        sums
    }

    fn plus(self, o: Self) -> Self {
        Self {
            pixels: self.pixels + o.pixels,
            sum: std::array::from_fn(|c| self.sum[c] + o.sum[c]),
            squares: std::array::from_fn(|c| self.squares[c] + o.squares[c]),
        }
    }

    /// In [0, 1].
    fn mean(&self, c: usize) -> f64 {
        self.sum[c] as f64 / self.pixels as f64 / 255.0
    }

    fn variance(&self, c: usize) -> f64 {
        (self.squares[c] as f64 / self.pixels as f64 / (255.0 * 255.0) - self.mean(c).powi(2)).max(0.0)
    }
}

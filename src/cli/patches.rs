//! `infomax data patches`, and how every verb that cuts patches is told so.

use super::CliError;
use super::cache::CacheArgs;
use crate::data::{ImageSet, Split};
use crate::patch::Cutter;
use crate::report::{ContactSheet, patch_tile};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Which images.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// A data set's name or a folder of parquet files
    source: String,
    /// Which split: train or test
    #[arg(long, default_value = "train", value_parser = super::inspect::parse_split)]
    split: Split,
    /// Where to look for a named data set first
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    cache: CacheArgs,
}

impl SourceArgs {
    pub(super) fn load(&self) -> Result<ImageSet, CliError> {
        self.cache.load(&self.source, self.split, self.data_dir.as_deref())
    }

    pub(super) fn split(&self) -> &'static str {
        self.split.name()
    }
}

/// Where patches lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Side by side
    Grid,
    /// Overlapping, --stride pixels apart
    Strided,
    /// --count of them anywhere
    Random,
}

/// How patches are cut, besides their kind.
#[derive(Debug, Args)]
pub(super) struct CutArgs {
    /// Pixels from a strided patch to the next; half a patch if not given
    #[arg(long, value_name = "PIXELS")]
    stride: Option<usize>,
    /// Random patches of each image [default: 16]
    #[arg(long)]
    count: Option<usize>,
    /// Seed of random patches [default: 0]
    #[arg(long)]
    seed: Option<u64>,
}

impl CutArgs {
    /// Whether any of them is given.
    pub(super) fn given(&self) -> bool {
        self.stride.is_some() || self.count.is_some() || self.seed.is_some()
    }

    pub(super) fn cutter(&self, set: &ImageSet, kind: Kind, size: usize) -> Result<Cutter, CliError> {
        let usage = |option: &str, kind: &str| Err(CliError::Usage(format!("--{option} is for {kind} patches")));
        if self.stride.is_some() && kind != Kind::Strided {
            return usage("stride", "strided");
        }
        if self.count.is_some() && kind != Kind::Random {
            return usage("count", "random");
        }
        if self.seed.is_some() && kind != Kind::Random {
            return usage("seed", "random");
        }
        let shape = [set.channels, set.height, set.width];
        let cutter = match kind {
            Kind::Grid => Cutter::grid(shape, size),
            Kind::Strided => Cutter::strided(shape, size, self.stride.unwrap_or(size.div_ceil(2))),
            Kind::Random => Cutter::random(shape, size, self.count.unwrap_or(16), self.seed.unwrap_or(0), 0),
        };
        Ok(cutter.map_err(crate::data::DataError::from)?)
    }
}

#[derive(Debug, Args)]
pub(super) struct PatchesArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Where patches lie
    #[arg(long, value_enum, default_value = "grid")]
    kind: Kind,
    /// Side of a patch, pixels
    #[arg(long, value_name = "PIXELS")]
    size: usize,
    #[command(flatten)]
    cut: CutArgs,
    /// Images to show, from the first
    #[arg(long, default_value_t = 6)]
    images: usize,
    /// Draw the images beside their patches: OUT.png and OUT.svg
    #[arg(long, value_name = "OUT")]
    preview: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Says how many patches there are and where, and draws some.
pub(super) fn run(args: &PatchesArgs) -> Result<(), CliError> {
    let set = args.source.load()?;
    let cutter = args.cut.cutter(&set, args.kind, args.size)?;
    let shown = args.images.min(set.len());
    let pictures = match &args.preview {
        Some(stem) => preview(&set, args.source.split(), &cutter, shown, stem)?.to_vec(),
        None => Vec::new(),
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json(&set, args.source.split(), &cutter, shown, &pictures))?;
        return Ok(());
    }
    let images = set.len();
    let channels = if set.channels == 1 { "grey".to_owned() } else { format!("{} channels", set.channels) };
    writeln!(
        out,
        "{} ({}): {images} images of {}x{} pixels (height x width), {channels}",
        set.name,
        args.source.split(),
        set.height,
        set.width
    )?;
    writeln!(out, "{cutter}, {} in all\n", images.saturating_mul(cutter.per_image()))?;
    if cutter.grid_size().is_some() {
        let positions = cutter.positions(0);
        let rows = distinct(positions.iter().map(|p| p.row));
        let columns = distinct(positions.iter().map(|p| p.column));
        writeln!(out, "rows at     {rows}\ncolumns at  {columns}")?;
        let left = cutter.uncovered(0);
        if left > 0 {
            writeln!(out, "in no patch {left} of the {} pixels of an image", set.height * set.width)?;
        }
    } else {
        writeln!(out, "upper left pixels (row, column) of the first {shown} images' patches:")?;
        for i in 0..shown {
            let places: Vec<String> =
                cutter.positions(i).iter().map(|p| format!("({}, {})", p.row, p.column)).collect();
            writeln!(out, "image {i:<3} {}", places.join(" "))?;
        }
    }
    if !pictures.is_empty() {
        writeln!(out)?;
    }
    for path in pictures {
        writeln!(out, "{}", path.display())?;
    }
    Ok(())
}

/// The different values, in order.
fn distinct(values: impl Iterator<Item = usize>) -> String {
    let values: std::collections::BTreeSet<usize> = values.collect();
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Regular patches lie alike in every image, so their positions are given once; random ones for each image shown.
fn json(set: &ImageSet, split: &str, cutter: &Cutter, shown: usize, pictures: &[PathBuf]) -> serde_json::Value {
    let positions = match cutter.grid_size() {
        Some(_) => serde_json::json!(cutter.positions(0)),
        None => (0..shown).map(|i| serde_json::json!(cutter.positions(i))).collect(),
    };
    serde_json::json!({
        "data": set.name, "split": split, "images": set.len(), "shape": cutter.shape(), "size": cutter.size(),
        "stride": cutter.stride(), "grid": cutter.grid_size(), "per_image": cutter.per_image(),
        "patches": set.len().saturating_mul(cutter.per_image()),
        "uncovered": cutter.grid_size().map(|_| cutter.uncovered(0)), "positions": positions, "pictures": pictures,
    })
}

fn preview(set: &ImageSet, split: &str, cutter: &Cutter, images: usize, stem: &Path) -> Result<[PathBuf; 2], CliError> {
    let mut sheet = ContactSheet::new(if images > 1 { 2 } else { 1 }, 1)?;
    for i in 0..images {
        let tile = patch_tile(set.image(i), cutter, i)?;
        let class = set.labels().get(i).and_then(|&l| set.classes.get(l as usize)).map_or("", String::as_str);
        sheet.push(tile.caption(format!("{i}: {class}")))?;
    }
    let stem = match stem.extension().and_then(|e| e.to_str()) {
        Some("png" | "svg") => stem.with_extension(""),
        _ => stem.to_owned(),
    };
    Ok(sheet.title(format!("{} {split}: {cutter}", set.name)).write(stem)?)
}

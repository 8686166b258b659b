//! `infomax data export`.

use super::CliError;
use super::patches::{CutArgs, Kind, SourceArgs};
use crate::data::{Export, ExportFormat, ExportedFile};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// NumPy arrays: OUT.npy, and beside it OUT.labels.npy, OUT.indices.npy and OUT.positions.npy
    Npy,
    /// One file of tensors: images or patches, labels, indices, positions
    Safetensors,
    /// One row for each image or patch, as PNG, in the hub's layout
    Parquet,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Npy => Self::Npy,
            Format::Safetensors => Self::Safetensors,
            Format::Parquet => Self::Parquet,
        }
    }
}

impl Format {
    /// What is written to `out`: as said, or else as the file's ending says.
    pub(super) fn or_ending(said: Option<Self>, out: &Path) -> Result<ExportFormat, CliError> {
        said.map(ExportFormat::from).or_else(|| ExportFormat::of(out)).ok_or_else(|| {
            let endings = ExportFormat::ALL.map(|(_, ending)| format!(".{ending}")).join(", ");
            CliError::Usage(format!("{} does not say the format: end it in {endings}, or give --format", out.display()))
        })
    }
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What to write; the ending of FILE says it if not given
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Cut the images into patches
    #[arg(long, value_name = "KIND", value_enum, requires = "size")]
    patches: Option<Kind>,
    /// Side of a patch, pixels
    #[arg(long, value_name = "PIXELS", requires = "patches")]
    size: Option<usize>,
    #[command(flatten)]
    cut: CutArgs,
    /// Only the first ROWS images
    #[arg(long)]
    rows: Option<usize>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ExportArgs) -> Result<(), CliError> {
    let format = Format::or_ending(args.format, &args.out)?;
    if args.patches.is_none() && args.cut.given() {
        return Err(CliError::Usage("--stride, --count and --seed need --patches".into()));
    }
    let set = args.source.load()?;
    let patches = match args.patches.zip(args.size) {
        Some((kind, size)) => Some(args.cut.cutter(&set, kind, size)?),
        None => None,
    };
    let images = args.rows.unwrap_or(set.len());
    let files = Export { set: &set, images, patches, format, overwrite: args.force }.write(&args.out)?;
    print(&files, images, args.json)
}

/// Says which files were written for so many images.
pub(super) fn print(files: &[ExportedFile], images: usize, json: bool) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    if json {
        let files: Vec<_> = files.iter().map(|f| serde_json::json!({ "path": f.path, "content": f.content })).collect();
        writeln!(out, "{}", serde_json::json!({ "images": images, "files": files }))?;
        return Ok(());
    }
    for file in files {
        writeln!(out, "{}  {}", file.path.display(), file.content.join(", "))?;
    }
    Ok(())
}

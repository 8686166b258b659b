//! `infomax data`.

use super::{CliError, download, inspect, show, stats};
use crate::data::write_sample;
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct DataArgs {
    #[command(subcommand)]
    verb: DataVerb,
}

#[derive(Debug, Subcommand)]
enum DataVerb {
    /// List the sets known by name, and what of them is on this machine
    List(inspect::ListArgs),
    /// Count, measure, and find what is wrong: classes, channels, repeated and undecodable images
    Stats(stats::StatsArgs),
    /// Draw a contact sheet of images with their labels
    Preview(inspect::PreviewArgs),
    /// Show a set's card, and what of it is on this machine
    Show(show::ShowArgs),
    /// Download a data set from the Hugging Face hub into the hub's own cache
    Download(download::DownloadArgs),
    /// Check the downloaded files of a data set against their hashes
    Verify(download::VerifyArgs),
    /// List the decoded copies of data sets, or remove them
    Cache(super::cache::DataCacheArgs),
    /// Write a smaller, class-balanced cut in the same layout
    Sample {
        /// A name
        name: String,
        /// Folder that holds the full set
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// Folder to write under
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Training images of each class
        #[arg(long)]
        train_per_class: usize,
        /// Test images of each class
        #[arg(long)]
        test_per_class: usize,
        /// Seed of the choice
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Render a data set of scenes with labels, poses, masks and depths
    Scenes(super::scenes::ScenesArgs),
    /// Say how images are cut into patches, and draw some
    Patches(super::patches::PatchesArgs),
    /// Write images or patches of them as npy, safetensors or parquet
    Export(super::export::ExportArgs),
}

pub(super) fn run(args: DataArgs) -> Result<(), CliError> {
    let mut out = std::io::stdout();
    match args.verb {
        DataVerb::List(args) => inspect::list(&args)?,
        DataVerb::Stats(args) => stats::run(&args)?,
        DataVerb::Preview(args) => inspect::preview(&args)?,
        DataVerb::Show(args) => show::run(&args)?,
        DataVerb::Cache(args) => super::cache::run(&args)?,
        DataVerb::Scenes(args) => return super::scenes::run(&args),
        DataVerb::Patches(args) => return super::patches::run(&args),
        DataVerb::Export(args) => return super::export::run(&args),
        DataVerb::Download(args) => download::download(args, &mut out)?,
        DataVerb::Verify(args) => download::verify(&args, &mut out)?,
        DataVerb::Sample { name, from, out: folder, train_per_class, test_per_class, seed } => {
            let per_class = [train_per_class, test_per_class];
            for file in write_sample(&name, from.as_deref(), &folder, per_class, seed)? {
                writeln!(out, "{}", file.display())?;
            }
        }
    }
    Ok(())
}

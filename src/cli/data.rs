//! `infomax data`.

use super::{CliError, inspect};
use crate::data::source::SourceError;
use crate::data::{Card, DataError, ImageSet, Split, write_sample};
use crate::report::{Align, Table};
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
    /// Draw a contact sheet of images with their labels
    Preview(inspect::PreviewArgs),
    /// Show what is on this machine of a data set
    Show {
        /// A name, a card, or a path to images (parquet, CSV, image folder, CIFAR, STL-10, MNIST)
        source: String,
        /// Where to look for a named data set first
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
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
}

pub(super) fn run(args: DataArgs) -> Result<(), CliError> {
    let mut out = std::io::stdout();
    match args.verb {
        DataVerb::List(args) => inspect::list(&args)?,
        DataVerb::Preview(args) => inspect::preview(&args)?,
        DataVerb::Show { source, data_dir, json } => {
            let card = match Card::named(&source)? {
                None if source.to_lowercase().ends_with(".toml") => Some(Card::read(source.as_ref())?),
                card => card,
            };
            let mut splits = Vec::new();
            for split in [Split::Train, Split::Test] {
                match ImageSet::load(&source, split, data_dir.as_deref()) {
                    // A set may have one split only.
                    Err(DataError::Source(SourceError::NoSplit { .. })) if split == Split::Test => {}
                    set => splits.push((split.name(), set?)),
                }
            }
            if json {
                let sets: serde_json::Map<_, _> = splits
                    .iter()
                    .map(|(name, s)| {
                        let value = serde_json::json!({
                            "images": s.len(), "channels": s.channels, "height": s.height, "width": s.width,
                            "classes": s.classes, "per_class": s.per_class(),
                        });
                        ((*name).to_owned(), value)
                    })
                    .collect();
                writeln!(out, "{}", serde_json::json!({ "card": card, "here": sets }))?;
                return Ok(());
            }
            if let Some(card) = card {
                writeln!(
                    out,
                    "{}: {}\nlicence: {}\ncite: {}\n",
                    card.name, card.description, card.licence, card.citation
                )?;
            }
            let train = &splits[0].1;
            let test = splits.get(1).map(|(_, s)| s.per_class()).unwrap_or_default();
            writeln!(out, "{} x {} pixels, {} channels; here:\n", train.width, train.height, train.channels)?;
            let mut table = Table::new(&[("class", Align::Left), ("train", Align::Right), ("test", Align::Right)]);
            let counts = train.per_class().into_iter().zip(test.iter().copied().chain(std::iter::repeat(0)));
            for (name, (a, b)) in train.classes.iter().zip(counts) {
                table.push([name.clone(), a.to_string(), b.to_string()])?;
            }
            table.push(["all".to_owned(), train.len().to_string(), test.iter().sum::<usize>().to_string()])?;
            writeln!(out, "{}", table.to_text())?;
        }
        DataVerb::Sample { name, from, out: folder, train_per_class, test_per_class, seed } => {
            let per_class = [train_per_class, test_per_class];
            for file in write_sample(&name, from.as_deref(), &folder, per_class, seed)? {
                writeln!(out, "{}", file.display())?;
            }
        }
    }
    Ok(())
}

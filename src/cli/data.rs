//! `infomax data`.

use super::{CliError, download};
use crate::data::{Card, ImageSet, Split, write_sample};
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
    /// Download a data set from the Hugging Face hub into the hub's own cache
    Download(download::DownloadArgs),
    /// Check the downloaded files of a data set against their hashes
    Verify(download::VerifyArgs),
    /// Show what is on this machine of a data set
    Show {
        /// A name or a folder of parquet files
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
    let mut out = std::io::stdout().lock();
    match args.verb {
        DataVerb::Download(args) => download::download(args, &mut out)?,
        DataVerb::Verify(args) => download::verify(&args, &mut out)?,
        DataVerb::Show { source, data_dir, json } => {
            let card = Card::named(&source)?;
            let mut splits = Vec::new();
            for split in [Split::Train, Split::Test] {
                splits.push((split.name(), ImageSet::load(&source, split, data_dir.as_deref())?));
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
            let (train, test) = (&splits[0].1, &splits[1].1);
            writeln!(out, "{} x {} pixels, {} channels; here:\n", train.width, train.height, train.channels)?;
            let mut table = Table::new(&[("class", Align::Left), ("train", Align::Right), ("test", Align::Right)]);
            let counts = train.per_class().into_iter().zip(test.per_class().into_iter().chain(std::iter::repeat(0)));
            for (name, (a, b)) in train.classes.iter().zip(counts) {
                table.push([name.clone(), a.to_string(), b.to_string()])?;
            }
            table.push(["all".to_owned(), train.len().to_string(), test.len().to_string()])?;
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

//! `infomax data download` and `infomax data verify`.

use super::{CliError, download_bar, train};
use crate::data::hub::{Examined, FileState, Hub, HubConfig, HubError, Request};
use crate::data::source::missing_shard;
use crate::data::{Card, DataError};
use crate::report::{Align, Table};
use clap::Args;
use std::io::Write;

#[derive(Debug, Args)]
#[command(after_help = "\
Files go where Python's huggingface_hub keeps them, and what either has downloaded the other finds. These variables count:
  HF_HUB_CACHE    folder of the cache [default: hub in HF_HOME, which is ~/.cache/huggingface]
  HF_TOKEN        for data sets that are not open to all
  HF_ENDPOINT     another hub [default: https://huggingface.co]
  HF_HUB_OFFLINE  1: make no request

The files are those of the commit that the card pins, so that a name means the same images every time. Python finds them
with revision=COMMIT; what it finds without is what --revision main downloads. Sets are read at the card's commit first.

Examples:
  infomax data download cifar10
  infomax data download cifar10 --revision main
  infomax data download stl10 --split train --split test
  HF_HUB_CACHE=/big/disk infomax data download celeba --jobs 8")]
pub(super) struct DownloadArgs {
    /// The data set's name
    name: String,
    /// Only these splits [default: all]
    #[arg(long, value_delimiter = ',')]
    split: Vec<String>,
    /// Files at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Branch, tag or commit of the repository [default: the commit that the set's card pins]
    #[arg(long)]
    revision: Option<String>,
    /// Download again what is here already
    #[arg(long)]
    force: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Reads every file of the set in the hub's cache and compares its hash; its length too, if the hub can be asked.

Examples:
  infomax data verify cifar10
  HF_HUB_OFFLINE=1 infomax data verify cifar10 --json")]
pub(super) struct VerifyArgs {
    /// The data set's name
    name: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn download(args: DownloadArgs, out: &mut impl Write) -> Result<(), CliError> {
    let card = card(&args.name)?;
    let patterns = patterns(&card, &args.split)?;
    let mut config = HubConfig::from_env()?;
    (config.jobs, config.force) = (usize::from(args.jobs), args.force);
    let hub = Hub::new(config)?;
    let stop = train::stop_on_ctrl_c("stopping; what has arrived is kept. Ctrl-C again to stop at once");
    let progress = download_bar::progress(args.quiet);
    let revision = args.revision.as_deref().unwrap_or(&card.revision);
    let result = hub.list_with(&card.repo, revision, &*progress, &stop).map_err(|e| match e {
        // A hub of one's own may have the data set, but not its history.
        HubError::NotFound { .. } if args.revision.is_none() && card.commit().is_some() => {
            CliError::Failed(format!("{e}; --revision main takes what is there now"))
        }
        e => e.into(),
    });
    let result = result.and_then(|(commit, names)| {
        let requests = requests(&hub, &card, revision, &patterns, &names)?;
        Ok((commit, hub.download(&requests, &*progress, &stop)?))
    });
    // Bars go before errors and results are printed.
    drop(progress);
    let (commit, paths) = result?;
    if !args.quiet {
        match card.commit() {
            Some(pinned) if pinned != commit => {
                eprintln!(
                    "note: this is commit {commit}; the card was written for {pinned}, the one without --revision"
                );
            }
            None if args.revision.is_none() => {
                eprintln!("note: the card pins no commit; {revision} is at {commit} now and may move");
            }
            _ => {}
        }
    }
    if args.json {
        let result = serde_json::json!({
            "name": card.name, "repo": card.repo, "revision": revision, "commit": commit, "files": paths,
        });
        writeln!(out, "{result}")?;
        return Ok(());
    }
    for path in &paths {
        writeln!(out, "{}", path.display())?;
    }
    if !args.quiet {
        eprintln!("next: infomax data show {}", card.name);
    }
    Ok(())
}

pub(super) fn verify(args: &VerifyArgs, out: &mut impl Write) -> Result<(), CliError> {
    let card = card(&args.name)?;
    let examined = Hub::new(HubConfig::from_env()?)?.verify(&card.repo, None)?;
    if args.json {
        let result = serde_json::json!({ "name": card.name, "repo": card.repo, "files": examined });
        writeln!(out, "{result}")?;
    } else {
        let mut table = Table::new(&[("file", Align::Left), ("commit", Align::Left), ("state", Align::Left)]);
        for file in &examined {
            let commit = file.commit.get(..8).unwrap_or(&file.commit);
            table.push([file.path.clone(), commit.to_owned(), in_words(file)])?;
        }
        writeln!(out, "{}", table.to_text())?;
    }
    let bad = examined.iter().filter(|e| !e.state.is_sound()).count();
    if bad > 0 {
        let all = examined.len();
        return Err(CliError::Failed(format!(
            "{bad} of {all} files are damaged; get them again with: infomax data download {} --force",
            card.name
        )));
    }
    Ok(())
}

fn in_words(file: &Examined) -> String {
    match &file.state {
        FileState::Ok { size } => format!("ok, {size} bytes"),
        FileState::Unchecked { size } => format!("there, {size} bytes; the hub gives no hash"),
        FileState::WrongSize { expected, found } => format!("WRONG SIZE: {found} bytes instead of {expected}"),
        FileState::WrongHash { expected, found } => format!("WRONG HASH: {found} instead of {expected}"),
        FileState::MissingBlob => "MISSING: its content is gone".to_owned(),
    }
}

fn card(name: &str) -> Result<Card, CliError> {
    Card::named(name)?.ok_or_else(|| {
        let known = Card::names().collect::<Vec<_>>().join(", ");
        CliError::Usage(format!("no data set is called `{name}`; known are {known}"))
    })
}

/// The file patterns of the splits, all if none is named.
fn patterns(card: &Card, splits: &[String]) -> Result<Vec<String>, CliError> {
    if splits.is_empty() {
        return Ok(card.files.values().cloned().collect());
    }
    let pattern = |split: &String| {
        card.files.get(split).cloned().ok_or_else(|| {
            let known = card.files.keys().cloned().collect::<Vec<_>>().join(", ");
            CliError::Usage(format!("{} has no split `{split}`; it has {known}", card.name))
        })
    };
    splits.iter().map(pattern).collect()
}

/// The files of the listing that the patterns name, each once.
fn requests(
    hub: &Hub,
    card: &Card,
    revision: &str,
    patterns: &[String],
    names: &[String],
) -> Result<Vec<Request>, CliError> {
    let mut wanted: Vec<&String> = Vec::new();
    for pattern in patterns {
        let found: Vec<&String> = names.iter().filter(|name| matches(pattern, name)).collect();
        if found.is_empty() && hub.config().offline {
            let what = format!("{pattern} of {} at {revision}", card.repo);
            return Err(HubError::Offline { what, cache: hub.config().cache.clone() }.into());
        }
        if found.is_empty() {
            let reason = format!("{} at {revision} has no file that matches {pattern}", card.repo);
            return Err(DataError::Card { name: card.name.clone(), reason }.into());
        }
        wanted.extend(found);
    }
    wanted.sort();
    wanted.dedup();
    // The listing is of what is in the cache then, which may be a part of the set.
    if hub.config().offline
        && let Some(missing) = missing_shard(wanted.iter().map(|name| name.as_str()))
    {
        let what = format!("{} of {} at {revision}", missing.file, card.repo);
        return Err(HubError::Offline { what, cache: hub.config().cache.clone() }.into());
    }
    Ok(wanted.into_iter().map(|name| Request::new(&card.repo, revision, name)).collect())
}

/// Whether a name is what a pattern with at most one `*`, which stands for anything without a slash, describes.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            let middle = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
            middle.is_some_and(|m| !m.contains('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_one_folder() {
        assert!(matches("plain_text/train-*.parquet", "plain_text/train-00000-of-00001.parquet"));
        assert!(matches("README.md", "README.md"));
        for name in ["plain_text/train-.parque", "plain_text/train-x/y.parquet", "train-0.parquet", "README.md"] {
            assert!(!matches("plain_text/train-*.parquet", name), "{name}");
        }
        assert!(!matches("ab*ba", "aba"));
    }
}

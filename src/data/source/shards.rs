//! Files that say how many of them there are: `train-00000-of-00003.parquet`.

use crate::data::{DataError, Split};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The most files of a split.
const MOST: usize = 100_000;

/// Of a split that is cut into files, one that is not among `names`; how many there are, and how many there should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The first file that is not there.
    pub file: String,
    /// Files of its kind that are there.
    pub there: usize,
    /// Files that there should be.
    pub of: usize,
}

/// The first file that is missing by what the names of the others say. Names of another form say nothing.
pub(crate) fn missing<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Missing> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let mut whole = None;
    for name in &names {
        let Some(shard) = Shard::of(name) else { continue };
        let kind = (shard.before, shard.of, shard.digits);
        if whole.replace(kind) == Some(kind) {
            continue;
        }
        let is_there = |i: &usize| names.contains(shard.named(*i).as_str());
        if let Some(i) = (0..shard.of).find(|i| !is_there(i)) {
            let there = (0..shard.of).filter(is_there).count();
            return Some(Missing { file: shard.named(i), there, of: shard.of });
        }
    }
    None
}

/// Files of a split, unless their names say that there should be more of them.
pub(super) fn all_shards(files: Vec<PathBuf>, split: Split) -> Result<Vec<PathBuf>, DataError> {
    let names = files.iter().filter_map(|f| f.file_name()?.to_str());
    match missing(names) {
        None => Ok(files),
        Some(Missing { file: missing, there, of }) => {
            let folder = files.first().and_then(|f| f.parent()).map(Path::to_owned).unwrap_or_default();
            Err(DataError::MissingShard { split: split.name(), folder, missing, there, of })
        }
    }
}

/// What a name says.
struct Shard<'a> {
    before: &'a str,
    of: usize,
    digits: [usize; 2],
}

impl<'a> Shard<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let (rest, of) = name.strip_suffix(".parquet")?.rsplit_once("-of-")?;
        let (before, number) = rest.rsplit_once('-')?;
        let digits = [number, of].map(|n| if n.bytes().all(|b| b.is_ascii_digit()) { n.len() } else { 0 });
        let of = of.parse().ok().filter(|n| (1..=MOST).contains(n))?;
        (digits.iter().all(|&n| n > 0)).then_some(Self { before, of, digits })
    }

    fn named(&self, i: usize) -> String {
        let [number, of] = self.digits;
        format!("{}-{i:0number$}-of-{:0of$}.parquet", self.before, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_is_missing_is_named() {
        let of = |names: &[&str]| missing(names.iter().copied());
        for whole in [
            &["a/train-00000-of-00001.parquet"][..],
            &["t-00001-of-00002.parquet", "t-00000-of-00002.parquet"],
            &["train.parquet", "train-0.parquet", "x-y-of-00002.parquet", "x-1-of-z.parquet", "-of-.parquet"],
            &["t-0-of-0.parquet", "t-0-of-99999999999999999999.parquet", "t-00000-of-00002.csv"],
            &[],
        ] {
            assert_eq!(of(whole), None, "{whole:?}");
        }
        let found = of(&["d/t-00003-of-00004.parquet", "d/t-00000-of-00004.parquet", "d/v-0-of-1.parquet"]).unwrap();
        assert_eq!(found, Missing { file: "d/t-00001-of-00004.parquet".into(), there: 2, of: 4 });
        assert_eq!(of(&["t-1-of-2.parquet"]).unwrap().file, "t-0-of-2.parquet");
    }
}

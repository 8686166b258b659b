//! Cards: what is known of a named data set.

use super::source::files::read;
use super::{DataError, Split};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The longest card, bytes.
const MAX_CARD: u64 = 1 << 20;

/// A data set's card, `datasets/<name>.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The name used on the command line.
    pub name: String,
    /// One line on what it is.
    pub description: String,
    /// Its repository on the hub, `org/name`.
    pub repo: String,
    /// The commit of the repository that is used, 40 hexadecimal digits; or a branch, which may move (`main` if absent).
    #[serde(default = "main_branch")]
    pub revision: String,
    /// Each split's files in the repository; `*` stands for anything.
    pub files: BTreeMap<String, String>,
    /// The column of encoded images.
    pub image_column: String,
    /// The column of labels.
    pub label_column: String,
    /// The classes' names, by label.
    pub classes: Vec<String>,
    /// Channels: 1 or 3.
    pub channels: usize,
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Rows of each split of the full set.
    pub rows: BTreeMap<String, u64>,
    /// Mean of each channel over the training images, in [0, 1].
    pub mean: Vec<f64>,
    /// Standard deviation of each channel.
    pub std: Vec<f64>,
    /// Licence.
    pub licence: String,
    /// Whom to cite.
    pub citation: String,
    /// Where what this card says was looked up.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Whether the files ship with infomax, in `datasets/samples/`: a cut of the set in `repo`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ships: bool,
    /// Other columns that can serve as yes-or-no labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
}

fn main_branch() -> String {
    "main".into()
}

/// The cards that ship with the crate.
const CARDS: [(&str, &str); 8] = [
    ("celeba", include_str!("../../datasets/celeba.toml")),
    ("cifar10", include_str!("../../datasets/cifar10.toml")),
    ("cifar100", include_str!("../../datasets/cifar100.toml")),
    ("fashion_mnist", include_str!("../../datasets/fashion_mnist.toml")),
    ("fashion_mnist_sample", include_str!("../../datasets/fashion_mnist_sample.toml")),
    ("mnist", include_str!("../../datasets/mnist.toml")),
    ("stl10", include_str!("../../datasets/stl10.toml")),
    ("tiny_imagenet", include_str!("../../datasets/tiny_imagenet.toml")),
];

impl Card {
    /// The card called `name`, if there is one.
    ///
    /// # Errors
    /// When the card itself is malformed.
    pub fn named(name: &str) -> Result<Option<Self>, DataError> {
        CARDS.iter().find(|(known, _)| *known == name).map(|(_, text)| Self::parse(name, text)).transpose()
    }

    /// The names of all cards.
    pub fn names() -> impl Iterator<Item = &'static str> {
        CARDS.iter().map(|(name, _)| *name)
    }

    /// Reads and checks a card.
    ///
    /// # Errors
    /// When a field is missing or they contradict each other.
    pub fn parse(name: &str, text: &str) -> Result<Self, DataError> {
        let card = Self::check(name, text)?;
        if card.name != name {
            return Err(DataError::Card { name: name.to_owned(), reason: format!("it calls itself {}", card.name) });
        }
        Ok(card)
    }

    fn check(name: &str, text: &str) -> Result<Self, DataError> {
        let wrong = |reason: String| DataError::Card { name: name.to_owned(), reason };
        let card: Self = toml::from_str(text).map_err(|e| wrong(told(text, &e)))?;
        if ![1, 3].contains(&card.channels) || [card.mean.len(), card.std.len()] != [card.channels; 2] {
            return Err(wrong("channels must be 1 or 3, with a mean and std for each".into()));
        }
        if card.width == 0 || card.height == 0 || card.classes.is_empty() || card.repo.split('/').count() != 2 {
            return Err(wrong("it needs a size, classes, and a repo of the form org/name".into()));
        }
        if !card.mean.iter().chain(&card.std).all(|v| (0.0..=1.0).contains(v)) {
            return Err(wrong("means and deviations are of pixels in [0, 1]".into()));
        }
        if card.revision.is_empty() || card.revision.contains(char::is_whitespace) {
            return Err(wrong(format!("revision is {:?}; it is a commit, or a branch such as `main`", card.revision)));
        }
        for (split, pattern) in &card.files {
            if Split::named(split).is_none() {
                let known = Split::ALL.map(Split::name).join(", ");
                return Err(wrong(format!("its files have a split `{split}`; splits are {known}")));
            }
            if pattern.split('/').any(|part| part.is_empty() || part == "..") || pattern.contains('\\') {
                return Err(wrong(format!("the files {pattern} are not inside its folder")));
            }
            if !card.rows.contains_key(split) {
                return Err(wrong(format!("the {split} split has files, but no number of rows")));
            }
        }
        if let Some(split) = card.rows.keys().find(|split| !card.files.contains_key(*split)) {
            return Err(wrong(format!("it counts rows of a split `{split}` without files")));
        }
        Ok(card)
    }

    /// The commit that the card pins; none when it follows a branch.
    pub fn commit(&self) -> Option<&str> {
        let is_commit = self.revision.len() == 40 && self.revision.bytes().all(|b| b.is_ascii_hexdigit());
        is_commit.then_some(self.revision.as_str())
    }

    /// Splits that the card has files for, in the order train, valid, test, unlabeled.
    pub fn splits(&self) -> impl Iterator<Item = Split> {
        Split::ALL.into_iter().filter(|s| self.files.contains_key(s.name()))
    }

    /// Reads and checks a user's own card. It may have any name, whatever the file is called.
    ///
    /// # Errors
    /// As [`Card::parse`], or when the file cannot be read or is no text.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = read(path, MAX_CARD)?;
        let name = path.display().to_string();
        let wrong = |reason: String| DataError::Card { name: name.clone(), reason };
        let text = std::str::from_utf8(&bytes).map_err(|e| wrong(format!("it is not UTF-8 ({e})")))?;
        Self::check(&name, text)
    }

    /// The file pattern of a split.
    ///
    /// # Errors
    /// When the card has none.
    pub fn pattern(&self, split: Split) -> Result<&str, DataError> {
        self.files.get(split.name()).map(String::as_str).ok_or_else(|| DataError::Card {
            name: self.name.clone(),
            reason: format!("it lists no files for the {} split", split.name()),
        })
    }
}

/// What the parser says, on one line, with the line of the card.
fn told(text: &str, e: &toml::de::Error) -> String {
    let message = e.message().replace('\n', " ");
    let before = e.span().and_then(|s| text.get(..s.start));
    before.map_or(message.clone(), |before| format!("line {}: {message}", 1 + before.matches('\n').count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_is_whole() {
        for name in Card::names() {
            let card = Card::named(name).unwrap().unwrap();
            assert!(card.pattern(Split::Train).is_ok() && card.pattern(Split::Test).is_ok(), "{name}");
            assert!(card.files.values().all(|f| f.ends_with(".parquet")), "{name}");
            assert!(card.sources.iter().any(|s| s.contains(&card.repo)), "{name}");
            assert!(card.commit().is_some() || card.sources.iter().any(|s| s.contains("no pinned revision")), "{name}");
            let mut classes = card.classes.clone();
            classes.sort();
            classes.dedup();
            assert_eq!(classes.len(), card.classes.len(), "{name}");
        }
        let classes = |name| Card::named(name).unwrap().unwrap().classes.len();
        assert_eq!(["cifar10", "cifar100", "mnist", "stl10", "tiny_imagenet"].map(classes), [10, 100, 10, 10, 200]);
        let stl = Card::named("stl10").unwrap().unwrap();
        assert_eq!(stl.splits().collect::<Vec<_>>(), [Split::Train, Split::Test, Split::Unlabeled]);
        assert!(Card::named("cifar11").unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_with_a_card_is_said() {
        let text = include_str!("../../datasets/cifar10.toml");
        for (from, to, said) in [
            ("width = 32", "width = 0", "a size"),
            ("uoft-cs/cifar10\"\nrevision", "cifar10\"\nrevision", "org/name"),
            ("revision = \"0b27", "revision = \"0b 27", "a commit, or a branch"),
            ("plain_text/test-", "../test-", "not inside its folder"),
            ("test = 10000", "tests = 10000", "no number of rows"),
            ("channels = 3", "channels = 4", "1 or 3"),
            ("0.2470", "24.70", "[0, 1]"),
            ("licence", "license", "unknown field"),
            ("name = \"cifar10\"", "name = \"cifar\"", "calls itself"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Card::parse("cifar10", &text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains('\n'), "{from}: {error}");
        }
    }
}

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
}

/// The cards that ship with the crate.
const CARDS: [(&str, &str); 2] = [
    ("cifar10", include_str!("../../datasets/cifar10.toml")),
    ("fashion_mnist", include_str!("../../datasets/fashion_mnist.toml")),
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
        Ok(card)
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
            assert!(card.pattern(Split::Train).is_ok() && card.pattern(Split::Test).is_ok());
            assert_eq!(card.classes.len(), 10);
        }
        assert!(Card::named("cifar11").unwrap().is_none());
    }
}

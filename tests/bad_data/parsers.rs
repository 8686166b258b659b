//! What must hold of every parser for any bytes: it answers, and what it takes is whole. Fuzzed by `tests/fuzz`; the
//! inputs that are kept in `tests/corpus` are tried in every test run.

use infomax::data::source::{cifar, csv, idx, stl10};
use infomax::data::{Card, MAX_SIDE, decode_picture, picture_form};
use std::path::{Component, Path};

/// A parser that is given bytes.
pub type Parser = fn(&[u8]);

/// All of them, by the name of their folder in `tests/corpus`.
pub const ALL: [(&str, Parser); 5] = [("card", card), ("idx", idx), ("cifar", cifar), ("image", image), ("csv", csv)];

fn one_line(e: &dyn std::error::Error) {
    assert!(!e.to_string().contains('\n'), "{e}");
}

pub fn card(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Card::parse("mine", text) {
        Ok(card) => {
            assert!(card.name == "mine" && card.width > 0 && card.height > 0 && !card.classes.is_empty());
            assert_eq!([card.mean.len(), card.std.len()], [card.channels; 2]);
        }
        Err(e) => one_line(&e),
    }
}

pub fn idx(bytes: &[u8]) {
    let path = Path::new("fuzz");
    match idx::parse(path, bytes) {
        Ok(idx) => assert_eq!(idx.dims.iter().product::<usize>(), idx.data.len()),
        Err(e) => one_line(&e),
    }
    match idx::unpack(path, bytes) {
        Ok(plain) => _ = idx::parse(path, &plain),
        Err(e) => one_line(&e),
    }
}

pub fn cifar(bytes: &[u8]) {
    let path = Path::new("fuzz");
    for kind in [cifar::Cifar::Ten, cifar::Cifar::Hundred] {
        match cifar::parse(path, bytes, kind) {
            Ok((labels, pixels)) => {
                assert_eq!(labels.len() * 3072, pixels.len());
                assert!(labels.iter().all(|&l| (0..kind.classes() as i64).contains(&l)));
            }
            Err(e) => one_line(&e),
        }
    }
    match stl10::parse_labels(path, bytes) {
        Ok(labels) => assert_eq!(labels.len(), bytes.len()),
        Err(e) => one_line(&e),
    }
    if let Ok(once) = stl10::parse_images(path, bytes.to_vec()) {
        assert_eq!(stl10::parse_images(path, once).unwrap(), bytes);
    }
}

pub fn image(bytes: &[u8]) {
    let form = picture_form(bytes);
    match decode_picture(bytes) {
        Ok(picture) => {
            let (channels, area) = (picture.form.channels, picture.form.width * picture.form.height);
            assert_eq!(Ok(picture.form), form);
            assert!([1, 3].contains(&channels) && picture.form.width.max(picture.form.height) <= MAX_SIDE as usize);
            assert_eq!(picture.pixels.len(), channels * area);
            for channels in [1, 3] {
                picture.planes(&mut vec![0; channels * area]);
            }
        }
        Err(e) => one_line(&e),
    }
}

pub fn csv(bytes: &[u8]) {
    match csv::parse(Path::new("fuzz"), bytes) {
        Ok(listing) => {
            assert!(listing.entries.iter().all(|e| e.label < listing.classes.len()));
            assert!(listing.entries.is_sorted_by(|a, b| a.line < b.line));
            for path in listing.entries.iter().map(|e| Path::new(&e.path)).filter(|p| p.is_relative()) {
                let mut depth = 0;
                for component in path.components() {
                    depth += match component {
                        Component::Normal(_) => 1,
                        Component::ParentDir => -1,
                        _ => 0,
                    };
                    assert!(depth >= 0, "{}", path.display());
                }
            }
        }
        Err(e) => one_line(&e),
    }
}

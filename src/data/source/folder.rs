//! Folders of images, `ROOT/SPLIT/CLASS/*.png`, as torchvision's `ImageFolder` reads a split's folder.

use super::files::entries;
use super::{ImageFile, Images, MAX_CLASSES, Part, Records, SourceError, split_names};
use crate::data::{DataError, Split};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What is read, by the end of the name, in any case.
const READ: [&str; 3] = ["png", "jpg", "jpeg"];
/// Images that are not read; leaving them out silently would make a smaller set than the user has.
const NOT_READ: [&str; 9] = ["gif", "bmp", "webp", "tif", "tiff", "ppm", "pgm", "avif", "heic"];
/// Folders within a class's folder.
const DEEPEST: usize = 16;

/// A split's folder: the first of the split's names that exists.
fn split_folder(root: &Path, split: Split) -> Option<PathBuf> {
    split_names(split).iter().map(|name| root.join(name)).find(|p| p.is_dir())
}

/// Whether a folder has a split's folder with a folder in it.
pub(super) fn detect(root: &Path) -> Result<bool, DataError> {
    for split in [Split::Train, Split::Test] {
        if let Some(folder) = split_folder(root, split)
            && entries(&folder)?.iter().any(|p| p.is_dir())
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The images of one split: class after class by name, and by path within a class.
struct Listed {
    folder: PathBuf,
    classes: Vec<String>,
    files: Vec<ImageFile>,
    labels: Vec<i64>,
}

/// The images of a split. All splits are listed, since they must agree.
pub(super) fn load(root: &Path, split: Split) -> Result<Records, DataError> {
    let folder = split_folder(root, split).ok_or_else(|| SourceError::NoSplit {
        path: root.to_owned(),
        split: split.name(),
        looked: format!("folders {}", split_names(split).join(", ")),
    })?;
    let wanted = list(folder)?;
    let mut others = Vec::new();
    for other in [Split::Train, Split::Test].into_iter().filter(|&s| s != split) {
        if let Some(folder) = split_folder(root, other) {
            let other = list(folder)?;
            agree(&wanted, &other)?;
            agree(&other, &wanted)?;
            others.extend(other.files);
        }
    }
    let part = Part { path: wanted.folder, images: Images::Files(wanted.files), labels: wanted.labels };
    Ok(Records { parts: vec![part], classes: Some(wanted.classes), others, form: None })
}

/// Whether all classes of `a` are classes of `b`.
fn agree(a: &Listed, b: &Listed) -> Result<(), SourceError> {
    match a.classes.iter().find(|class| b.classes.binary_search(class).is_err()) {
        None => Ok(()),
        Some(class) => {
            Err(SourceError::ClassMissing { class: class.clone(), has: a.folder.clone(), lacks: b.folder.clone() })
        }
    }
}

fn list(folder: PathBuf) -> Result<Listed, DataError> {
    let wrong = |path: &Path, reason: String| SourceError::Folder { path: path.to_owned(), reason };
    let mut listed = Listed { classes: Vec::new(), files: Vec::new(), labels: Vec::new(), folder };
    // By name; paths of one folder sort as their names do.
    for path in entries(&listed.folder)? {
        if !path.is_dir() {
            if is_image(&path)? {
                return Err(wrong(&path, "an image outside a class's folder; move it into one".into()).into());
            }
            continue;
        }
        let class = path.file_name().and_then(|n| n.to_str());
        let class = class.ok_or_else(|| wrong(&path, "the class's name is not UTF-8; rename the folder".into()))?;
        let (mut files, mut seen) = (Vec::new(), HashSet::new());
        images(&path, 0, &mut seen, &mut files)?;
        if files.is_empty() {
            let reason = format!("the class has no images ({}); add some or remove the folder", READ.join(", "));
            return Err(wrong(&path, reason).into());
        }
        files.sort();
        let label = listed.classes.len();
        if label == MAX_CLASSES {
            return Err(wrong(&listed.folder, format!("more than {MAX_CLASSES} classes")).into());
        }
        listed.classes.push(class.to_owned());
        listed.labels.resize(listed.labels.len() + files.len(), label as i64);
        listed.files.extend(files.into_iter().map(|path| ImageFile { path, list: None }));
    }
    if listed.classes.is_empty() {
        return Err(wrong(&listed.folder, "no folders of classes in it; make one for each class".into()).into());
    }
    Ok(listed)
}

/// The images in a folder and the folders in it. Links are followed, but no folder is read twice: that would never end,
/// or count images more than once.
fn images(folder: &Path, depth: usize, seen: &mut HashSet<PathBuf>, found: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let wrong = |reason: String| SourceError::Folder { path: folder.to_owned(), reason };
    let real = folder.canonicalize().map_err(DataError::io("read", folder))?;
    if !seen.insert(real) {
        return Err(wrong("a link to a folder of the same class; remove the link".into()).into());
    }
    if depth > DEEPEST {
        return Err(wrong(format!("more than {DEEPEST} folders deep; flatten it")).into());
    }
    for path in entries(folder)? {
        if path.is_dir() {
            images(&path, depth + 1, seen, found)?;
        } else if is_image(&path)? {
            found.push(path);
        }
    }
    Ok(())
}

/// By the name's end. Files of no image format are nobody's concern; images that cannot be read are.
fn is_image(path: &Path) -> Result<bool, SourceError> {
    let Some(end) = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase) else { return Ok(false) };
    if NOT_READ.contains(&end.as_str()) {
        let reason = format!("images of kind {end} are not read; convert it to PNG");
        return Err(SourceError::Folder { path: path.to_owned(), reason });
    }
    Ok(READ.contains(&end.as_str()))
}

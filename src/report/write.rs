//! Files that appear whole or not at all.

use super::ReportError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `bytes` to a new file beside `path`, flushes it to the disk and renames it over `path`.
///
/// Whoever reads `path` sees the old content or the new, also after a crash. The parent folder is made when missing.
///
/// # Errors
/// [`ReportError::Io`] with the path; the file beside is removed then.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), ReportError> {
    let path = path.as_ref();
    write(path, bytes).map_err(|source| ReportError::Io { path: path.into(), source })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let beside = folder.join(beside);
    let done = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, path)
    })();
    if let Err(e) = done {
        if e.kind() != io::ErrorKind::AlreadyExists {
            let _ = fs::remove_file(&beside);
        }
        return Err(e);
    }
    // the rename itself; folders cannot be opened as files everywhere
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

pub(super) fn draw_error(error: impl std::fmt::Display) -> ReportError {
    ReportError::Draw(error.to_string())
}

/// PNG of dense 8-bit RGB rows.
pub(super) fn encode_png(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, ReportError> {
    use image::ImageEncoder;
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(pixels, width, height, image::ExtendedColorType::Rgb8)
        .map_err(draw_error)?;
    Ok(bytes)
}

/// Writes `stem.svg` and `stem.png`; a dot in the stem stays.
pub(super) fn write_pair(stem: &Path, svg: &[u8], png: &[u8]) -> Result<[PathBuf; 2], ReportError> {
    let with = |extension: &str| {
        let mut name = stem.as_os_str().to_owned();
        name.push(extension);
        PathBuf::from(name)
    };
    let paths = [with(".svg"), with(".png")];
    write_atomic(&paths[0], svg)?;
    write_atomic(&paths[1], png)?;
    Ok(paths)
}

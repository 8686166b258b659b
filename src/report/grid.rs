//! Contact sheets: small images in rows and columns.

use super::ReportError;
use super::font;
use super::write::{encode_png, write_pair};
use std::path::{Path, PathBuf};

/// Frame of a query image: dark grey.
pub const FRAME_QUERY: [u8; 3] = [60, 60, 60];
/// Frame of a neighbour of the query's class: a green that red-green blindness leaves distinct.
pub const FRAME_SAME: [u8; 3] = [0, 158, 115];
/// Frame of a neighbour of another class: a red that red-green blindness leaves distinct.
pub const FRAME_OTHER: [u8; 3] = [213, 94, 0];

const FRAME: usize = 4;
const GAP: usize = 8;
const MARGIN: usize = 16;
const CAPTION_SIZE: f64 = 15.0;
const CAPTION_HEIGHT: usize = 22;
const TITLE_SIZE: f64 = 21.0;
const TITLE_HEIGHT: usize = 36;
/// Longest side of a sheet in pixels.
const LIMIT: usize = 16_384;

/// One image of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    channels: usize,
    height: usize,
    width: usize,
    planes: Vec<u8>,
    caption: String,
    frame: Option<[u8; 3]>,
}

impl Tile {
    /// An image of `[C, H, W]` planes, C = 1 (grey) or 3 (RGB), 0 to 255.
    ///
    /// # Errors
    /// [`ReportError::Size`] for other channel counts, empty images, or a buffer of another length.
    pub fn new(channels: usize, height: usize, width: usize, planes: Vec<u8>) -> Result<Self, ReportError> {
        let length = channels.checked_mul(height).and_then(|n| n.checked_mul(width));
        if !matches!(channels, 1 | 3) || height == 0 || width == 0 || length != Some(planes.len()) {
            return Err(ReportError::Size {
                what: "an image".into(),
                got: format!("{channels} x {height} x {width} with {} values", planes.len()),
                expected: "1 or 3 planes of height x width values are needed".into(),
            });
        }
        Ok(Self { channels, height, width, planes, caption: String::new(), frame: None })
    }

    /// Adds a line of text under the image, cut when it is wider than the tile.
    pub fn caption(mut self, text: impl Into<String>) -> Self {
        self.caption = text.into();
        self
    }

    /// Adds a frame of this RGB colour.
    pub fn frame(mut self, color: [u8; 3]) -> Self {
        self.frame = Some(color);
        self
    }

    fn pixel(&self, y: usize, x: usize) -> [u8; 3] {
        let plane = self.height * self.width;
        let at = |c: usize| self.planes[c * plane + y * self.width + x];
        if self.channels == 1 { [at(0); 3] } else { [at(0), at(1), at(2)] }
    }
}

/// Tiles of one size, row by row; each image pixel becomes a square of pixels.
///
/// For nearest neighbours give rows of a query ([`FRAME_QUERY`]) and its neighbours ([`FRAME_SAME`], [`FRAME_OTHER`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactSheet {
    title: String,
    columns: usize,
    scale: usize,
    tiles: Vec<Tile>,
}

/// A sheet laid out: sizes in pixels.
struct Layout {
    tile: (usize, usize),
    caption: usize,
    top: usize,
    size: (usize, usize),
}

impl ContactSheet {
    /// An empty sheet of `columns` tiles per row, images enlarged `scale` times.
    ///
    /// # Errors
    /// [`ReportError::Size`] when either is zero.
    pub fn new(columns: usize, scale: usize) -> Result<Self, ReportError> {
        if columns == 0 || scale == 0 {
            return Err(ReportError::Size {
                what: "the sheet".into(),
                got: format!("{columns} columns at scale {scale}"),
                expected: "both must be at least 1".into(),
            });
        }
        Ok(Self { title: String::new(), columns, scale, tiles: Vec::new() })
    }

    /// Adds a line above the tiles.
    pub fn title(mut self, text: impl Into<String>) -> Self {
        self.title = text.into();
        self
    }

    /// The line above the tiles; empty when there is none.
    pub fn name(&self) -> &str {
        &self.title
    }

    /// Number of tiles.
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// Whether there is no tile.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Adds a tile after the last.
    ///
    /// # Errors
    /// [`ReportError::Size`] when its height or width differs from those before.
    pub fn push(&mut self, tile: Tile) -> Result<(), ReportError> {
        if let Some(first) = self.tiles.first().filter(|f| (f.height, f.width) != (tile.height, tile.width)) {
            return Err(ReportError::Size {
                what: format!("tile {}", self.tiles.len()),
                got: format!("{} x {}", tile.height, tile.width),
                expected: format!("all tiles of a sheet must be {} x {}", first.height, first.width),
            });
        }
        self.tiles.push(tile);
        Ok(())
    }

    /// The sheet as PNG, 8-bit RGB.
    ///
    /// # Errors
    /// [`ReportError::Empty`] without tiles, [`ReportError::Size`] when the sheet would be over 16,384 pixels on a side.
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        let layout = self.layout()?;
        let (width, height) = layout.size;
        let mut pixels = vec![255; width * height * 3];
        for (i, tile) in self.tiles.iter().enumerate() {
            self.paint(tile, self.corner(&layout, i), &mut pixels, width);
        }
        self.write_text(&layout, &mut pixels)?;
        encode_png(&pixels, width as u32, height as u32)
    }

    /// The sheet as SVG: the PNG, embedded.
    ///
    /// # Errors
    /// As [`ContactSheet::png`].
    pub fn svg(&self) -> Result<String, ReportError> {
        self.wrap(&self.png()?)
    }

    /// Writes `stem.svg` and `stem.png`, each whole or not at all; returns their paths.
    ///
    /// # Errors
    /// As [`ContactSheet::png`], and [`ReportError::Io`].
    pub fn write(&self, stem: impl AsRef<Path>) -> Result<[PathBuf; 2], ReportError> {
        let png = self.png()?;
        write_pair(stem.as_ref(), self.wrap(&png)?.as_bytes(), &png)
    }

    fn wrap(&self, png: &[u8]) -> Result<String, ReportError> {
        let (w, h) = self.layout()?.size;
        let title = font::clean(&self.title).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        Ok(format!(
            "<svg width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" xmlns=\"http://www.w3.org/2000/svg\" \
             xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n<title>{title}</title>\n<image width=\"{w}\" \
             height=\"{h}\" xlink:href=\"data:image/png;base64,{}\"/>\n</svg>\n",
            base64(png)
        ))
    }

    fn layout(&self) -> Result<Layout, ReportError> {
        let first = self
            .tiles
            .first()
            .ok_or_else(|| ReportError::Empty { what: format!("contact sheet {:?}", self.title), item: "tile" })?;
        let tile = (
            first.width.saturating_mul(self.scale).saturating_add(2 * FRAME),
            first.height.saturating_mul(self.scale).saturating_add(2 * FRAME),
        );
        let caption = if self.tiles.iter().all(|t| t.caption.is_empty()) { 0 } else { CAPTION_HEIGHT };
        let top = MARGIN + if self.title.is_empty() { 0 } else { TITLE_HEIGHT };
        let columns = self.columns.min(self.tiles.len());
        let rows = self.tiles.len().div_ceil(columns);
        let side = |n: usize, each: usize| n.saturating_mul(each.saturating_add(GAP)).saturating_add(MARGIN - GAP);
        let size = (
            side(columns, tile.0).saturating_add(MARGIN),
            side(rows, tile.1.saturating_add(caption)).saturating_add(top),
        );
        if size.0 > LIMIT || size.1 > LIMIT {
            return Err(ReportError::Size {
                what: "the sheet".into(),
                got: format!("{} x {} pixels", size.0, size.1),
                expected: format!("use fewer tiles or a smaller scale to stay within {LIMIT}"),
            });
        }
        Ok(Layout { tile, caption, top, size })
    }

    /// Upper left corner of tile `i`, its frame included.
    fn corner(&self, layout: &Layout, i: usize) -> (usize, usize) {
        let columns = self.columns.min(self.tiles.len());
        let x = MARGIN + (i % columns) * (layout.tile.0 + GAP);
        let y = layout.top + (i / columns) * (layout.tile.1 + layout.caption + GAP);
        (x, y)
    }

    fn paint(&self, tile: &Tile, (left, top): (usize, usize), pixels: &mut [u8], stride: usize) {
        let (w, h) = (tile.width * self.scale, tile.height * self.scale);
        for y in 0..h + 2 * FRAME {
            for x in 0..w + 2 * FRAME {
                let inside = (FRAME..FRAME + w).contains(&x) && (FRAME..FRAME + h).contains(&y);
                let color = match (inside, tile.frame) {
                    (true, _) => tile.pixel((y - FRAME) / self.scale, (x - FRAME) / self.scale),
                    (false, Some(frame)) => frame,
                    (false, None) => continue,
                };
                let at = ((top + y) * stride + left + x) * 3;
                pixels[at..at + 3].copy_from_slice(&color);
            }
        }
    }

    fn write_text(&self, layout: &Layout, pixels: &mut [u8]) -> Result<(), ReportError> {
        font::register()?;
        let (width, _) = layout.size;
        if !self.title.is_empty() {
            let title = font::fit(&self.title, TITLE_SIZE, (width - 2 * MARGIN - 4) as u32)?;
            let text = font::line(&title, TITLE_SIZE)?;
            paste(&text, (MARGIN - 2, MARGIN - 4), pixels, width);
        }
        for (i, tile) in self.tiles.iter().enumerate().filter(|(_, t)| !t.caption.is_empty()) {
            let (x, y) = self.corner(layout, i);
            let caption = font::fit(&tile.caption, CAPTION_SIZE, layout.tile.0 as u32)?;
            let text = font::line(&caption, CAPTION_SIZE)?;
            let left = (x + layout.tile.0 / 2).saturating_sub(text.1 / 2);
            paste(&text, (left, y + layout.tile.1 + 1), pixels, width);
        }
        Ok(())
    }
}

/// Copies the dark pixels of a text line; what would fall outside is left out.
fn paste((text, wide, high): &(Vec<u8>, usize, usize), (left, top): (usize, usize), pixels: &mut [u8], stride: usize) {
    for y in 0..*high {
        for x in 0..(*wide).min(stride.saturating_sub(left)) {
            let (from, to) = ((y * wide + x) * 3, ((top + y) * stride + left + x) * 3);
            if let Some(pixel) = pixels.get_mut(to..to + 3) {
                pixel.iter_mut().zip(&text[from..from + 3]).for_each(|(p, &t)| *p = (*p).min(t));
            }
        }
    }
}

/// RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |w, &b| (w << 8) | u32::from(b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let letter = char::from(LETTERS[(word >> (18 - 6 * i)) as usize & 63]);
            out.push(if i <= group.len() { letter } else { '=' });
        }
    }
    out
}

/// What [`base64`] codes; line ends do not count. Nothing when it is none.
#[cfg(feature = "cli")]
pub(crate) fn from_base64(coded: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = coded.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let mut out = Vec::with_capacity(letters.len() / 4 * 3);
    for group in letters.chunks(4) {
        let kept = group.iter().rposition(|&b| b != b'=')? + 1;
        if group.len() != 4 || kept < 2 {
            return None;
        }
        let mut word = 0u32;
        for &letter in &group[..kept] {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            word = (word << 6) | u32::from(value);
        }
        let bytes = (word << (6 * (4 - kept))).to_be_bytes();
        out.extend_from_slice(&bytes[1..kept]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_of_the_rfc() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(super::base64(plain.as_bytes()), coded);
            #[cfg(feature = "cli")]
            assert_eq!(super::from_base64(coded).as_deref(), Some(plain.as_bytes()));
        }
        #[cfg(feature = "cli")]
        for wrong in ["Z", "Zg", "Zg=", "Z===", "Zm9*", "===="] {
            assert_eq!(super::from_base64(wrong), None, "{wrong}");
        }
    }
}

//! Pictures of an image beside its patches.

use super::{ReportError, Tile};
use crate::patch::Cutter;

/// Height that the grid of patches is enlarged to, at most, pixels.
const TARGET: usize = 256;
/// Between the image and its patches.
const BETWEEN: usize = 14;
/// White on either side, so that the image is nearer to its own patches than to others'.
const SIDE: usize = 10;
/// Between patches.
const GAP: usize = 5;
/// The line around images and patches: a white sky has an edge too.
const LINE: usize = 1;
const LINE_COLOR: [u8; 3] = [205; 3];
/// Between random patches, which have frames.
const FRAMED_GAP: usize = 10;
/// Thickness of the frames of random patches.
const FRAME: usize = 3;
/// Longest side of a tile, pixels.
const LIMIT: usize = 8_192;
/// Frames of random patches and of their places in the image, in turn: Okabe and Ito's colours, distinct for the
/// colour-blind too.
const COLORS: [[u8; 3]; 7] =
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]];

/// An image, enlarged, beside its patches: on their grid, or, for random ones, in the order drawn, each framed in the
/// colour of its place in the image.
///
/// `image` is `[C, H, W]` with C = 1 or 3; `index` its index in the data set. Show it on a sheet of scale 1.
///
/// # Errors
/// [`ReportError::Size`] when the image is not of the cutter's shape, or has other channels.
pub fn patch_tile(image: &[u8], cutter: &Cutter, index: usize) -> Result<Tile, ReportError> {
    let [channels, height, width] = cutter.shape();
    let k = cutter.size();
    let patches = cutter.cut(image, &[index]).map_err(|_| ReportError::Size {
        what: "an image to cut".into(),
        got: format!("{} values", image.len()),
        expected: format!("{channels} x {height} x {width} are needed"),
    })?;
    if !matches!(channels, 1 | 3) {
        return Err(ReportError::Size {
            what: "an image to show".into(),
            got: format!("{channels} channels"),
            expected: "1 or 3 are needed".into(),
        });
    }
    let random = cutter.grid_size().is_none();
    let (gap, margin) = if random { (FRAMED_GAP, FRAME) } else { (GAP, LINE) };
    let [rows, columns] = cutter.grid_size().unwrap_or_else(|| {
        let columns = (1..).find(|n| n * n >= cutter.per_image()).unwrap_or(1);
        [cutter.per_image().div_ceil(columns), columns]
    });
    let scale = (TARGET.saturating_sub((rows - 1) * gap) / (rows * k)).clamp(1, 24);
    let side = |n: usize| n * k * scale + (n - 1) * gap + 2 * margin;
    let grid = [side(rows), side(columns)];
    let image_scale = (grid[0].max(TARGET / 2) / height).max(1);
    let shown = [height * image_scale + 2 * LINE, width * image_scale + 2 * LINE];
    let size = [grid[0].max(shown[0]), SIDE + shown[1] + BETWEEN + grid[1] + SIDE];
    if size.iter().any(|&n| n > LIMIT) {
        return Err(ReportError::Size {
            what: "the picture of an image beside its patches".into(),
            got: format!("{} x {} pixels", size[0], size[1]),
            expected: format!("draw fewer patches, or a smaller image, to stay within {LIMIT}"),
        });
    }
    let mut canvas = Canvas::new(size);

    let top = (canvas.height - shown[0]) / 2;
    canvas.frame([top, SIDE], shown, LINE, LINE_COLOR);
    let corner = [top + LINE, SIDE + LINE];
    canvas.paint(image, [channels, height, width], image_scale, corner);
    let positions = cutter.positions(index);
    if random {
        for (at, color) in positions.iter().zip(COLORS.iter().cycle()) {
            let at = [corner[0] + at.row * image_scale, corner[1] + at.column * image_scale];
            canvas.frame(at, [k * image_scale; 2], 2, *color);
        }
    }
    let corner = [(canvas.height - grid[0]) / 2 + margin, SIDE + shown[1] + BETWEEN + margin];
    for (i, (patch, color)) in patches.chunks_exact(cutter.patch_len()).zip(COLORS.iter().cycle()).enumerate() {
        let step = k * scale + gap;
        let at = [corner[0] + i / columns * step, corner[1] + i % columns * step];
        let outer = [k * scale + 2 * margin; 2];
        let color = if random { *color } else { LINE_COLOR };
        canvas.frame([at[0] - margin, at[1] - margin], outer, margin, color);
        canvas.paint(patch, [channels, k, k], scale, at);
    }
    Tile::new(3, canvas.height, canvas.width, canvas.planes)
}

/// RGB planes, white at first.
struct Canvas {
    height: usize,
    width: usize,
    planes: Vec<u8>,
}

impl Canvas {
    fn new([height, width]: [usize; 2]) -> Self {
        Self { height, width, planes: vec![255; 3 * height * width] }
    }

    fn set(&mut self, y: usize, x: usize, color: [u8; 3]) {
        let area = self.height * self.width;
        for (plane, value) in self.planes.chunks_exact_mut(area).zip(color) {
            plane[y * self.width + x] = value;
        }
    }

    /// Paints `[C, H, W]` planes, each pixel a square.
    fn paint(&mut self, planes: &[u8], [channels, height, width]: [usize; 3], scale: usize, [top, left]: [usize; 2]) {
        let value = |c: usize, place: usize| planes[c * height * width + place];
        for y in 0..height * scale {
            for x in 0..width * scale {
                let place = y / scale * width + x / scale;
                let color = if channels == 1 {
                    [value(0, place); 3]
                } else {
                    [value(0, place), value(1, place), value(2, place)]
                };
                self.set(top + y, left + x, color);
            }
        }
    }

    /// Draws the edge of a rectangle, inside it.
    fn frame(&mut self, [top, left]: [usize; 2], [height, width]: [usize; 2], thick: usize, color: [u8; 3]) {
        for y in 0..height {
            for x in 0..width {
                if y.min(x) < thick || (height - 1 - y).min(width - 1 - x) < thick {
                    self.set(top + y, left + x, color);
                }
            }
        }
    }
}

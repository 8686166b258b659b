//! Cutting and folding slices: sizes at run time, any pixel type, all images in parallel.

use super::PatchError;
use crate::seed::{child, stream};
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The most values that the patches of one image may have.
const LIMIT: usize = 1 << 26;

/// The upper left pixel of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// From the top, from 0.
    pub row: usize,
    /// From the left, from 0.
    pub column: usize,
}

/// A pixel that can be averaged.
pub trait Pixel: Copy + Default + Send + Sync {
    /// To `f64`, exact.
    fn wide(self) -> f64;
    /// The nearest pixel.
    fn nearest(x: f64) -> Self;
}

impl Pixel for u8 {
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn nearest(x: f64) -> Self {
        // `as` saturates, so nothing wraps.
        (x + 0.5) as u8
    }
}

impl Pixel for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn nearest(x: f64) -> Self {
        x as f32
    }
}

impl Pixel for f64 {
    fn wide(self) -> f64 {
        self
    }
    fn nearest(x: f64) -> Self {
        x
    }
}

/// Square patches of images of one size, on a regular grid or at random.
///
/// ```
/// use infomax::patch::Cutter;
/// // Two grey images of 4x4 pixels, cut into quarters and put together again.
/// let images: Vec<u8> = (0..32).collect();
/// let cutter = Cutter::grid([1, 4, 4], 2)?;
/// let patches = cutter.cut(&images, &[0, 1])?; // [2, 4, 1, 2, 2]
/// assert_eq!(patches[..8], [0, 1, 4, 5, 2, 3, 6, 7]);
/// assert_eq!(cutter.fold(&patches, &[0, 1])?, images);
/// # Ok::<(), infomax::patch::PatchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutter {
    shape: [usize; 3],
    size: usize,
    sites: Sites,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sites {
    Regular { stride: usize, grid: [usize; 2], positions: Vec<Position> },
    Random { count: usize, seed: u64, epoch: u64 },
}

impl Cutter {
    /// Patches side by side: `size`×`size` pixels at a stride of `size`, of images of `shape` = `[C, H, W]`.
    ///
    /// # Errors
    /// See [`Cutter::strided`].
    pub fn grid(shape: [usize; 3], size: usize) -> Result<Self, PatchError> {
        Self::strided(shape, size, size)
    }

    /// Patches of `size`×`size` pixels, the next `stride` pixels on: `(H − size)/stride + 1` rows of them, and as many
    /// columns for the width. Pixels right of and below the last whole patch are in none.
    ///
    /// # Errors
    /// When the size or the stride is 0, a patch is larger than the image, or there would be too many.
    pub fn strided(shape: [usize; 3], size: usize, stride: usize) -> Result<Self, PatchError> {
        if size == 0 {
            return Err(PatchError::NoSize);
        }
        if stride == 0 {
            return Err(PatchError::NoStride);
        }
        let [_, height, width] = shape;
        check_fit(size, height, width)?;
        let grid = [(height - size) / stride + 1, (width - size) / stride + 1];
        check_volume(shape, size, grid[0].saturating_mul(grid[1]))?;
        let columns = |row| (0..grid[1]).map(move |c| Position { row: row * stride, column: c * stride });
        let positions = (0..grid[0]).flat_map(columns).collect();
        Ok(Self { shape, size, sites: Sites::Regular { stride, grid, positions } })
    }

    /// `count` patches of each image, each place that fits as likely as any other, drawn independently: two may overlap or
    /// be the same. Where they lie is a function of the seed, the epoch and the image's index alone, whatever else is cut
    /// with it.
    ///
    /// # Errors
    /// When the size or the count is 0, a patch is larger than the image, or there would be too many.
    pub fn random(shape: [usize; 3], size: usize, count: usize, seed: u64, epoch: u64) -> Result<Self, PatchError> {
        if size == 0 {
            return Err(PatchError::NoSize);
        }
        if count == 0 {
            return Err(PatchError::NoCount);
        }
        check_fit(size, shape[1], shape[2])?;
        check_volume(shape, size, count)?;
        Ok(Self { shape, size, sites: Sites::Random { count, seed, epoch } })
    }

    /// The images' shape, `[C, H, W]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The side of a patch, pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Pixels from a patch to the next; `None` for random ones.
    pub fn stride(&self) -> Option<usize> {
        match self.sites {
            Sites::Regular { stride, .. } => Some(stride),
            Sites::Random { .. } => None,
        }
    }

    /// Rows and columns of patches; `None` for random ones.
    pub fn grid_size(&self) -> Option<[usize; 2]> {
        match self.sites {
            Sites::Regular { grid, .. } => Some(grid),
            Sites::Random { .. } => None,
        }
    }

    /// Patches of each image, P.
    pub fn per_image(&self) -> usize {
        match &self.sites {
            Sites::Regular { positions, .. } => positions.len(),
            Sites::Random { count, .. } => *count,
        }
    }

    /// Values of one image, C·H·W.
    pub fn image_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Values of one patch, C·K·K.
    pub fn patch_len(&self) -> usize {
        self.shape[0] * self.size * self.size
    }

    /// Where the patches of the image with this index lie: row by row, or in the order drawn.
    pub fn positions(&self, image: usize) -> Cow<'_, [Position]> {
        match &self.sites {
            Sites::Regular { positions, .. } => Cow::Borrowed(positions),
            Sites::Random { count, seed, epoch } => {
                let mut rng = stream(child(*seed, "patches", *epoch), "patch", image as u64);
                let [_, height, width] = self.shape;
                // Drawn as u64, so that the places do not depend on the width of usize.
                let last = [height - self.size, width - self.size].map(|n| n as u64);
                let mut draw = |last: u64| rng.gen_range(0..=last) as usize;
                Cow::Owned((0..*count).map(|_| Position { row: draw(last[0]), column: draw(last[1]) }).collect())
            }
        }
    }

    /// How many of an image's H·W pixels are in no patch. For random patches, of the image with this index.
    pub fn uncovered(&self, image: usize) -> usize {
        let mut times = vec![0; self.shape[1] * self.shape[2]];
        self.count_times(&self.positions(image), &mut times);
        times.iter().filter(|&&n| n == 0).count()
    }

    /// `images [N, C, H, W]` → `[N, P, C, K, K]`. `indices [N]` says which images of the data set they are; only random
    /// patches depend on it.
    ///
    /// # Errors
    /// When the images are not N whole ones.
    pub fn cut<T: Copy + Default + Send + Sync>(&self, images: &[T], indices: &[usize]) -> Result<Vec<T>, PatchError> {
        check_length("the images' values", images.len(), [indices.len(), 1, self.image_len()])?;
        let each = self.per_image() * self.patch_len();
        let mut out = vec![T::default(); self.total(indices.len(), each)?];
        let images = images.par_chunks_exact(self.image_len());
        out.par_chunks_exact_mut(each).zip(images).zip(indices).for_each(|((out, image), &index)| {
            self.cut_one(image, &self.positions(index), out);
        });
        Ok(out)
    }

    /// The way back: `patches [N, P, C, K, K]` → `[N, C, H, W]`. Where patches overlap, their mean (computed in `f64`);
    /// where there is none, 0. Patches as they were cut give the images again, exactly for `u8` and `f32`.
    ///
    /// # Errors
    /// When the patches are not those of N images.
    pub fn fold<T: Pixel>(&self, patches: &[T], indices: &[usize]) -> Result<Vec<T>, PatchError> {
        let each = self.per_image() * self.patch_len();
        check_length("the patches' values", patches.len(), [indices.len(), self.per_image(), self.patch_len()])?;
        let mut out = vec![T::default(); self.total(indices.len(), self.image_len())?];
        let patches = patches.par_chunks_exact(each);
        out.par_chunks_exact_mut(self.image_len()).zip(patches).zip(indices).for_each(|((out, patches), &index)| {
            self.fold_one(patches, &self.positions(index), out);
        });
        Ok(out)
    }

    fn total(&self, images: usize, each: usize) -> Result<usize, PatchError> {
        let (per_image, size) = (self.per_image(), self.size);
        images.checked_mul(each).ok_or(PatchError::TooMany { per_image, size, limit: LIMIT })
    }

    fn cut_one<T: Copy>(&self, image: &[T], positions: &[Position], out: &mut [T]) {
        let ([_, height, width], k) = (self.shape, self.size);
        for (patch, at) in out.chunks_exact_mut(self.patch_len()).zip(positions) {
            for (patch, plane) in patch.chunks_exact_mut(k * k).zip(image.chunks_exact(height * width)) {
                for (out, row) in patch.chunks_exact_mut(k).zip(plane.chunks_exact(width).skip(at.row)) {
                    out.copy_from_slice(&row[at.column..at.column + k]);
                }
            }
        }
    }

    fn fold_one<T: Pixel>(&self, patches: &[T], positions: &[Position], out: &mut [T]) {
        let ([_, height, width], k) = (self.shape, self.size);
        let mut sums = vec![0f64; self.image_len()];
        let mut times = vec![0u32; height * width];
        self.count_times(positions, &mut times);
        for (patch, at) in patches.chunks_exact(self.patch_len()).zip(positions) {
            for (patch, plane) in patch.chunks_exact(k * k).zip(sums.chunks_exact_mut(height * width)) {
                for (from, row) in patch.chunks_exact(k).zip(plane.chunks_exact_mut(width).skip(at.row)) {
                    row[at.column..at.column + k].iter_mut().zip(from).for_each(|(sum, v)| *sum += v.wide());
                }
            }
        }
        for (out, sums) in out.chunks_exact_mut(height * width).zip(sums.chunks_exact(height * width)) {
            for ((out, sum), &n) in out.iter_mut().zip(sums).zip(&times) {
                *out = if n == 0 { T::default() } else { T::nearest(sum / f64::from(n)) };
            }
        }
    }

    /// Adds to each pixel, `[H, W]`, how many patches it is in.
    fn count_times(&self, positions: &[Position], times: &mut [u32]) {
        for at in positions {
            for row in times.chunks_exact_mut(self.shape[2]).skip(at.row).take(self.size) {
                row[at.column..at.column + self.size].iter_mut().for_each(|n| *n += 1);
            }
        }
    }
}

/// `8x8 patches at stride 4, 7x7 = 49 an image`, or `16 random 8x8 patches an image (seed 0, epoch 0)`.
impl fmt::Display for Cutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let k = self.size;
        match &self.sites {
            Sites::Regular { stride, grid: [r, q], .. } => {
                write!(f, "{k}x{k} patches at stride {stride}, {r}x{q} = {} an image", r * q)
            }
            Sites::Random { count, seed, epoch } => {
                write!(f, "{count} random {k}x{k} patches an image (seed {seed}, epoch {epoch})")
            }
        }
    }
}

fn check_fit(size: usize, height: usize, width: usize) -> Result<(), PatchError> {
    if size > height.min(width) { Err(PatchError::TooLarge { size, height, width }) } else { Ok(()) }
}

fn check_volume(shape: [usize; 3], size: usize, per_image: usize) -> Result<(), PatchError> {
    if shape[0] == 0 {
        return Err(PatchError::NoChannels);
    }
    let values = [shape[0], size, size].iter().try_fold(per_image, |all, &n| all.checked_mul(n));
    match values {
        Some(values) if values <= LIMIT => Ok(()),
        _ => Err(PatchError::TooMany { per_image, size, limit: LIMIT }),
    }
}

/// Checks a length against images × parts × values of each part.
fn check_length(what: &'static str, found: usize, [n, parts, each]: [usize; 3]) -> Result<(), PatchError> {
    let fits = n.checked_mul(parts).and_then(|m| m.checked_mul(each)) == Some(found);
    let expected = || if parts == 1 { format!("{n} x {each}") } else { format!("{n} x {parts} x {each}") };
    if fits { Ok(()) } else { Err(PatchError::Length { what, found, expected: expected() }) }
}

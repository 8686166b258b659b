//! Tensors as contact sheets.

use crate::report::{ContactSheet, ReportError, Tile, ends, share, viridis};
use dfdx::prelude::*;

/// Sides that small images are enlarged to, about, pixels.
const SIDE: usize = 84;

/// Images `[B, C, H, W]`, C = 1 or 3, ten in a row. Numbers within [−1, 1] keep that range, others are stretched to the
/// range they have.
///
/// # Errors
/// [`ReportError::Size`] for other channels or no images, [`ReportError::NonFinite`].
///
/// ```
/// use infomax::notebook::prelude::*;
/// let noise: Tensor<Rank4<20, 3, 16, 16>, f32, _> = Cpu::default().sample_normal();
/// let sheet = images(&noise)?;
/// # Ok::<(), infomax::report::ReportError>(())
/// ```
pub fn images<B: Dim, C: Dim, H: Dim, W: Dim, D: Storage<f32>>(
    images: &Tensor<(B, C, H, W), f32, D>,
) -> Result<ContactSheet, ReportError> {
    let (b, c, h, w) = *images.shape();
    let values = images.as_vec();
    let [b, c, h, w] = [b.size(), c.size(), h.size(), w.size()];
    let range = range("the images", &values)?;
    let tiles = values.chunks_exact((c * h * w).max(1)).map(|v| grey_or_rgb([c, h, w], v, range));
    sheet(b.clamp(1, 10), enlarged(h), String::new(), tiles)
}

/// The first `count` channels of a feature map `[B, C, H, W]` for image `index`, each in its own range from dark violet to
/// yellow, eight in a row.
///
/// # Errors
/// [`ReportError::Size`] when there is no such image, [`ReportError::NonFinite`].
pub fn feature_maps<B: Dim, C: Dim, H: Dim, W: Dim, D: Storage<f32>>(
    map: &Tensor<(B, C, H, W), f32, D>,
    index: usize,
    count: usize,
) -> Result<ContactSheet, ReportError> {
    let (b, c, h, w) = *map.shape();
    let [b, c, h, w] = [b.size(), c.size(), h.size(), w.size()];
    let values = map.as_vec();
    range("the feature map", &values)?;
    let image = values.chunks_exact((c * h * w).max(1)).nth(index).ok_or_else(|| ReportError::Size {
        what: "the image's index".into(),
        got: index.to_string(),
        expected: format!("the batch has {b} images, from 0"),
    })?;
    let tiles = image
        .chunks_exact((h * w).max(1))
        .take(count)
        .enumerate()
        .map(|(i, plane)| heat([h, w], plane).map(|tile| tile.caption(i.to_string())));
    let title = format!("{} of {c} channels, {h}x{w}", count.min(c));
    sheet(8, enlarged(h), title, tiles)
}

/// The filters `[O, I, K, K]` of a convolution, sixteen in a row: in grey or colour when I is 1 or 3, else the first input
/// channel. Zero is middle grey in all of them.
///
/// # Errors
/// [`ReportError::NonFinite`].
pub fn filters<O: Dim, I: Dim, K: Dim, J: Dim, D: Storage<f32>>(
    weight: &Tensor<(O, I, K, J), f32, D>,
) -> Result<ContactSheet, ReportError> {
    let (o, i, k, j) = *weight.shape();
    let [o, i, k, j] = [o.size(), i.size(), k.size(), j.size()];
    let values = weight.as_vec();
    let (low, high) = own_range("the filters", &values)?;
    let largest = low.abs().max(high.abs());
    let shown = if matches!(i, 1 | 3) { i } else { 1 };
    let tiles = values
        .chunks_exact((i * k * j).max(1))
        .map(|filter| grey_or_rgb([shown, k, j], &filter[..shown * k * j], (-largest, largest)));
    let title = format!("{o} filters of {i} x {k} x {j}, from {low:.2} to {high:.2}");
    sheet(16, (40 / k.max(1)).max(1), title, tiles)
}

/// The patches `[B, P, C, K, K]` of image `index`, in rows of `columns`: give the columns of the grid that they were cut on.
///
/// # Errors
/// [`ReportError::Size`] when there is no such image or no column, [`ReportError::NonFinite`].
pub fn patches<B: Dim, P: Dim, C: Dim, K: Dim, J: Dim, D: Storage<f32>>(
    patches: &Tensor<(B, P, C, K, J), f32, D>,
    index: usize,
    columns: usize,
) -> Result<ContactSheet, ReportError> {
    let (b, p, c, k, j) = *patches.shape();
    let [b, p, c, k, j] = [b.size(), p.size(), c.size(), k.size(), j.size()];
    let values = patches.as_vec();
    let range = range("the patches", &values)?;
    let image = values.chunks_exact((p * c * k * j).max(1)).nth(index).ok_or_else(|| ReportError::Size {
        what: "the image's index".into(),
        got: index.to_string(),
        expected: format!("the batch has {b} images, from 0"),
    })?;
    let tiles = image.chunks_exact((c * k * j).max(1)).map(|v| grey_or_rgb([c, k, j], v, range));
    sheet(columns, (48 / k.max(1)).max(1), format!("{p} patches of {k}x{j}"), tiles)
}

fn sheet(
    columns: usize,
    scale: usize,
    title: String,
    tiles: impl Iterator<Item = Result<Tile, ReportError>>,
) -> Result<ContactSheet, ReportError> {
    let mut sheet = ContactSheet::new(columns, scale)?.title(title);
    for tile in tiles {
        sheet.push(tile?)?;
    }
    Ok(sheet)
}

/// How many times images of this height are enlarged.
pub(super) fn enlarged(height: usize) -> usize {
    (SIDE / height.max(1)).max(1)
}

/// The range that numbers are shown in: [−1, 1] when they are within it, else their own.
fn range(what: &str, values: &[f32]) -> Result<(f64, f64), ReportError> {
    let found = own_range(what, values)?;
    Ok(if found.0 >= -1.0 && found.1 <= 1.0 { (-1.0, 1.0) } else { found })
}

/// The range that numbers have.
fn own_range(what: &str, values: &[f32]) -> Result<(f64, f64), ReportError> {
    if let Some(index) = values.iter().position(|v| !v.is_finite()) {
        return Err(ReportError::NonFinite { what: what.into(), index, value: values[index].to_string() });
    }
    ends(values.iter().map(|&v| f64::from(v))).ok_or_else(|| ReportError::Empty { what: what.into(), item: "number" })
}

fn grey_or_rgb([c, h, w]: [usize; 3], values: &[f32], range: (f64, f64)) -> Result<Tile, ReportError> {
    let byte = |v: &f32| (255.0 * share(f64::from(*v), range).clamp(0.0, 1.0)).round() as u8;
    Tile::new(c, h, w, values.iter().map(byte).collect())
}

fn heat([h, w]: [usize; 2], plane: &[f32]) -> Result<Tile, ReportError> {
    let range = ends(plane.iter().map(|&v| f64::from(v))).unwrap_or((0.0, 1.0));
    let colours: Vec<[u8; 3]> = plane.iter().map(|&v| viridis(share(f64::from(v), range))).collect();
    let planes = (0..3).flat_map(|c| colours.iter().map(move |rgb| rgb[c])).collect();
    Tile::new(3, h, w, planes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_the_ends_and_the_middle() {
        let tile = grey_or_rgb([1, 1, 3], &[-1.0, 0.0, 1.0], (-1.0, 1.0)).unwrap();
        assert_eq!(tile, Tile::new(1, 1, 3, vec![0, 128, 255]).unwrap());
        assert_eq!(range("x", &[-0.5, 0.5]).unwrap(), (-1.0, 1.0));
        assert_eq!(range("x", &[-0.5, 3.0]).unwrap(), (-0.5, 3.0));
        assert!(matches!(range("x", &[f32::NAN]), Err(ReportError::NonFinite { index: 0, .. })));
    }

    #[test]
    fn what_cannot_be_shown_is_named() {
        let dev = Cpu::default();
        let two: Tensor<Rank4<2, 2, 4, 4>, f32, _> = dev.zeros();
        assert!(matches!(images(&two), Err(ReportError::Size { .. })));
        assert!(matches!(feature_maps(&two, 2, 1), Err(ReportError::Size { .. })));
        assert!(feature_maps(&two, 1, 9).unwrap().png().is_ok());
        assert!(filters(&two).unwrap().png().is_ok());
    }
}

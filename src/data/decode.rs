//! Encoded images to bytes.

use super::guard::guarded;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// The most pixels on a side that are decoded: a small file can unpack to a very large picture.
pub const MAX_SIDE: u32 = 4096;

/// Channels, height and width of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
}

impl ImageShape {
    /// Numbers in an image; bytes, where they are bytes.
    pub fn numel(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Width and height.
    pub(super) fn size(self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }
}

/// Why an encoded image is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// Nothing there.
    #[error("it has no bytes")]
    Empty,
    /// A header that says so.
    #[error("it has no pixels")]
    NoPixels,
    /// A picture larger than is decoded.
    #[error("it says it is {width}x{height} pixels, more than {MAX_SIDE} on a side; make it smaller")]
    Side {
        /// As the header says.
        width: u32,
        /// As the header says.
        height: u32,
    },
    /// A JPEG file without its end.
    #[error("the JPEG file ends early; copy it again")]
    Cut,
    /// The decoder gave up.
    #[error("{0}")]
    Decoder(String),
}

/// A decoded image of 8-bit grey or colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// 1 or 3 channels, and the size.
    pub form: ImageShape,
    /// Rows of pixels, `[H, W, C]`.
    pub pixels: Vec<u8>,
}

/// Size and colour of an encoded image, from its header alone.
///
/// # Errors
/// When it is no PNG or JPEG, or larger than [`MAX_SIDE`].
pub fn picture_form(bytes: &[u8]) -> Result<ImageShape, PictureError> {
    let header = || {
        let decoder = open(bytes)?.into_decoder().map_err(|e| told(bytes, e))?;
        Ok((decoder.dimensions(), decoder.color_type()))
    };
    let ((width, height), colour) = guarded(header).unwrap_or_else(gave_up)?;
    if width == 0 || height == 0 {
        return Err(PictureError::NoPixels);
    }
    let channels = if colour.has_color() { 3 } else { 1 };
    Ok(ImageShape { channels, height: height as usize, width: width as usize })
}

/// Decodes a PNG or JPEG as Pillow's `convert("RGB")` or `convert("L")` would: alpha is dropped, a palette looked up, the
/// first image of an animation taken, CMYK turned to RGB as Adobe stores it, the EXIF orientation ignored. Of 16 bits a
/// channel, the value is scaled and rounded to 8.
///
/// # Errors
/// When the image is larger than [`MAX_SIDE`], cut off, or not to be decoded. A picture larger than its header allows
/// takes no memory.
pub fn decode_picture(bytes: &[u8]) -> Result<Picture, PictureError> {
    let image = guarded(|| open(bytes)?.decode().map_err(|e| told(bytes, e))).unwrap_or_else(gave_up)?;
    if bytes.starts_with(JPEG) && !jpeg_is_whole(bytes) {
        return Err(PictureError::Cut);
    }
    let (width, height) = (image.width() as usize, image.height() as usize);
    if width == 0 || height == 0 {
        return Err(PictureError::NoPixels);
    }
    let (channels, pixels) = match image {
        DynamicImage::ImageLuma8(i) => (1, i.into_raw()),
        DynamicImage::ImageLumaA8(i) => (1, without_alpha::<2>(&i.into_raw())),
        DynamicImage::ImageRgb8(i) => (3, i.into_raw()),
        DynamicImage::ImageRgba8(i) => (3, without_alpha::<4>(&i.into_raw())),
        DynamicImage::ImageLuma16(i) => (1, to_8_bits(&i.into_raw())),
        DynamicImage::ImageLumaA16(i) => (1, without_alpha::<2>(&to_8_bits(&i.into_raw()))),
        DynamicImage::ImageRgb16(i) => (3, to_8_bits(&i.into_raw())),
        DynamicImage::ImageRgba16(i) => (3, without_alpha::<4>(&to_8_bits(&i.into_raw()))),
        // Neither PNG nor JPEG has others.
        other => (3, other.into_rgb8().into_raw()),
    };
    Ok(Picture { form: ImageShape { channels, height, width }, pixels })
}

/// Decodes a grey image of up to 16 bits, its values as they stand: its height and width, and `[H, W]`.
///
/// # Errors
/// As [`decode_picture`], or when it is in colour.
pub(super) fn decode_grey16(bytes: &[u8]) -> Result<([usize; 2], Vec<u16>), PictureError> {
    let image = guarded(|| open(bytes)?.decode().map_err(|e| told(bytes, e))).unwrap_or_else(gave_up)?;
    let size = [image.height() as usize, image.width() as usize];
    match image {
        DynamicImage::ImageLuma8(i) => Ok((size, i.into_raw().into_iter().map(u16::from).collect())),
        DynamicImage::ImageLuma16(i) => Ok((size, i.into_raw())),
        _ => Err(PictureError::Decoder("it is not plain grey".into())),
    }
}

impl Picture {
    /// Writes the planes `[C, H, W]` with as many channels as `out` has room for, 1 or 3. Colour becomes grey by the
    /// weights of ITU-R 601 as in Pillow.
    pub fn planes(&self, out: &mut [u8]) {
        let area = self.form.height * self.form.width;
        match (self.form.channels, out.len() == area) {
            (1, true) => out.copy_from_slice(&self.pixels),
            (1, false) => out.chunks_exact_mut(area.max(1)).for_each(|plane| plane.copy_from_slice(&self.pixels)),
            (_, true) => {
                for (o, p) in out.iter_mut().zip(self.pixels.as_chunks::<3>().0) {
                    *o = grey(*p);
                }
            }
            (_, false) => {
                for (c, plane) in out.chunks_exact_mut(area.max(1)).enumerate() {
                    plane.iter_mut().zip(self.pixels.iter().skip(c).step_by(3)).for_each(|(o, &p)| *o = p);
                }
            }
        }
    }
}

/// Pillow's `L24`: fixed point, rounded.
fn grey([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

fn to_8_bits(samples: &[u16]) -> Vec<u8> {
    samples.iter().map(|&v| ((u32::from(v) + 128) / 257) as u8).collect()
}

fn without_alpha<const N: usize>(samples: &[u8]) -> Vec<u8> {
    samples.as_chunks::<N>().0.iter().flat_map(|p| p.iter().take(N - 1)).copied().collect()
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8";

/// A reader with limits, of an image that is not empty and whose PNG header is within them.
fn open(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    // The decoder's own message does not say the size.
    if bytes.starts_with(PNG)
        && let Some(&[w0, w1, w2, w3, h0, h1, h2, h3]) = bytes.get(16..24).and_then(<[u8]>::first_chunk::<8>)
    {
        within(u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]))?;
    }
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| told(bytes, e.into()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(u64::from(MAX_SIDE) * u64::from(MAX_SIDE) * 8);
    reader.limits(limits);
    Ok(reader)
}

fn within(width: u32, height: u32) -> Result<(), PictureError> {
    if width > MAX_SIDE || height > MAX_SIDE { Err(PictureError::Side { width, height }) } else { Ok(()) }
}

/// The decoder's message in one line; of a size beyond the limits, which.
fn told(bytes: &[u8], e: image::ImageError) -> PictureError {
    if matches!(e, image::ImageError::Limits(_)) && bytes.starts_with(JPEG) {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg);
        reader.no_limits();
        if let Ok((width, height)) = reader.into_dimensions() {
            return PictureError::Side { width, height };
        }
    }
    PictureError::Decoder(e.to_string().replace('\n', " "))
}

/// The decoder of JPEG panics on some damaged files.
fn gave_up<T>(said: String) -> Result<T, PictureError> {
    Err(PictureError::Decoder(format!("its decoder gave up: {said}")))
}

/// Whether a JPEG file reaches its end marker. The decoder fills what is missing with grey and says nothing.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    // Segment after segment; after the head of a scan, its data up to the next marker.
    while let Some(rest) = bytes.get(at..) {
        let [0xff, marker, ..] = *rest else {
            at += 1;
            continue;
        };
        match marker {
            0xd9 => return true,
            // Stuffing, restarts and padding stand alone.
            0x00 | 0x01 | 0xd0..=0xd8 => at += 2,
            0xff => at += 1,
            _ => match rest {
                [_, _, high, low, ..] => at += 2 + usize::from(u16::from_be_bytes([*high, *low])),
                _ => return false,
            },
        }
    }
    false
}

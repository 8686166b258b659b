//! Encoded images.

use crate::made::{chunk, deflated, flat_jpeg, grey, ihdr, noise, png, raw_png, write};
use crate::{fails, load};
use infomax::data::source::SourceError;
use infomax::data::{DataError, MAX_SIDE, PictureError, Split, decode_picture, picture_form, write_parquet};
use tempfile::tempdir;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A PNG of given chunks.
fn of(chunks: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE, &chunks.concat()].concat()
}

#[test]
fn headers_that_promise_a_huge_picture() {
    for (width, height) in [(60_000, 60_000), (4_000_000_000, 1), (1, MAX_SIDE + 1), (u32::MAX, u32::MAX)] {
        let bomb = of(&[ihdr(width, height, 8, 2), chunk(b"IDAT", &deflated(&[0; 100])), chunk(b"IEND", &[])]);
        let words = [format!("{width}x{height} pixels"), "more than 4096".into()];
        fails!(decode_picture(&bomb), PictureError::Side { .. }, words.iter().map(String::as_str));
        fails!(picture_form(&bomb), PictureError::Side { .. }, words.iter().map(String::as_str));
    }
    let mut jpeg = flat_jpeg(&[77, 128, 128], false);
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    fails!(decode_picture(&jpeg), PictureError::Side { .. }, ["65535x65535 pixels"]);
    fails!(picture_form(&jpeg), PictureError::Side { .. }, ["65535x65535 pixels"]);
}

/// In a set, also where the promise is that of the first image, whose size the others are held against.
#[test]
fn a_set_whose_first_image_is_huge() {
    let folder = tempdir().unwrap();
    let bomb = of(&[ihdr(60_000, 60_000, 8, 2), chunk(b"IDAT", &deflated(&[0; 100]))]);
    let images: Vec<&[u8]> = vec![&bomb; 50];
    write_parquet(&folder.path().join("train-0.parquet"), "image", "label", &images, &[0; 50]).unwrap();
    fails!(load(folder.path(), Split::Train), DataError::Decode { row: 0, .. }, ["row 0", "60000x60000"]);
}

#[test]
fn no_width_or_height() {
    for (width, height) in [(0, 4), (4, 0)] {
        let flat = of(&[ihdr(width, height, 8, 0), chunk(b"IDAT", &deflated(&[])), chunk(b"IEND", &[])]);
        assert!(decode_picture(&flat).is_err() && picture_form(&flat).is_err());
    }
    let mut jpeg = flat_jpeg(&[77], false);
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    for side in [5, 7] {
        let old: Vec<u8> = jpeg.splice(frame + side..frame + side + 2, [0, 0]).collect();
        assert!(decode_picture(&jpeg).is_err() && picture_form(&jpeg).is_err());
        jpeg.splice(frame + side..frame + side + 2, old);
    }
    assert!(decode_picture(&jpeg).is_ok());
}

/// A gigabyte of zeros in a megabyte, after a small header. The picture's own bytes are all that is unpacked to memory.
#[cfg(target_os = "linux")]
#[test]
fn data_that_unpack_to_more_than_the_header_says() {
    let mut packed = Vec::new();
    let mut zeros = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::fast());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 1 << 30), &mut zeros).unwrap();
    drop(zeros);
    let before = crate::peak_memory();
    let bomb = of(&[ihdr(28, 28, 8, 0), chunk(b"IDAT", &packed), chunk(b"IEND", &[])]);
    if let Ok(picture) = decode_picture(&bomb) {
        assert_eq!(picture.pixels, [0; 784]);
    }
    let profile = [b"x\0\0".to_vec(), packed.clone()].concat();
    let bomb =
        of(&[ihdr(1, 1, 8, 0), chunk(b"iCCP", &profile), chunk(b"IDAT", &deflated(&[0, 7])), chunk(b"IEND", &[])]);
    if let Ok(picture) = decode_picture(&bomb) {
        assert_eq!(picture.pixels, [7]);
    }
    assert!(crate::peak_memory() < before + 400, "{} MB", crate::peak_memory());
}

/// Many small files that each promise the largest picture allowed.
#[cfg(target_os = "linux")]
#[test]
fn promises_that_add_up() {
    let folder = tempdir().unwrap();
    let bomb = of(&[ihdr(MAX_SIDE, MAX_SIDE, 8, 2), chunk(b"IDAT", &deflated(&[0; 100])), chunk(b"IEND", &[])]);
    for n in [100, 20_000] {
        let images: Vec<&[u8]> = vec![&bomb; n];
        write_parquet(&folder.path().join("train-0.parquet"), "image", "label", &images, &vec![0; n]).unwrap();
        let before = crate::peak_memory();
        fails!(
            load(folder.path(), Split::Train),
            DataError::Decode { .. } | DataError::Source(SourceError::Memory { .. }),
            [folder.path().to_str().unwrap()]
        );
        assert!(crate::peak_memory() < before + 1000, "{} MB", crate::peak_memory());
    }
}

#[test]
fn cut_off_anywhere() {
    let whole = grey(16, 16, 1);
    // The last chunk, IEND, is empty and says nothing.
    for cut in 0..whole.len() - 16 {
        assert!(decode_picture(&whole[..cut]).is_err(), "{cut} of {}", whole.len());
    }
    let mut whole = Vec::new();
    let samples = noise(64 * 64 * 3, 1);
    image::codecs::jpeg::JpegEncoder::new(&mut whole).encode(&samples, 64, 64, image::ExtendedColorType::Rgb8).unwrap();
    for cut in 0..whole.len() {
        assert!(decode_picture(&whole[..cut]).is_err(), "{cut} of {}", whole.len());
    }
    fails!(decode_picture(&whole[..whole.len() / 2]), PictureError::Cut, ["ends early", "copy it again"]);
    assert!(decode_picture(&whole).is_ok());
}

#[test]
fn a_thumbnails_end_is_not_the_pictures() {
    let mut whole = flat_jpeg(&[77], false);
    let thumbnail = [&b"\xff\xe1\x00\x08ab"[..], b"\xff\xd9cd"].concat();
    whole.splice(2..2, thumbnail);
    assert!(decode_picture(&whole).is_ok());
    fails!(decode_picture(&whole[..whole.len() - 2]), PictureError::Cut, ["ends early"]);
}

#[test]
fn damaged_inside() {
    let whole = png(4, 4, 3, &noise(48, 1));
    let data = whole.windows(4).position(|w| w == b"IDAT").unwrap();
    let mut flipped = whole.clone();
    flipped[data + 8] ^= 0x10;
    fails!(decode_picture(&flipped), PictureError::Decoder(_), ["Png"]);
    // A check sum that does not fit its data.
    let mut flipped = whole.clone();
    flipped[29] ^= 0x10;
    fails!(decode_picture(&flipped), PictureError::Decoder(_), ["CRC"]);
    // Too few rows, no data at all, a palette that is missing or too short, impossible depths.
    let short = of(&[ihdr(4, 4, 8, 0), chunk(b"IDAT", &deflated(&[0; 5])), chunk(b"IEND", &[])]);
    let none = of(&[ihdr(4, 4, 8, 0), chunk(b"IEND", &[])]);
    let no_palette = raw_png(2, 1, 8, 3, &[], &[&[0, 1]]);
    let depth = raw_png(2, 1, 3, 0, &[], &[&[0, 1]]);
    let colour = raw_png(2, 1, 8, 5, &[], &[&[0, 1]]);
    for bad in [short, none, no_palette, depth, colour] {
        fails!(decode_picture(&bad), PictureError::Decoder(_), [""; 0]);
    }
}

#[test]
fn other_content_under_the_name_of_an_image() {
    let root = tempdir().unwrap();
    write(root.path(), "train/a/1.png", grey(4, 4, 0));
    for content in ["", "a text file", "<svg/>", "GIF89a\x04\0\x04\0\0\0\0;"] {
        write(root.path(), "train/a/2.png", content);
        let error = load(root.path(), Split::Train);
        fails!(
            error,
            DataError::Source(SourceError::Image { list: None, .. }),
            ["train/a/2.png: the image does not decode"]
        );
    }
}

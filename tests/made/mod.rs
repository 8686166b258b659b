//! Files of images made by hand, good and bad.
#![allow(dead_code, reason = "each test takes what it needs")]

use flate2::Crc;
use flate2::write::{GzEncoder, ZlibEncoder};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::seed::stream;
use rand::Rng;
use std::fs;
use std::io::Write;
use std::path::Path;

/// Bytes of noise, a function of the seed.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = stream(seed, "test image", 0);
    (0..len).map(|_| rng.r#gen()).collect()
}

/// A PNG of 8-bit samples with 1 (grey) or 3 (colour) channels, `[H, W, C]`.
pub fn png(width: u32, height: u32, channels: usize, samples: &[u8]) -> Vec<u8> {
    let kind = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(samples, width, height, kind).unwrap();
    out
}

/// A grey PNG of noise.
pub fn grey(width: u32, height: u32, seed: u64) -> Vec<u8> {
    png(width, height, 1, &noise((width * height) as usize, seed))
}

pub fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes(), &kind[..], data, &crc.sum().to_be_bytes()].concat()
}

pub fn deflated(data: &[u8]) -> Vec<u8> {
    let mut out = ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

pub fn gzipped(data: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

/// The head of a PNG: depth in bits, colour type 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
pub fn ihdr(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, 0]].concat())
}

/// A PNG chunk by chunk; `rows` are unfiltered.
pub fn raw_png(width: u32, height: u32, depth: u8, colour: u8, more: &[Vec<u8>], rows: &[&[u8]]) -> Vec<u8> {
    let filtered: Vec<u8> = rows.iter().flat_map(|r| std::iter::once(0).chain(r.iter().copied())).collect();
    let data = chunk(b"IDAT", &deflated(&filtered));
    [b"\x89PNG\r\n\x1a\n".to_vec(), ihdr(width, height, depth, colour), more.concat(), data, chunk(b"IEND", &[])]
        .concat()
}

/// A baseline JPEG of 8x8 pixels of one colour, of 1 to 4 components as they are stored; of 4, with or without the
/// segment that Adobe marks CMYK by.
pub fn flat_jpeg(components: &[u8], adobe: bool) -> Vec<u8> {
    let n = components.len() as u8;
    let mut out = vec![0xff, 0xd8];
    if adobe {
        out.extend(b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00");
    }
    // All quantised by 1.
    out.extend([0xff, 0xdb, 0, 67, 0]);
    out.extend([1; 64]);
    out.extend([0xff, 0xc0, 0, 8 + 3 * n, 8, 0, 8, 0, 8, n]);
    (1..=n).for_each(|i| out.extend([i, 0x11, 0]));
    // Of a constant: the twelve categories in four bits each. Of the rest: `end of block` in one.
    out.extend([0xff, 0xc4, 0, 3 + 16 + 12, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend(0..12);
    out.extend([0xff, 0xc4, 0, 3 + 16 + 1, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend([0xff, 0xda, 0, 6 + 2 * n, n]);
    (1..=n).for_each(|i| out.extend([i, 0]));
    out.extend([0, 63, 0]);
    let mut bits = String::new();
    for &v in components {
        let constant = 8 * (i32::from(v) - 128);
        let category = (32 - constant.unsigned_abs().leading_zeros()) as usize;
        bits += &format!("{category:04b}");
        if category > 0 {
            let value = if constant < 0 { constant + (1 << category) - 1 } else { constant };
            bits += &format!("{value:0category$b}");
        }
        bits += "0";
    }
    while !bits.len().is_multiple_of(8) {
        bits += "1";
    }
    for byte in bits.as_bytes().chunks(8) {
        let byte = byte.iter().fold(0u8, |b, &c| b << 1 | (c - b'0'));
        out.push(byte);
        if byte == 0xff {
            out.push(0);
        }
    }
    out.extend([0xff, 0xd9]);
    out
}

pub fn idx(dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|d| out.extend(d.to_be_bytes()));
    out.extend(data);
    out
}

/// Writes a file, and the folders it lies in.
pub fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

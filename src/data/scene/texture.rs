//! Procedural solid textures: a colour for every point in space.

use super::draw::Draw;
use super::vector::{Affine, Vec3, v};

/// Linear red, green, blue in [0, 1].
pub(super) type Rgb = [f32; 3];

/// The pattern of a texture; a period is about 1 in its own frame.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pattern {
    Clouds,
    Stripes,
    Checker,
    Cells,
    Dots,
    Rings,
    Plaid,
    Marble,
}

const PATTERNS: [Pattern; 8] = [
    Pattern::Clouds,
    Pattern::Stripes,
    Pattern::Checker,
    Pattern::Cells,
    Pattern::Dots,
    Pattern::Rings,
    Pattern::Plaid,
    Pattern::Marble,
];

/// A pattern, turned and scaled, in three colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Texture {
    pattern: Pattern,
    frame: Affine,
    colours: [Rgb; 3],
    /// How far lines wander, or how large dots are; in [0, 1].
    wander: f32,
    seed: u32,
}

impl Texture {
    /// A texture; nothing of it depends on anything but the draws.
    pub fn draw(d: &mut Draw) -> Self {
        let pattern = PATTERNS[d.below(PATTERNS.len())];
        // Periods a unit of length; a picture is about 0.8 units wide where objects are, so 7 to 16 pixels of 64 a period.
        let periods = 5.0 * 2.2f32.powf(d.unit());
        let [a, b, c] = d.three(|d| d.between(0.0, std::f32::consts::TAU));
        let turn = Affine { shift: Vec3::ONE * d.between(0.0, 50.0), ..Affine::euler(a, b, c) };
        let frame = turn.after(&Affine::scale(Vec3::ONE * periods));
        // One dark, one light, one of any value, so that the pattern shows.
        let hue = d.unit();
        let near = d.chance(0.5);
        let mut colour = |low: f32, high: f32| {
            let h = if near { hue + 0.1 * d.normal() } else { d.unit() };
            let s = d.between(0.0, 0.9);
            rgb([h, s, d.between(low, high)])
        };
        let (dark, light, any) = (colour(0.1, 0.4), colour(0.6, 1.0), colour(0.2, 0.9));
        let colours = if d.chance(0.5) { [dark, light, any] } else { [light, dark, any] };
        Self { pattern, frame, colours, wander: d.unit(), seed: d.bits() }
    }

    /// The colour at a point.
    pub fn at(&self, p: Vec3) -> Rgb {
        let p = self.frame.point(p);
        let [a, b, c] = self.colours;
        match self.pattern {
            Pattern::Clouds => {
                let n = clouds(p, self.seed);
                if n < 0.5 { mix(a, c, ramp(n, 0.25, 0.5)) } else { mix(c, b, ramp(n, 0.5, 0.75)) }
            }
            Pattern::Stripes => {
                let s = p.x + self.wander * noise(p, self.seed);
                mix(a, b, ramp(wave(s), 0.4, 0.6))
            }
            Pattern::Checker => {
                let (x, y, z) = (floor(p.x), floor(p.y), floor(p.z));
                if (x ^ y ^ z) & 1 == 0 { a } else { b }
            }
            Pattern::Cells => {
                let (near, next, cell) = cells(p, self.seed);
                let of = [a, b, c][(cell % 3) as usize];
                mix([0.02; 3], of, ramp(next - near, 0.02, 0.12))
            }
            Pattern::Dots => {
                let (x, y, z) = (floor(p.x), floor(p.y), floor(p.z));
                let from = p - v(x as f32 + 0.5, y as f32 + 0.5, z as f32 + 0.5);
                let dot = if hash(x, y, z, self.seed) & 1 == 0 { b } else { c };
                mix(dot, a, ramp(from.length(), 0.25 + 0.15 * self.wander, 0.33 + 0.15 * self.wander))
            }
            Pattern::Rings => {
                let r = (p.x * p.x + p.z * p.z).sqrt() + 0.6 * self.wander * noise(p, self.seed);
                mix(a, b, ramp(wave(r), 0.2, 0.8))
            }
            Pattern::Plaid => {
                let (x, y) = (ramp(wave(p.x), 0.4, 0.6), ramp(wave(p.y), 0.4, 0.6));
                mix(mix(a, b, x), c, 0.6 * y)
            }
            Pattern::Marble => {
                let s = 0.7 * p.x + 1.5 * clouds(p * 0.7, self.seed);
                mix(a, b, wave(s))
            }
        }
    }
}

pub(super) fn mix(a: Rgb, b: Rgb, share: f32) -> Rgb {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * share)
}

/// Red, green and blue of hue (any number; whole turns are 1), saturation and value.
pub(super) fn rgb([h, s, v]: [f32; 3]) -> Rgb {
    let h = (h - h.floor()) * 6.0;
    std::array::from_fn(|i| {
        let k = (h + [5.0, 3.0, 1.0][i]) % 6.0;
        v - v * s * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

/// 0 below `low`, 1 above `high`, smooth between.
fn ramp(x: f32, low: f32, high: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A triangle wave in [0, 1] of period 1.
fn wave(x: f32) -> f32 {
    (2.0 * (x - floor(x) as f32) - 1.0).abs()
}

/// `f32::floor` as an integer; much faster than the function of that name where the processor has no instruction for it.
fn floor(x: f32) -> i32 {
    let i = x as i32;
    i - i32::from((i as f32) > x)
}

/// A well mixed number for a point of the integer grid.
fn hash(x: i32, y: i32, z: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ (z as u32).wrapping_mul(0xcb1a_b31f)
        ^ seed;
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// A hash as a number in [0, 1).
fn share(h: u32) -> f32 {
    (h >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Value noise in [0, 1]: random numbers on the integer grid, smooth between.
fn noise(p: Vec3, seed: u32) -> f32 {
    let (x, y, z) = (floor(p.x), floor(p.y), floor(p.z));
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v, w) = (smooth(p.x - x as f32), smooth(p.y - y as f32), smooth(p.z - z as f32));
    let at = |i: i32, j: i32, k: i32| share(hash(x.wrapping_add(i), y.wrapping_add(j), z.wrapping_add(k), seed));
    let line = |j, k| at(0, j, k) + (at(1, j, k) - at(0, j, k)) * u;
    let plane = |k| line(0, k) + (line(1, k) - line(0, k)) * v;
    plane(0) + (plane(1) - plane(0)) * w
}

/// Two octaves of noise, in [0, 1].
fn clouds(p: Vec3, seed: u32) -> f32 {
    (2.0 * noise(p, seed) + noise(p * 2.1, seed ^ 0x9e37)) * (1.0 / 3.0)
}

/// Distances to the nearest and the next of points that are scattered one to a grid cell, and a number of the nearest.
fn cells(p: Vec3, seed: u32) -> (f32, f32, u32) {
    let (x, y, z) = (floor(p.x - 0.5), floor(p.y - 0.5), floor(p.z - 0.5));
    let (mut near, mut next, mut which) = (f32::MAX, f32::MAX, 0);
    // Points stay in the middle half of their cells, so that the eight cells around hold the nearest.
    for corner in 0..8 {
        let (i, j, k) = (x + (corner & 1), y + (corner >> 1 & 1), z + (corner >> 2));
        let h = hash(i, j, k, seed);
        let within = |bits: u32| 0.25 + 0.5 * ((h >> bits) & 0x3ff) as f32 / 1023.0;
        let from = p - v(i as f32 + within(0), j as f32 + within(10), k as f32 + within(20));
        let d = from.dot(from);
        if d < near {
            (next, near, which) = (near, d, h);
        } else {
            next = next.min(d);
        }
    }
    (near.sqrt(), next.sqrt(), which >> 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_where_they_should_be() {
        for (hsv, expected) in [
            ([0.0, 1.0, 1.0], [1.0, 0.0, 0.0]),
            ([1.0 / 3.0, 1.0, 1.0], [0.0, 1.0, 0.0]),
            ([-1.0 / 3.0, 1.0, 0.5], [0.0, 0.0, 0.5]),
            ([1.5, 1.0, 1.0], [0.0, 1.0, 1.0]),
            ([0.3, 0.0, 0.7], [0.7, 0.7, 0.7]),
        ] {
            let got = rgb(hsv);
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{hsv:?}: {got:?}");
        }
    }

    #[test]
    fn textures_vary_and_stay_colours() {
        let mut d = Draw::new(0, "test", 0);
        for _ in 0..200 {
            let texture = Texture::draw(&mut d);
            let colours: Vec<Rgb> =
                (0..400).map(|_| d.three(|d| d.between(-0.4, 0.4))).map(|[x, y, z]| texture.at(v(x, y, z))).collect();
            assert!(colours.iter().flatten().all(|c| (0.0..=1.0).contains(c)), "{texture:?}");
            let spread = |i: usize| {
                let mean = colours.iter().map(|c| c[i]).sum::<f32>() / 400.0;
                (colours.iter().map(|c| (c[i] - mean).powi(2)).sum::<f32>() / 400.0).sqrt()
            };
            assert!((0..3).map(spread).fold(0.0, f32::max) > 0.03, "{texture:?}");
        }
    }

    #[test]
    fn noise_fills_its_range_and_has_no_jumps() {
        let mut d = Draw::new(1, "test", 0);
        let (mut low, mut high) = (1f32, 0f32);
        for _ in 0..5000 {
            let [x, y, z] = d.three(|d| d.between(-20.0, 20.0));
            let n = noise(v(x, y, z), 7);
            (low, high) = (low.min(n), high.max(n));
            assert!((noise(v(x + 1e-3, y, z), 7) - n).abs() < 5e-3);
        }
        assert!(low >= 0.0 && high <= 1.0 && low < 0.1 && high > 0.9, "{low} {high}");
    }
}

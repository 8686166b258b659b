//! Signed-distance solids, and rays that walk through them.
//!
//! A solid lies around the origin of its own frame. Frames may stretch and shear, so that one ball is every ellipsoid:
//! a ray is walked in the solid's frame, where the distance bounds how far the ray can go, whatever the frame does to
//! lengths in the world (sphere tracing, Hart 1996, §2).

use super::vector::{Vec3, v};

/// A solid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Solid {
    /// The unit ball.
    Ball,
    /// The part of the unit ball with y below `cut`, moved so that the origin is halfway up.
    Bowl { cut: f32 },
    /// A box of these half sides, edges rounded with radius `round`.
    Block { half: Vec3, round: f32 },
    /// All points within `thick` of the cone that runs around the y axis from radius `low` at y = −`half` to radius
    /// `low + widens` at y = `half`. A capsule, a disc, a lamp shade, a tyre.
    Lathe { low: f32, widens: f32, half: f32, thick: f32 },
    /// A cone around the y axis, cut at y = ±`half`, of radius `middle + slope·y`.
    Frustum { middle: f32, slope: f32, half: f32 },
    /// |y| ≤ `half`, |z| ≤ `deep`, |x| ≤ `middle + slope·y`.
    Prism { middle: f32, slope: f32, half: f32, deep: f32 },
}

/// A ray in a solid's frame: `origin + t·direction`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ray {
    pub origin: Vec3,
    pub direction: Vec3,
}

/// The most steps of a ray in one solid.
const STEPS: usize = 128;
/// A ray that comes this close, in its own length, has arrived.
const NEAR: f32 = 1e-4;
/// A ray that is this close after all steps runs along the surface, and has arrived, too.
const ALONG: f32 = 1e-3;

fn ball(p: Vec3) -> f32 {
    p.length() - 1.0
}

fn bowl(p: Vec3, cut: f32) -> f32 {
    let y = p.y + (cut - 1.0) / 2.0;
    ball(v(p.x, y, p.z)).max(y - cut)
}

fn block(p: Vec3, inner: Vec3, round: f32) -> f32 {
    let q = p.abs() - inner;
    q.upper(Vec3::ZERO).length() + q.largest().min(0.0) - round
}

fn around(p: Vec3) -> f32 {
    (p.x * p.x + p.z * p.z).sqrt()
}

fn lathe(p: Vec3, low: f32, widens: f32, half: f32, thick: f32) -> f32 {
    let (r, y) = (around(p) - low, p.y + half);
    let length = widens * widens + 4.0 * half * half;
    let t = ((r * widens + y * 2.0 * half) / length.max(1e-12)).clamp(0.0, 1.0);
    let (r, y) = (r - t * widens, y - t * 2.0 * half);
    (r * r + y * y).sqrt() - thick
}

fn frustum(p: Vec3, middle: f32, slope: f32, half: f32) -> f32 {
    let side = (around(p) - middle - slope * p.y) / (1.0 + slope * slope).sqrt();
    side.max(p.y.abs() - half)
}

fn prism(p: Vec3, middle: f32, slope: f32, half: f32, deep: f32) -> f32 {
    let side = (p.x.abs() - middle - slope * p.y) / (1.0 + slope * slope).sqrt();
    side.max(p.y.abs() - half).max(p.z.abs() - deep)
}

impl Solid {
    /// Half the sides of a box around the origin that holds the solid.
    pub fn half(&self) -> Vec3 {
        match *self {
            Self::Ball => Vec3::ONE,
            Self::Bowl { cut } => v(1.0, (1.0 + cut) / 2.0, 1.0),
            Self::Block { half, .. } => half,
            Self::Lathe { low, widens, half, thick } => {
                let r = low.max(low + widens) + thick;
                v(r, half + thick, r)
            }
            Self::Frustum { middle, slope, half } => {
                let r = middle + slope.abs() * half;
                v(r, half, r)
            }
            Self::Prism { middle, slope, half, deep } => v(middle + slope.abs() * half, half, deep),
        }
    }

    /// The distance to the surface or less, negative inside.
    pub fn distance(&self, p: Vec3) -> f32 {
        match *self {
            Self::Ball => ball(p),
            Self::Bowl { cut } => bowl(p, cut),
            Self::Block { half, round } => block(p, half.map(|h| h - round), round),
            Self::Lathe { low, widens, half, thick } => lathe(p, low, widens, half, thick),
            Self::Frustum { middle, slope, half } => frustum(p, middle, slope, half),
            Self::Prism { middle, slope, half, deep } => prism(p, middle, slope, half, deep),
        }
    }

    /// The direction in which the distance grows, not of length 1.
    pub fn gradient(&self, p: Vec3) -> Vec3 {
        if matches!(self, Self::Ball) {
            return p;
        }
        // Four differences instead of six (the corners of a tetrahedron).
        let h = 2e-3 * self.half().smallest().min(0.5);
        [v(1.0, -1.0, -1.0), v(-1.0, -1.0, 1.0), v(-1.0, 1.0, -1.0), v(1.0, 1.0, 1.0)]
            .into_iter()
            .fold(Vec3::ZERO, |sum, e| sum + e * self.distance(p + e * h))
    }

    /// Where a ray first meets the solid for t in `from..to`.
    pub fn meet(&self, ray: &Ray, from: f32, to: f32) -> Option<f32> {
        match *self {
            Self::Ball => walk(ray, from, to, ball),
            Self::Bowl { cut } => walk(ray, from, to, |p| bowl(p, cut)),
            Self::Block { half, round } => {
                let inner = half.map(|h| h - round);
                walk(ray, from, to, |p| block(p, inner, round))
            }
            Self::Lathe { low, widens, half, thick } => walk(ray, from, to, |p| lathe(p, low, widens, half, thick)),
            Self::Frustum { middle, slope, half } => walk(ray, from, to, |p| frustum(p, middle, slope, half)),
            Self::Prism { middle, slope, half, deep } => walk(ray, from, to, |p| prism(p, middle, slope, half, deep)),
        }
    }
}

/// Sphere tracing: as far as the distance allows, again and again.
fn walk(ray: &Ray, from: f32, to: f32, distance: impl Fn(Vec3) -> f32) -> Option<f32> {
    let slowness = 1.0 / ray.direction.length().max(1e-20);
    let (mut t, mut free) = (from, 0.0);
    for _ in 0..STEPS {
        free = distance(ray.origin + ray.direction * t) * slowness;
        if free < NEAR {
            return Some(t);
        }
        t += free;
        if t >= to {
            return None;
        }
    }
    (free < ALONG).then_some(t)
}

impl Ray {
    /// The part of the ray inside the box of these half sides, if any of it is.
    pub fn inside(&self, half: Vec3) -> Option<(f32, f32)> {
        let (o, inverse) = (self.origin, self.direction.map(|d| 1.0 / d));
        let (a, b) = ((-half - o).scaled(inverse), (half - o).scaled(inverse));
        let (enter, leave) = (a.lower(b).largest(), a.upper(b).smallest());
        (enter < leave).then_some((enter, leave))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;
    use rand::Rng;

    const ALL: [Solid; 9] = [
        Solid::Ball,
        Solid::Bowl { cut: 0.3 },
        Solid::Block { half: v(0.5, 0.2, 0.7), round: 0.1 },
        Solid::Block { half: v(0.5, 0.2, 0.7), round: 0.0 },
        Solid::Lathe { low: 0.0, widens: 0.0, half: 0.6, thick: 0.2 },
        Solid::Lathe { low: 0.5, widens: 0.0, half: 0.0, thick: 0.1 },
        Solid::Lathe { low: 0.6, widens: -0.4, half: 0.4, thick: 0.05 },
        Solid::Frustum { middle: 0.4, slope: -0.3, half: 0.6 },
        Solid::Prism { middle: 0.5, slope: -0.5, half: 0.4, deep: 0.2 },
    ];

    /// A walk trusts two things: the distance never overstates, and nothing is outside the box.
    #[test]
    fn distances_are_bounds_and_boxes_hold_all() {
        let mut rng = stream(0, "test", 0);
        let mut point = || v(rng.gen_range(-1.5..1.5), rng.gen_range(-1.5..1.5), rng.gen_range(-1.5..1.5));
        for solid in ALL {
            let points: Vec<Vec3> = (0..1500).map(|_| point().scaled(solid.half())).collect();
            let inside: Vec<Vec3> = points.iter().copied().filter(|&p| solid.distance(p) < 0.0).collect();
            assert!(inside.len() > 20, "{solid:?}");
            for p in &points {
                let d = solid.distance(*p);
                assert!(d > 0.0 || (p.abs() - solid.half()).largest() <= 1e-6, "{solid:?} {p:?}");
                if d > 0.0 {
                    let nearest = inside.iter().map(|q| (*q - *p).length()).fold(f32::MAX, f32::min);
                    assert!(d <= nearest + 1e-5, "{solid:?} {p:?}: {d} > {nearest}");
                }
            }
        }
    }

    /// A plain march in tiny steps finds the same surface.
    #[test]
    fn walks_end_where_small_steps_do() {
        let mut rng = stream(1, "test", 0);
        for solid in ALL {
            let mut hits = 0;
            for _ in 0..300 {
                let mut number = || rng.gen_range(-0.6..0.6);
                let direction = v(number() * 0.5, number() * 0.5, 1.0);
                let ray = Ray { origin: v(number(), number(), -2.0), direction };
                let at = |t: f32| solid.distance(ray.origin + ray.direction * t);
                let slow = (0..8000).map(|i| i as f32 * 5e-4).find(|&t| at(t) < 0.0);
                let found = ray.inside(solid.half()).and_then(|(a, b)| solid.meet(&ray, a, b));
                // Rays that only touch may end either way.
                let grazes = (0..8000).map(|i| at(i as f32 * 5e-4)).fold(f32::MAX, f32::min).abs() < 2e-3;
                match (slow, found) {
                    (Some(s), Some(f)) => {
                        hits += 1;
                        assert!((s - f).abs() < 2e-3 || grazes, "{solid:?}: {s} and {f}");
                    }
                    (a, b) => assert!(a.is_none() == b.is_none() || grazes, "{solid:?}: {a:?} and {b:?}"),
                }
            }
            assert!(hits > 20, "{solid:?}: {hits}");
        }
    }
}

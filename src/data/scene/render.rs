//! From a scene to pixels.
//!
//! Every part has a rectangle on the screen; a tile of 8 x 8 pixels looks at the parts whose rectangle touches it, a ray at
//! those whose box it crosses, the nearest first.

use super::place::{Scene, SceneObject};
use super::solid::{Ray, Solid};
use super::texture::Rgb;
use super::vector::{Affine, Vec3, v};

/// Depth of the background plane: 4 times the distance of the camera from the origin.
const BACKGROUND: f32 = 4.308_132;

/// Where the camera is; it looks at the origin.
const EYE: Vec3 = v(1.0, 0.0, 0.4);
/// Tangent of half the field of view (a lens of 50 mm before 36 mm of film).
const HALF_VIEW: f32 = 0.36;
const TILE: usize = 8;
/// Parts of a pixel, each way, where objects end.
const FINE: usize = 2;
/// A step in depth between neighbours that is an edge.
const EDGE: f32 = 0.08;

/// Light that is reflected, of light that falls on white.
const AMBIENT: f32 = 0.12;
/// The same from the sky, straight down.
const SKY: f32 = 0.3;
/// The same from the lamp at distance 1.
const LAMP: f32 = 2.2;
/// What of the lamp's light, which has a size, is left in shadow.
const SHADOW: f32 = 0.3;
const SHINE: f32 = 0.25;

/// A rendered scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// Side, pixels.
    pub size: usize,
    /// `[3, H, W]`.
    pub pixels: Vec<u8>,
    /// `[H, W]`: 0 for the background, 1 + the class of what is seen otherwise.
    pub mask: Vec<u8>,
    /// `[H, W]`: distance from the camera along its axis (an object alone is about 1.1 away); infinite for the
    /// background.
    pub depth: Vec<f32>,
    /// The object of the scene that covers most pixels.
    pub largest: usize,
}

/// Camera axes: ahead, right, up; the latter as long as half the picture at distance 1.
fn axes() -> [Vec3; 3] {
    let ahead = (-EYE).unit();
    let right = ahead.cross(v(0.0, 0.0, 1.0)).unit();
    [ahead, right * HALF_VIEW, right.cross(ahead) * HALF_VIEW]
}

/// A part, ready for rays.
struct Placed {
    solid: Solid,
    half: Vec3,
    object: usize,
    local: Affine,
    /// The camera and its axes in the part's frame.
    eye: Vec3,
    axes: [Vec3; 3],
    /// First and last pixel, across and down.
    columns: [usize; 2],
    rows: [usize; 2],
}

/// Where a ray ended: its length (which is the depth), and on which part.
#[derive(Clone, Copy)]
struct Hit {
    depth: f32,
    part: usize,
}

struct Body<'a> {
    object: &'a SceneObject,
    to_model: Affine,
    centre: Vec3,
    radius: f32,
    parts: std::ops::Range<usize>,
}

struct Renderer<'a> {
    scene: &'a Scene,
    axes: [Vec3; 3],
    parts: Vec<Placed>,
    bodies: Vec<Body<'a>>,
}

/// A part that a ray crosses the box of.
struct Candidate {
    enter: f32,
    leave: f32,
    part: usize,
    ray: Ray,
}

impl Scene {
    /// Renders the scene.
    pub fn render(&self) -> Rendered {
        Renderer::new(self).render()
    }
}

impl<'a> Renderer<'a> {
    fn new(scene: &'a Scene) -> Self {
        let axes = axes();
        let (mut parts, mut bodies) = (Vec::new(), Vec::new());
        for (number, object) in scene.objects.iter().enumerate() {
            let first = parts.len();
            for part in &object.model.parts {
                let frame = object.frame.after(&part.frame);
                parts.push(Placed::new(part.solid, &frame, number, axes, scene.size));
            }
            let (low, high) = object.model.bounds();
            let f = &object.frame;
            let reach = (high - low) * 0.5;
            let radius = v(f.x.length() * reach.x, f.y.length() * reach.y, f.z.length() * reach.z).length();
            let (to_model, centre) = (f.inverse(), f.point((low + high) * 0.5));
            bodies.push(Body { object, to_model, centre, radius, parts: first..parts.len() });
        }
        Self { scene, axes, parts, bodies }
    }

    fn render(&self) -> Rendered {
        let size = self.scene.size;
        let mut hits: Vec<Option<Hit>> = vec![None; size * size];
        let mut scratch = (Vec::new(), Vec::new());
        let tiles = || (0..size).step_by(TILE).flat_map(|y| (0..size).step_by(TILE).map(move |x| (x, y)));
        for (left, top) in tiles() {
            let (near, candidates) = &mut scratch;
            self.touching(left, top, near);
            if near.is_empty() {
                continue;
            }
            for (x, y) in pixels(left, top, size) {
                hits[y * size + x] = self.trace(self.screen(x as f32 + 0.5, y as f32 + 0.5), near, candidates);
            }
        }
        let mut planes = vec![0; 3 * size * size];
        for (left, top) in tiles() {
            let (near, candidates) = &mut scratch;
            self.touching(left, top, near);
            for (x, y) in pixels(left, top, size) {
                let i = y * size + x;
                let colour = if self.is_edge(&hits, x, y) {
                    let mut sum = [0.0; 3];
                    for part in 0..FINE * FINE {
                        let within = |k: usize| (k as f32 + 0.5) / FINE as f32;
                        let at = self.screen(x as f32 + within(part % FINE), y as f32 + within(part / FINE));
                        let colour = self.shade(at, self.trace(at, near, candidates));
                        sum = std::array::from_fn(|c| sum[c] + colour[c] / (FINE * FINE) as f32);
                    }
                    sum
                } else {
                    self.shade(self.screen(x as f32 + 0.5, y as f32 + 0.5), hits[i])
                };
                for (c, value) in colour.into_iter().enumerate() {
                    // A gamma of 2.
                    planes[c * size * size + i] = (value.clamp(0.0, 1.0).sqrt() * 255.0 + 0.5) as u8;
                }
            }
        }
        let mut seen = vec![0usize; self.bodies.len()];
        let body = |hit: &Option<Hit>| hit.map(|h| self.parts[h.part].object);
        hits.iter().filter_map(body).for_each(|b| seen[b] += 1);
        let most = seen.iter().copied().max().unwrap_or(0);
        Rendered {
            size,
            pixels: planes,
            mask: hits.iter().map(|h| body(h).map_or(0, |b| 1 + self.bodies[b].object.class as u8)).collect(),
            depth: hits.iter().map(|h| h.map_or(f32::INFINITY, |h| h.depth)).collect(),
            largest: seen.iter().position(|&n| n == most).unwrap_or(0),
        }
    }

    /// Where a point of the picture is on the screen, each way from −1 to 1.
    fn screen(&self, x: f32, y: f32) -> [f32; 2] {
        let scale = 2.0 / self.scene.size as f32;
        [x * scale - 1.0, 1.0 - y * scale]
    }

    /// The parts that may be seen in a tile.
    fn touching(&self, left: usize, top: usize, near: &mut Vec<usize>) {
        near.clear();
        let meets = |[first, last]: [usize; 2], from: usize| first < from + TILE && last >= from;
        near.extend((0..self.parts.len()).filter(|&i| {
            let part = &self.parts[i];
            meets(part.columns, left) && meets(part.rows, top)
        }));
    }

    fn trace(&self, [x, y]: [f32; 2], near: &[usize], candidates: &mut Vec<Candidate>) -> Option<Hit> {
        candidates.clear();
        for &i in near {
            let part = &self.parts[i];
            let [ahead, right, up] = part.axes;
            let ray = Ray { origin: part.eye, direction: ahead + right * x + up * y };
            if let Some((enter, leave)) = ray.inside(part.half).filter(|&(_, leave)| leave > 0.0) {
                candidates.push(Candidate { enter: enter.max(0.0), leave, part: i, ray });
            }
        }
        candidates.sort_unstable_by(|a, b| a.enter.total_cmp(&b.enter).then(a.part.cmp(&b.part)));
        let mut best: Option<Hit> = None;
        for c in candidates {
            let to = best.map_or(c.leave, |b| b.depth.min(c.leave));
            if c.enter >= to {
                // Those after it enter later still.
                if best.is_some_and(|b| c.enter >= b.depth) {
                    break;
                }
                continue;
            }
            if let Some(depth) = self.parts[c.part].solid.meet(&c.ray, c.enter, to) {
                best = Some(Hit { depth, part: c.part });
            }
        }
        best
    }

    /// Whether an object ends at a pixel, or a part stands out from what is behind it.
    fn is_edge(&self, hits: &[Option<Hit>], x: usize, y: usize) -> bool {
        let size = self.scene.size;
        let here = hits[y * size + x];
        let differs = |x: usize, y: usize| match (here, hits[y * size + x]) {
            (None, None) => false,
            (Some(a), Some(b)) => (a.depth - b.depth).abs() > EDGE,
            _ => true,
        };
        (x > 0 && differs(x - 1, y))
            || (x + 1 < size && differs(x + 1, y))
            || (y > 0 && differs(x, y - 1))
            || (y + 1 < size && differs(x, y + 1))
    }

    /// Reflected light.
    fn shade(&self, at: [f32; 2], hit: Option<Hit>) -> Rgb {
        let [ahead, right, up] = self.axes;
        let direction = ahead + right * at[0] + up * at[1];
        let Some(hit) = hit else { return self.background(at, direction) };
        let part = &self.parts[hit.part];
        let point = EYE + direction * hit.depth;
        let local = part.eye + (part.axes[0] + part.axes[1] * at[0] + part.axes[2] * at[1]) * hit.depth;
        let normal = part.local.transposed(part.solid.gradient(local)).unit();
        let body = &self.bodies[part.object];
        let albedo = body.object.material.at(body.to_model.point(point));
        let to_lamp = self.scene.light - point;
        let (squared, facing) = (to_lamp.dot(to_lamp), to_lamp.dot(normal));
        let mut light = AMBIENT * (1.0 + 0.5 * normal.z) + SKY * normal.z.max(0.0);
        let mut shine = 0.0;
        if facing > 0.0 {
            let is_dark = self.occluded(point + normal * 4e-3, to_lamp);
            let distance = squared.sqrt();
            let strength = LAMP / squared * if is_dark { SHADOW } else { 1.0 };
            light += strength * facing / distance;
            if !is_dark {
                let half = (to_lamp * (1.0 / distance) - direction.unit()).unit();
                let glance = half.dot(normal).max(0.0).powi(24);
                shine = SHINE * strength * glance;
            }
        }
        albedo.map(|a| a * light + shine)
    }

    /// The plane behind, which faces the camera.
    fn background(&self, [x, y]: [f32; 2], direction: Vec3) -> Rgb {
        let point = EYE + direction * BACKGROUND;
        let to_lamp = self.scene.light - point;
        let squared = to_lamp.dot(to_lamp);
        let facing = -self.axes[0].dot(to_lamp) / squared.sqrt();
        let light = AMBIENT + SKY * 0.5 + LAMP * 2.0 * facing.max(0.0) / squared;
        // The texture lies as if it were as far as the objects are, so that both have the same scale.
        let on_plane = v(x, y, 0.0) * (HALF_VIEW * BACKGROUND / 4.0);
        self.scene.background.at(on_plane).map(|a| a * light)
    }

    /// Whether something is between a point and the lamp.
    fn occluded(&self, from: Vec3, to_lamp: Vec3) -> bool {
        let squared = to_lamp.dot(to_lamp);
        self.bodies.iter().any(|body| {
            let to = body.centre - from;
            let along = (to.dot(to_lamp) / squared).clamp(0.0, 1.0);
            let apart = to - to_lamp * along;
            apart.dot(apart) < body.radius * body.radius
                && self.parts[body.parts.clone()].iter().any(|part| {
                    let ray = Ray { origin: part.local.point(from), direction: part.local.vector(to_lamp) };
                    ray.inside(part.half)
                        .filter(|&(enter, leave)| leave > 0.0 && enter < 1.0)
                        .is_some_and(|(enter, leave)| part.solid.meet(&ray, enter.max(0.0), leave.min(1.0)).is_some())
                })
        })
    }
}

/// The pixels of a tile.
fn pixels(left: usize, top: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    let (right, bottom) = ((left + TILE).min(size), (top + TILE).min(size));
    (top..bottom).flat_map(move |y| (left..right).map(move |x| (x, y)))
}

impl Placed {
    fn new(solid: Solid, frame: &Affine, object: usize, axes: [Vec3; 3], size: usize) -> Self {
        let (local, half) = (frame.inverse(), solid.half());
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        let [ahead, right, up] = axes;
        let view = HALF_VIEW * HALF_VIEW;
        for corner in 0..8 {
            let sign = |bit: usize| if corner >> bit & 1 == 0 { -1.0 } else { 1.0 };
            let from = frame.point(v(sign(0) * half.x, sign(1) * half.y, sign(2) * half.z)) - EYE;
            let depth = from.dot(ahead);
            // What reaches behind the camera may be seen anywhere.
            let place = |axis: Vec3| from.dot(axis) / (depth * view);
            let at = if depth > 0.05 { [place(right), -place(up)] } else { [f32::INFINITY; 2] };
            for (k, at) in at.into_iter().enumerate() {
                if at.is_finite() {
                    (low[k], high[k]) = (low[k].min(at), high[k].max(at));
                } else {
                    (low[k], high[k]) = (-1.0, 1.0);
                }
            }
        }
        let pixel = |at: f32| ((at + 1.0) / 2.0 * size as f32).clamp(-1.0, size as f32 + 1.0);
        // A part beside the picture has a range at its edge, or after the last pixel.
        let range = |k: usize| [pixel(low[k]).max(0.0) as usize, (pixel(high[k]) + 1.0).max(0.0) as usize];
        let (eye, axes) = (local.point(EYE), axes.map(|a| local.vector(a)));
        Self { solid, half, object, local, eye, axes, columns: range(0), rows: range(1) }
    }
}

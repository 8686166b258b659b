//! Scenes: what stands where, lit from where, and how it is coloured.

use super::class::{CLASS_NAMES, model};
use super::draw::Draw;
use super::model::Model;
use super::texture::{Rgb, Texture, mix, rgb};
use super::vector::{Affine, Vec3, v};
use super::{SceneConfig, Variant};
use crate::data::{DataError, Split};
use std::f32::consts::{FRAC_PI_2, FRAC_PI_6, FRAC_PI_8};

/// Shapes of a class in a bucket. Training has ten buckets, validation and test one each, as in the paper.
const BUCKET: u64 = 400;
/// Side of an object that stands alone, before its axes are warped; models are 0.7 long.
const ALONE: f32 = 0.8;
/// The same among several, so that all fit into the picture.
const AMONG: f32 = 0.5;
/// Least distance between the centres of several objects, on the ground.
const SPACING: f32 = 0.25;
/// Share of the class's colour where it lies over a texture.
const OVER: f32 = 0.4;

/// The shape numbers of a split: no two splits share one.
pub(super) fn shapes(split: Split) -> Result<std::ops::Range<u64>, DataError> {
    match split {
        Split::Train => Ok(0..10 * BUCKET),
        Split::Validation => Ok(10 * BUCKET..11 * BUCKET),
        Split::Test => Ok(11 * BUCKET..12 * BUCKET),
        Split::Unlabeled => Err(DataError::Setting("scenes have the splits train, valid and test".into())),
    }
}

/// What a surface looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Material {
    pub texture: Option<Texture>,
    pub tint: Rgb,
    /// Share of the tint over the texture.
    pub over: f32,
}

impl Material {
    pub fn at(&self, p: Vec3) -> Rgb {
        self.texture
            .as_ref()
            .map_or(self.tint, |t| if self.over > 0.0 { mix(t.at(p), self.tint, self.over) } else { t.at(p) })
    }
}

/// An object of a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneObject {
    /// Its class, below 10.
    pub class: usize,
    /// The number of its shape in the class; splits share none.
    pub shape: u64,
    /// Where its upper side points: 0 up (within π/8 of the vertical), otherwise 1 to 4, the quadrant of the ground that
    /// it leans to.
    pub pose: usize,
    /// From the model's points to the world's.
    pub(super) frame: Affine,
    pub(super) material: Material,
    pub(super) model: Model,
}

/// A scene that can be rendered. It is a function of the seed, the split and the index; switches change only what they
/// name: the same index shows the same shapes under every variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Its objects, one or more.
    pub objects: Vec<SceneObject>,
    pub(super) size: usize,
    /// Where the lamp is.
    pub(super) light: Vec3,
    pub(super) background: Material,
}

impl Scene {
    /// Scene `index` of a split.
    ///
    /// # Errors
    /// When the settings cannot be used, or the split is none of train, valid and test.
    pub fn draw(config: &SceneConfig, split: Split, index: u64) -> Result<Self, DataError> {
        Self::draw_of(config, split, index, None)
    }

    /// The same with another class for all of its objects.
    ///
    /// # Errors
    /// As [`draw`](Self::draw), or when there is no such class.
    pub fn draw_of(config: &SceneConfig, split: Split, index: u64, class: Option<usize>) -> Result<Self, DataError> {
        config.check()?;
        if let Some(class) = class.filter(|&c| c >= CLASS_NAMES.len()) {
            return Err(DataError::Setting(format!("class {class} is not below {}", CLASS_NAMES.len())));
        }
        let numbers = shapes(split)?;
        let variant = config.variant;
        let mut d = Draw::new(config.seed, &format!("scene {}", split.name()), index);
        // Everything is drawn whatever the switches are; they say what of it counts.
        let swing = -0.5 + if variant.lighting { 2.0 } else { 0.0 } * d.normal();
        let background = material(&mut d, variant, None);
        let mut objects: Vec<SceneObject> = (0..config.objects)
            .map(|_| {
                let drawn = d.below(CLASS_NAMES.len());
                let class = class.unwrap_or(drawn);
                let shape = numbers.start + d.below((numbers.end - numbers.start) as usize) as u64;
                object(&mut d, config, class, shape)
            })
            .collect();
        if objects.len() > 1 {
            let places = scatter(&mut d, objects.len());
            objects.iter_mut().zip(places).for_each(|(o, at)| o.frame.shift = at);
        }
        let light = v(0.0, 1.5 * swing.sin(), 1.5 * swing.cos());
        Ok(Self { objects, size: config.size, light, background })
    }
}

/// An object at the origin.
fn object(d: &mut Draw, config: &SceneConfig, class: usize, shape: u64) -> SceneObject {
    let warp = d.three(Draw::normal);
    let mean = warp.iter().sum::<f32>() / 3.0;
    let warp = warp.map(|w| (1.0 + 0.1 * (w - mean)).clamp(0.5, 1.5));
    let noise = d.three(Draw::normal);
    let [a, b, c] = noise.map(|n| if config.variant.viewpoint { 0.5 * n } else { 0.0 });
    let turn = Affine::euler(FRAC_PI_2 + a, b, -FRAC_PI_6 + c);
    let size = if config.objects == 1 { ALONE } else { AMONG };
    let frame = turn.after(&Affine::scale(v(warp[0], warp[1], warp[2]) * size));
    let material = material(d, config.variant, Some((config.seed, class)));
    SceneObject { class, shape, pose: pose(turn.y), frame, material, model: model(config.seed, class, shape) }
}

/// A surface; one with a class takes the class's colour where colour is tied to it.
fn material(d: &mut Draw, variant: Variant, class: Option<(u64, usize)>) -> Material {
    let free = d.three(Draw::unit);
    let noise = d.three(Draw::normal);
    let texture = Texture::draw(d);
    let texture = variant.texture.then_some(texture);
    match class.filter(|_| !variant.colour) {
        Some((seed, class)) => {
            let [h, s, v] = class_colour(seed, class);
            let near = |x: f32, n: f32| (x + 0.2 * n).clamp(0.0, 1.0);
            let tint = rgb([h + 0.06 * noise[0], near(s, noise[1]), near(v, noise[2])]);
            Material { texture, tint, over: OVER }
        }
        None => Material { texture, tint: free, over: 0.0 },
    }
}

/// Hue, saturation and value that a class has where colour is tied to it.
pub(super) fn class_colour(seed: u64, class: usize) -> [f32; 3] {
    let [h, s, v] = Draw::new(seed, "scene colour", class as u64).three(Draw::unit);
    [h, 0.8 * s + 0.2, 0.4 * v + 0.6]
}

/// The pose of an object whose own upper side points along `up`.
fn pose(up: Vec3) -> usize {
    if up.z > FRAC_PI_8.cos() {
        return 0;
    }
    match (up.x >= 0.0, up.y >= 0.0) {
        (true, true) => 1,
        (false, true) => 2,
        (false, false) => 3,
        (true, false) => 4,
    }
}

/// Places that keep their distance where they can.
fn scatter(d: &mut Draw, n: usize) -> Vec<Vec3> {
    let mut places: Vec<Vec3> = Vec::with_capacity(n);
    for _ in 0..n {
        let mut best = (Vec3::ZERO, -1.0);
        for _ in 0..12 {
            let x = d.between(-0.32, 0.22);
            // The picture is narrower in front.
            let place = v(x, d.between(-0.27, 0.27) * (1.0 - x), 0.05 * d.normal());
            let apart = |p: &Vec3| v(p.x - place.x, p.y - place.y, 0.0).length();
            let nearest = places.iter().map(apart).fold(f32::MAX, f32::min);
            if nearest > best.1 {
                best = (place, nearest);
            }
            if nearest >= SPACING {
                break;
            }
        }
        places.push(best.0);
    }
    places
}

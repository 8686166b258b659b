//! Scenes rendered here: the synthetic data of Newell & Deng 2020 (arXiv 2003.14323), without its meshes and textures.
//!
//! Their images show ShapeNet's models under photographed textures, rendered by Blender. These show shapes of the same ten
//! classes, made of solids whose sizes are random numbers, under procedural textures; the classes, factors, strengths,
//! camera and lamp follow their renderer, so that trends can be compared, not accuracies. Four [switches](Variant) say
//! what varies. An image has a class, a pose in five bins, and for every pixel a class and a depth.
//!
//! Differences by choice: an object among several is smaller (0.35 long instead of 0.56), so that four fit into the
//! picture, and colours have three channels of their own (their code makes red and green equal).
//!
//! The same seed gives the same bits, whatever the number of threads, on one kind of machine.
//!
//! ```
//! use infomax::data::{Split, scene::{Scene, SceneConfig}};
//! let config = SceneConfig { variant: "TCVL".parse()?, ..SceneConfig::default() };
//! let image = Scene::draw(&config, Split::Train, 0)?.render();
//! assert_eq!(image.pixels.len(), 3 * 64 * 64);
//! // A pixel has a depth where it has a class.
//! assert!(image.mask.iter().zip(&image.depth).all(|(&m, d)| (m > 0) == d.is_finite()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod class;
mod draw;
mod model;
mod place;
mod render;
mod solid;
mod targets;
#[cfg(test)]
mod tests;
mod texture;
mod vector;
mod write;

pub use class::CLASS_NAMES;
pub use place::{Scene, SceneObject};
pub use render::Rendered;
pub use targets::{DenseTargets, poses};
pub use write::{CARD_FILE, SceneSet, WrittenScenes};

use super::DataError;
use std::fmt;
use std::str::FromStr;

/// Poses of an object: up, or one of four quadrants.
pub const POSES: usize = 5;
/// What the background's depth counts as where a task needs a number: the largest depth that the paper stores.
pub const DEPTH_LIMIT: f32 = 2.55;
/// Sides of an image that can be asked for, pixels: the paper's 64 and 128, and 32 for small encoders.
pub const SIDES: [usize; 3] = [32, 64, 128];
/// The most objects of a scene.
pub const MAX_OBJECTS: usize = 4;

/// What varies from image to image. Shapes always do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// T: objects and background have textures; else each has one colour.
    pub texture: bool,
    /// C: colours tell nothing of the class; else each class has a hue, which lies over the texture by 0.4.
    pub colour: bool,
    /// V: objects are turned by normal noise of 0.5 radians about each axis; else all are seen from one side.
    pub viewpoint: bool,
    /// L: the lamp is anywhere on a circle (its angle has normal noise of 2 radians); else in one place.
    pub lighting: bool,
}

impl Variant {
    /// Every switch on.
    pub const ALL: Self = Self { texture: true, colour: true, viewpoint: true, lighting: true };

    fn switches(self) -> [(char, bool); 4] {
        [('T', self.texture), ('C', self.colour), ('V', self.viewpoint), ('L', self.lighting)]
    }
}

/// `TCVL`, with `-` for what is off.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.switches().iter().try_for_each(|&(letter, on)| write!(f, "{}", if on { letter } else { '-' }))
    }
}

/// From letters (`TCVL`, `T--L`, `VL`, `-`) or the paper's digits (`1001`).
impl FromStr for Variant {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let wrong = || {
            DataError::Setting(format!(
                "a variant `{text}` of scenes is not known: name what varies by the letters T (texture), C (colour), V \
                 (viewpoint) and L (lighting), or - for nothing"
            ))
        };
        if text.len() == 4 && text.bytes().all(|b| matches!(b, b'0' | b'1')) {
            let on = |i: usize| text.as_bytes()[i] == b'1';
            return Ok(Self { texture: on(0), colour: on(1), viewpoint: on(2), lighting: on(3) });
        }
        let mut variant = Self::default();
        for letter in text.chars() {
            let switch = match letter.to_ascii_uppercase() {
                'T' => &mut variant.texture,
                'C' => &mut variant.colour,
                'V' => &mut variant.viewpoint,
                'L' => &mut variant.lighting,
                '-' => continue,
                _ => return Err(wrong()),
            };
            if std::mem::replace(switch, true) {
                return Err(wrong());
            }
        }
        if text.is_empty() { Err(wrong()) } else { Ok(variant) }
    }
}

/// What scenes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SceneConfig {
    /// What varies.
    pub variant: Variant,
    /// Side of an image, pixels: 32, 64 or 128.
    pub size: usize,
    /// Objects in a scene, 1 to 4.
    pub objects: usize,
    /// Root of all random numbers.
    pub seed: u64,
}

/// Everything varies; 64 pixels, one object, seed 0.
impl Default for SceneConfig {
    fn default() -> Self {
        Self { variant: Variant::ALL, size: SIDES[1], objects: 1, seed: 0 }
    }
}

impl SceneConfig {
    /// Whether scenes can be drawn with these settings.
    ///
    /// # Errors
    /// When one is out of range.
    pub fn check(&self) -> Result<(), DataError> {
        if !SIDES.contains(&self.size) {
            return Err(DataError::Setting(format!(
                "scenes of {} pixels a side are not drawn: 32, 64 and 128 are",
                self.size
            )));
        }
        if !(1..=MAX_OBJECTS).contains(&self.objects) {
            return Err(DataError::Setting(format!(
                "scenes of {} objects are not drawn: 1 to {MAX_OBJECTS} are",
                self.objects
            )));
        }
        Ok(())
    }
}

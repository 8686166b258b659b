//! Models: unions of solids, each in its own frame.

use super::solid::Solid;
use super::vector::{Affine, Vec3, v};

/// The largest side of a finished model, as in the paper's renderer.
const SIDE: f32 = 0.7;

/// A solid and its frame, which takes the solid's own points to the model's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub solid: Solid,
    pub frame: Affine,
}

/// A union of parts. y is up; vehicles point to −z, furniture is turned to +x.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    pub parts: Vec<Part>,
}

impl Model {
    pub fn add(&mut self, solid: Solid, frame: Affine) {
        self.parts.push(Part { solid, frame });
    }

    /// An ellipsoid.
    pub fn ball(&mut self, centre: Vec3, radii: Vec3) {
        self.add(Solid::Ball, Affine::at(centre).after(&Affine::scale(radii)));
    }

    /// The part of an ellipsoid below `cut`, a share of its upper radius.
    pub fn bowl(&mut self, centre: Vec3, radii: Vec3, cut: f32) {
        let middle = centre + v(0.0, radii.y * (cut - 1.0) / 2.0, 0.0);
        self.add(Solid::Bowl { cut }, Affine::at(middle).after(&Affine::scale(radii)));
    }

    /// A box with rounded edges.
    pub fn block(&mut self, centre: Vec3, half: Vec3, round: f32) {
        self.tilted(centre, half, round, 0.0);
    }

    /// A box whose top leans back to −x by `angle` radians.
    pub fn tilted(&mut self, centre: Vec3, half: Vec3, round: f32, angle: f32) {
        let round = round.min(half.smallest());
        self.add(Solid::Block { half, round }, Affine::at(centre).after(&Affine::euler(0.0, 0.0, angle)));
    }

    /// A tube with round ends.
    pub fn tube(&mut self, from: Vec3, to: Vec3, radius: f32) {
        let half = (to - from).length() / 2.0;
        self.between(Solid::Lathe { low: 0.0, widens: 0.0, half, thick: radius }, from, to);
    }

    /// A rod with flat ends, of one radius at `from` and another at `to`.
    pub fn rod(&mut self, from: Vec3, to: Vec3, radii: [f32; 2]) {
        let half = (to - from).length() / 2.0;
        let (middle, slope) = ((radii[0] + radii[1]) / 2.0, (radii[1] - radii[0]) / (2.0 * half));
        self.between(Solid::Frustum { middle, slope, half }, from, to);
    }

    /// A disc of this radius and half thickness.
    pub fn disc(&mut self, centre: Vec3, axis: Vec3, radius: f32, thick: f32) {
        let reach = axis.unit() * thick;
        self.rod(centre - reach, centre + reach, [radius; 2]);
    }

    /// A ring around an axis.
    pub fn ring(&mut self, centre: Vec3, axis: Vec3, radius: f32, thick: f32) {
        let frame = Affine { shift: centre, ..Affine::along(axis) };
        self.add(Solid::Lathe { low: radius, widens: 0.0, half: 0.0, thick }, frame);
    }

    /// A hollow cone, open at both ends, of one radius at `from` and another at `to`.
    pub fn shade(&mut self, from: Vec3, to: Vec3, radii: [f32; 2], thick: f32) {
        let half = (to - from).length() / 2.0;
        self.between(Solid::Lathe { low: radii[0], widens: radii[1] - radii[0], half, thick }, from, to);
    }

    /// A flat trapezoid that grows from `root` along `span`; its side at the root is `chord`, at the tip `chord` times
    /// `tip`, and it is `thick` (half) across both.
    pub fn wing(&mut self, root: Vec3, span: Vec3, chord: Vec3, tip: f32, thick: f32) {
        let (wide, half) = (chord.length() / 2.0, span.length() / 2.0);
        let (middle, slope) = (wide * (1.0 + tip) / 2.0, wide * (tip - 1.0) / (2.0 * half));
        let (x, y) = (chord.unit(), span.unit());
        // The chord stays where it points, so that a swept wing is sheared, not turned.
        let frame = Affine { x, y, z: x.cross(y).unit(), shift: root + span * 0.5 };
        self.add(Solid::Prism { middle, slope, half, deep: thick }, frame);
    }

    fn between(&mut self, solid: Solid, from: Vec3, to: Vec3) {
        self.add(solid, Affine { shift: (from + to) * 0.5, ..Affine::along(to - from) });
    }

    /// Lowest and highest corner of a box that holds the model.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        let far = f32::MAX;
        self.parts.iter().fold((v(far, far, far), v(-far, -far, -far)), |(low, high), part| {
            let (f, h) = (&part.frame, part.solid.half());
            let reach = f.x.abs() * h.x + f.y.abs() * h.y + f.z.abs() * h.z;
            (low.lower(f.shift - reach), high.upper(f.shift + reach))
        })
    }

    /// Moves the box's centre to the origin and scales its largest side to 0.7.
    pub fn fitted(mut self) -> Self {
        let (low, high) = self.bounds();
        let scale = SIDE / (high - low).largest();
        let fit = Affine::scale(Vec3::ONE * scale).after(&Affine::at((low + high) * -0.5));
        self.parts.iter_mut().for_each(|p| p.frame = fit.after(&p.frame));
        self
    }
}

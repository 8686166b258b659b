//! Points, directions and frames in three dimensions.

use std::ops::{Add, Mul, Neg, Sub};

/// A point or direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vec3 {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

/// `Vec3` from its parts.
pub(super) const fn v(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    pub const ZERO: Self = v(0.0, 0.0, 0.0);
    pub const ONE: Self = v(1.0, 1.0, 1.0);

    pub fn dot(self, o: Self) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    pub fn cross(self, o: Self) -> Self {
        v(self.y * o.z - self.z * o.y, self.z * o.x - self.x * o.z, self.x * o.y - self.y * o.x)
    }

    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The direction; of the zero vector, itself.
    pub fn unit(self) -> Self {
        self * (1.0 / self.length().max(1e-20))
    }

    pub fn map(self, f: impl Fn(f32) -> f32) -> Self {
        v(f(self.x), f(self.y), f(self.z))
    }

    pub fn zip(self, o: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        v(f(self.x, o.x), f(self.y, o.y), f(self.z, o.z))
    }

    pub fn abs(self) -> Self {
        self.map(f32::abs)
    }

    /// The product part by part.
    pub fn scaled(self, o: Self) -> Self {
        self.zip(o, |a, b| a * b)
    }

    pub fn lower(self, o: Self) -> Self {
        self.zip(o, f32::min)
    }

    pub fn upper(self, o: Self) -> Self {
        self.zip(o, f32::max)
    }

    pub fn largest(self) -> f32 {
        self.x.max(self.y).max(self.z)
    }

    pub fn smallest(self) -> f32 {
        self.x.min(self.y).min(self.z)
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        v(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        v(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, s: f32) -> Self {
        v(self.x * s, self.y * s, self.z * s)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        v(-self.x, -self.y, -self.z)
    }
}

/// `p ↦ x·p.x + y·p.y + z·p.z + shift`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub x: Vec3,
    pub y: Vec3,
    pub z: Vec3,
    pub shift: Vec3,
}

impl Affine {
    pub const IDENTITY: Self =
        Self { x: v(1.0, 0.0, 0.0), y: v(0.0, 1.0, 0.0), z: v(0.0, 0.0, 1.0), shift: Vec3::ZERO };

    pub fn at(shift: Vec3) -> Self {
        Self { shift, ..Self::IDENTITY }
    }

    pub fn scale(s: Vec3) -> Self {
        Self { x: v(s.x, 0.0, 0.0), y: v(0.0, s.y, 0.0), z: v(0.0, 0.0, s.z), shift: Vec3::ZERO }
    }

    /// Rotation about x by `a`, then about y by `b`, then about z by `c`, radians.
    pub fn euler(a: f32, b: f32, c: f32) -> Self {
        let ((sa, ca), (sb, cb), (sc, cc)) = (a.sin_cos(), b.sin_cos(), c.sin_cos());
        let about_x = Self { y: v(0.0, ca, sa), z: v(0.0, -sa, ca), ..Self::IDENTITY };
        let about_y = Self { x: v(cb, 0.0, -sb), z: v(sb, 0.0, cb), ..Self::IDENTITY };
        let about_z = Self { x: v(cc, sc, 0.0), y: v(-sc, cc, 0.0), ..Self::IDENTITY };
        about_z.after(&about_y).after(&about_x)
    }

    /// A frame whose y axis runs along `direction`; the others are perpendicular and of length 1.
    pub fn along(direction: Vec3) -> Self {
        let y = direction.unit();
        let beside = if y.x.abs() < 0.8 { v(1.0, 0.0, 0.0) } else { v(0.0, 0.0, 1.0) };
        let z = beside.cross(y).unit();
        Self { x: y.cross(z), y, z, shift: Vec3::ZERO }
    }

    pub fn vector(&self, p: Vec3) -> Vec3 {
        self.x * p.x + self.y * p.y + self.z * p.z
    }

    pub fn point(&self, p: Vec3) -> Vec3 {
        self.vector(p) + self.shift
    }

    /// The transposed matrix times `g`: what it makes of a gradient.
    pub fn transposed(&self, g: Vec3) -> Vec3 {
        v(self.x.dot(g), self.y.dot(g), self.z.dot(g))
    }

    /// First `first`, then this.
    pub fn after(&self, first: &Self) -> Self {
        Self {
            x: self.vector(first.x),
            y: self.vector(first.y),
            z: self.vector(first.z),
            shift: self.point(first.shift),
        }
    }

    /// The inverse, of a frame that spans all directions.
    pub fn inverse(&self) -> Self {
        let rows = [self.y.cross(self.z), self.z.cross(self.x), self.x.cross(self.y)];
        let [a, b, c] = rows.map(|r| r * (1.0 / self.x.dot(rows[0])));
        let linear = Self { x: v(a.x, b.x, c.x), y: v(a.y, b.y, c.y), z: v(a.z, b.z, c.z), shift: Vec3::ZERO };
        Self { shift: -linear.vector(self.shift), ..linear }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inverse_undoes() {
        let f = Affine::euler(0.3, -1.1, 2.0).after(&Affine::scale(v(2.0, 0.5, 1.5)));
        let f = Affine::at(v(1.0, -2.0, 0.5)).after(&f);
        let p = v(0.3, 0.7, -0.2);
        assert!((f.inverse().point(f.point(p)) - p).length() < 1e-5);
        assert!((f.after(&f.inverse()).point(p) - p).length() < 1e-5);
    }

    #[test]
    fn rotations_turn_the_way_they_say() {
        let quarter = std::f32::consts::FRAC_PI_2;
        for (turn, from, to) in [
            (Affine::euler(quarter, 0.0, 0.0), v(0.0, 1.0, 0.0), v(0.0, 0.0, 1.0)),
            (Affine::euler(0.0, quarter, 0.0), v(0.0, 0.0, 1.0), v(1.0, 0.0, 0.0)),
            (Affine::euler(0.0, 0.0, quarter), v(1.0, 0.0, 0.0), v(0.0, 1.0, 0.0)),
            // x first, z last.
            (Affine::euler(quarter, 0.0, quarter), v(0.0, 1.0, 0.0), v(0.0, 0.0, 1.0)),
            (Affine::along(v(0.0, 0.0, 3.0)), v(0.0, 2.0, 0.0), v(0.0, 0.0, 2.0)),
        ] {
            assert!((turn.vector(from) - to).length() < 1e-6, "{turn:?}");
            assert!((turn.x.cross(turn.y) - turn.z).length() < 1e-6, "{turn:?}");
        }
    }
}

//! Random numbers by the names that shapes and scenes use.

use crate::seed::stream;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A stream of draws.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: u64, name: &str, index: u64) -> Self {
        Self(stream(seed, name, index))
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f32 {
        self.0.r#gen()
    }

    /// Uniform between two numbers.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A standard normal number.
    pub fn normal(&mut self) -> f32 {
        self.0.sample(StandardNormal)
    }

    pub fn three(&mut self, mut one: impl FnMut(&mut Self) -> f32) -> [f32; 3] {
        std::array::from_fn(|_| one(self))
    }

    /// One of `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.gen_range(0..n)
    }

    /// Yes with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Any 32 bits.
    pub fn bits(&mut self) -> u32 {
        self.0.r#gen()
    }
}

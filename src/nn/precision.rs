//! The precision of matrix products on the CPU.

use super::cpu::packed::{Format, Unit};
use serde::{Deserialize, Serialize};
use std::cell::Cell;

/// How matrix products round. Weights, their gradients and moments are `f32` in any case, and so are sums; activations are,
/// but for hidden layers of critics, which are kept as they are multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// `f32`. On AMX, products of the dot-product critic's residual embedding are of numbers as sums of three bf16, up to the
    /// rounding of sums the same; an infinity comes out as NaN there.
    #[default]
    Fp32,
    /// Both sides of a product are rounded to bf16 (eight bits of precision) and their products summed in `f32`: linear
    /// layers, convolutions and critics, forward and backward. Needs AMX or AVX512-BF16; see [`Precision::here`].
    Bf16,
}

thread_local! {
    static CURRENT: Cell<Precision> = const { Cell::new(Precision::Fp32) };
}

impl Precision {
    /// What this precision is on this processor: bf16 falls back to `f32` where nothing multiplies it.
    pub fn here(self) -> Self {
        if self == Self::Bf16 && Self::bf16_unit().is_none() { Self::Fp32 } else { self }
    }

    /// The instructions that multiply bf16 on this processor, if it has any.
    pub fn bf16_unit() -> Option<&'static str> {
        Format::Bf16.unit().map(Unit::name)
    }

    /// Runs `f` with the operations that it calls on this thread in this precision. Operations on other threads, and
    /// those of `f64` tensors, are as they were.
    pub fn scope<R>(self, f: impl FnOnce() -> R) -> R {
        struct Restore(Precision);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self.here()));
        f()
    }

    /// Of the innermost scope around the caller on its thread.
    pub(crate) fn current() -> Self {
        CURRENT.get()
    }
}

#[cfg(test)]
mod tests {
    use super::Precision;

    #[test]
    fn a_scope_ends_with_its_work_however_that_ends() {
        let bf16 = Precision::Bf16.here();
        assert_eq!(Precision::current(), Precision::Fp32);
        Precision::Bf16.scope(|| {
            assert_eq!(Precision::current(), bf16);
            Precision::Fp32.scope(|| assert_eq!(Precision::current(), Precision::Fp32));
            assert_eq!(Precision::current(), bf16);
        });
        let panicked = std::panic::catch_unwind(|| Precision::Bf16.scope(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(Precision::current(), Precision::Fp32);
    }
}

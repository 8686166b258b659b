//! What `infomax train` computes on, and how it rounds.

use crate::dim::DeviceKind;
use crate::nn::Precision;
use clap::ValueEnum;

/// Where the model is trained.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Place {
    /// The processor
    Cpu,
    /// The first NVIDIA device
    Cuda,
}

impl Place {
    /// The device, or the CPU and a line that says why.
    pub(super) fn device(self) -> DeviceKind {
        let wanted = match self {
            Self::Cpu => DeviceKind::Cpu,
            Self::Cuda => DeviceKind::Cuda,
        };
        match wanted.look() {
            Ok(()) => wanted,
            Err(why) => {
                eprintln!("{why}: the CPU trains");
                DeviceKind::Cpu
            }
        }
    }
}

/// Precision of matrix products.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Rounding {
    /// Single precision
    Fp32,
    /// Products of numbers rounded to bf16, summed in fp32: faster where the processor has AMX or AVX512-BF16, fp32
    /// elsewhere
    Bf16,
}

impl Rounding {
    pub(super) fn precision(self) -> Precision {
        match self {
            Self::Fp32 => Precision::Fp32,
            Self::Bf16 => Precision::Bf16,
        }
    }
}

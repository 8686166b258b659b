//! Tile products on processors with AMX (Intel, from Sapphire Rapids on).
//!
//! The instructions have no stable intrinsics yet, so one piece of assembly holds the whole loop: tiles are set up,
//! used and released inside it, and nothing that the compiler knows of lives in a tile across it.

use super::{Line, Tile};

/// What `ldtilecfg` reads: eight tiles of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static SHAPES: Shapes = {
    let (mut row_bytes, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        (row_bytes[tile], rows[tile]) = (64, 16);
        tile += 1;
    }
    Shapes { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows }
};

/// Whether the processor has bf16 tiles and the system lets this process use them.
pub(super) fn available() -> bool {
    processor_has_tiles() && permitted()
}

fn processor_has_tiles() -> bool {
    const BF16: u32 = 1 << 22;
    const TILES: u32 = 1 << 24;
    let leaves = std::arch::x86_64::__cpuid(0).eax;
    leaves >= 7 && std::arch::x86_64::__cpuid_count(7, 0).edx & (BF16 | TILES) == BF16 | TILES
}

/// Asks Linux for room for the tiles' state in every thread of the process; other systems are not asked.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn permitted() -> bool {
    const REQUEST: libc::c_int = 0x1023;
    const TILE_DATA: libc::c_int = 18;
    // SAFETY: the call takes two integers and changes nothing but what the process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST, TILE_DATA) == 0 }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn permitted() -> bool {
    false
}

/// The loop of the kernels: for each panel of the left side its four tiles of sums, and for each step what `$step` says,
/// after which `left` and `right` are those of the next step. `$left_lines` and `$right_lines` are the sides' lines of a step.
macro_rules! over_panels {
    ($lhs:ident, $panel:ident, $rhs:ident, $steps:ident, $out:ident, $accumulate:ident, [$left_lines:literal, $right_lines:literal], [$($step:literal),+]) => {
        let count = $out.len();
        if count == 0 || $steps == 0 {
            return;
        }
        assert!($steps * $left_lines <= $panel && (count - 1) * $panel + $steps * $left_lines <= $lhs.len());
        assert!($steps * $right_lines <= $rhs.len());
        // SAFETY: tiles are loaded from `lhs` and `rhs` at offsets that the assertions have checked, tiles of 16 lines, all
        // of `$left_lines` on the left and of `$right_lines` on the right in a step, and loaded from and stored to `out`, 4 KiB for each of its
        // `count` elements. The registers written are named; tiles are released at the end, so no later code finds them in
        // use.
        unsafe {
            std::arch::asm!(
                "ldtilecfg [{shapes}]",
                "2:",
                "test {accumulate:e}, {accumulate:e}",
                "jnz 3f",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "jmp 4f",
                "3:",
                "tileloadd tmm0, [{out} + {line}]",
                "tileloadd tmm1, [{out} + {line} + 1024]",
                "tileloadd tmm2, [{out} + {line} + 2048]",
                "tileloadd tmm3, [{out} + {line} + 3072]",
                "4:",
                "mov {right}, {rhs}",
                "mov {step}, {steps}",
                "5:",
                $($step,)+
                "dec {step}",
                "jnz 5b",
                "tilestored [{out} + {line}], tmm0",
                "tilestored [{out} + {line} + 1024], tmm1",
                "tilestored [{out} + {line} + 2048], tmm2",
                "tilestored [{out} + {line} + 3072], tmm3",
                "add {out}, 4096",
                "add {left}, {skip}",
                "dec {count}",
                "jnz 2b",
                "tilerelease",
                shapes = in(reg) &raw const SHAPES,
                left = inout(reg) $lhs.as_ptr() => _,
                rhs = in(reg) $rhs.as_ptr(),
                right = out(reg) _,
                out = inout(reg) $out.as_mut_ptr() => _,
                steps = in(reg) $steps,
                step = out(reg) _,
                count = inout(reg) count => _,
                skip = in(reg) ($panel - $steps * $left_lines) * size_of::<Line>(),
                accumulate = in(reg) usize::from($accumulate),
                line = in(reg) 64usize,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    };
}

/// `out[p] (+)= lhs[p]·rhs` for each panel `p` of `lhs`, over `steps` steps of 32 along the inner dimension.
///
/// `lhs` begins at the first step of the first panel, and panels lie `panel` lines apart; `rhs` likewise has one panel.
/// `out` has four tiles for each panel of `lhs`: its upper rows by the left and right columns of `rhs`, then its lower.
///
/// # Panics
/// When a slice is too short.
///
/// # Safety
/// [`available`] has said yes.
pub(super) unsafe fn panels(
    lhs: &[Line],
    panel: usize,
    rhs: &[Line],
    steps: usize,
    out: &mut [[Tile; 4]],
    accumulate: bool,
) {
    over_panels!(
        lhs,
        panel,
        rhs,
        steps,
        out,
        accumulate,
        [32, 32],
        [
            "tileloadd tmm4, [{left} + {line}]",
            "tileloadd tmm6, [{right} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{right} + {line} + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{left} + {line} + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {left}, 2048",
            "add {right}, 2048"
        ]
    );
}

/// The same where each number of `rhs` is the sum of three bf16: a step of it is three times two tiles, one third after the
/// other.
///
/// # Panics
/// As [`panels`].
///
/// # Safety
/// As [`panels`].
pub(super) unsafe fn thirds(
    lhs: &[Line],
    panel: usize,
    rhs: &[Line],
    steps: usize,
    out: &mut [[Tile; 4]],
    accumulate: bool,
) {
    over_panels!(
        lhs,
        panel,
        rhs,
        steps,
        out,
        accumulate,
        [32, 96],
        [
            "tileloadd tmm4, [{left} + {line}]",
            "tileloadd tmm6, [{right} + {line}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{right} + {line} + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{left} + {line} + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tileloadd tmm6, [{right} + {line} + 2048]",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm7, [{right} + {line} + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tileloadd tmm6, [{right} + {line} + 4096]",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm7, [{right} + {line} + 5120]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {left}, 2048",
            "add {right}, 6144"
        ]
    );
}

/// The same where each number of both sides is the sum of three bf16: six of the nine products of thirds, all but the three
/// smallest, which are less than what sums of `f32` round off.
///
/// # Panics
/// As [`panels`].
///
/// # Safety
/// As [`panels`].
pub(super) unsafe fn sixths(
    lhs: &[Line],
    panel: usize,
    rhs: &[Line],
    steps: usize,
    out: &mut [[Tile; 4]],
    accumulate: bool,
) {
    // High, middle and low thirds in an order that changes one side's at a time: h·l, h·m, h·h, m·h, m·m, l·h.
    over_panels!(
        lhs,
        panel,
        rhs,
        steps,
        out,
        accumulate,
        [96, 96],
        [
            "tileloadd tmm4, [{left} + {line}]",
            "tileloadd tmm6, [{right} + {line} + 4096]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{right} + {line} + 5120]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{left} + {line} + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tileloadd tmm6, [{right} + {line} + 2048]",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm7, [{right} + {line} + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm6, [{right} + {line}]",
            "tileloadd tmm7, [{right} + {line} + 1024]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm4, [{left} + {line} + 2048]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm5, [{left} + {line} + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm6, [{right} + {line} + 2048]",
            "tileloadd tmm7, [{right} + {line} + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm4, [{left} + {line} + 4096]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm5, [{left} + {line} + 5120]",
            "tileloadd tmm6, [{right} + {line}]",
            "tileloadd tmm7, [{right} + {line} + 1024]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {left}, 6144",
            "add {right}, 6144"
        ]
    );
}

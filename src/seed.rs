//! Named random streams: everything random in infomax flows from one root seed.
//!
//! A consumer asks for a stream by name (`"data"`, `"init"`, `"noise"`, `"probe"`) and an index (an epoch, a step, a
//! repetition). Streams of different names or indices are independent, so adding a consumer does not move the others,
//! and a resumed run needs no saved generator state: the stream of step 700 is a function of the seed alone.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The generator of stream `name`, number `index`, under `root`.
///
/// ```
/// use infomax::seed::stream;
/// use rand::Rng;
/// let a: u64 = stream(0, "data", 3).r#gen();
/// assert_eq!(a, stream(0, "data", 3).r#gen::<u64>());
/// assert_ne!(a, stream(0, "noise", 3).r#gen::<u64>());
/// ```
pub fn stream(root: u64, name: &str, index: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    let mut state = root ^ 0x9e37_79b9_7f4a_7c15;
    for word in [name_hash(name), index, root, name.len() as u64] {
        state = splitmix(state ^ splitmix(word));
    }
    for chunk in key.chunks_exact_mut(8) {
        state = splitmix(state);
        chunk.copy_from_slice(&state.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// A child seed for libraries that take a `u64` (dfdx's `Cpu::seed_from_u64`).
pub fn child(root: u64, name: &str, index: u64) -> u64 {
    use rand::RngCore;
    stream(root, name, index).next_u64()
}

/// FNV-1a, 64 bits.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// The output function of SplitMix64 (Steele, Lea & Flood 2014).
fn splitmix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

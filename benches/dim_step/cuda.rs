//! Our steps on an NVIDIA device, and PyTorch's there.

use super::{Precision, WORKS, median, ours_on, peer};
use infomax::dim::DeviceKind;

/// PyTorch as it comes, compiled, and its whole step as one graph of kernels.
const VARIANTS: [&[&str]; 3] = [&[], &["--compile"], &["--graph"]];
const ROUNDS: usize = 3;

/// All works in fp32, by turns with every variant of the peer.
pub fn compare(python: Option<&str>) {
    if let Err(why) = DeviceKind::Cuda.look() {
        return println!("{why}: no step on a device");
    }
    for work in WORKS.iter().filter(|work| work.precision == Precision::Fp32) {
        for batch in [64, 512] {
            let size = batch.to_string();
            let mut ratios = [const { Vec::new() }; VARIANTS.len()];
            for _ in 0..ROUNDS {
                let ours = ours_on(DeviceKind::Cuda, work, batch);
                print!("cuda, {}, {batch} images: ours {ours:.2} ms", work.name);
                for (variant, ratios) in VARIANTS.iter().zip(&mut ratios) {
                    let options = [&["--device", "cuda", "--batch", &size], *variant].concat();
                    let Some(peer) = python.and_then(|python| peer(python, work, &options)) else { continue };
                    print!("   {}: {:.2} ms", peer.name, peer.ms);
                    ratios.push(peer.ms / ours);
                }
                println!();
            }
            for (variant, ratios) in VARIANTS.iter().zip(ratios).filter(|(_, ratios)| !ratios.is_empty()) {
                let (name, median) = (variant.first().unwrap_or(&"eager"), median(ratios));
                println!("cuda, {}, {batch} images: the peer's time ({name}) over ours: {median:.2}x", work.name);
            }
        }
    }
}

//! Occlusion: a block of the image that the global path does not see.

use crate::seed::stream;
use rand::Rng;

/// Hides a block of `side`×`side` pixels of each image, at a place drawn uniformly among those where it fits: all channels
/// become 0, the middle of the range of pixels. `pixels` is `[B, C, H, W]`; `seed` is that of the step's draws.
///
/// The global vector is computed from what is left and the local features from the whole image (Hjelm et al. 2019,
/// section 4.3); the paper does not give the size of its block.
///
/// # Panics
/// When the block is larger than the images.
pub fn occlude(pixels: &mut [f32], [channels, height, width]: [usize; 3], side: usize, seed: u64) {
    let mut rng = stream(seed, "occlusion", 0);
    for image in pixels.chunks_exact_mut(channels * height * width) {
        let (top, left) = (rng.gen_range(0..=height - side), rng.gen_range(0..=width - side));
        for channel in image.chunks_exact_mut(height * width) {
            for row in channel.chunks_exact_mut(width).skip(top).take(side) {
                row[left..left + side].fill(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_each_image_is_hidden_in_all_channels() {
        let (shape, side) = ([3, 7, 5], 4);
        let [c, h, w] = shape;
        let mut tops = Vec::new();
        let mut pixels = vec![1f32; 40 * c * h * w];
        occlude(&mut pixels, shape, side, 9);
        for image in pixels.chunks_exact(c * h * w) {
            let hidden: Vec<usize> = (0..h * w).filter(|&i| image[i] == 0.0).collect();
            let (top, left) = (hidden[0] / w, hidden[0] % w);
            let block: Vec<usize> = (0..side * side).map(|i| (top + i / side) * w + left + i % side).collect();
            assert_eq!(hidden, block);
            for channel in image.chunks_exact(h * w) {
                assert_eq!(channel, &image[..h * w]);
            }
            tops.push(top);
        }
        tops.sort_unstable();
        tops.dedup();
        assert_eq!(tops, [0, 1, 2, 3], "every place is drawn");
        let mut again = vec![1f32; 40 * c * h * w];
        occlude(&mut again, shape, side, 9);
        assert_eq!(again, pixels);
        occlude(&mut again, shape, 5, 10);
        assert_eq!(again.iter().filter(|&&v| v == 0.0).count() % 3, 0);
    }
}

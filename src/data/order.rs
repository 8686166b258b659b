//! In which order images are seen.

use crate::seed::stream;
use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How an epoch is shuffled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Every permutation is as likely.
    #[default]
    Shuffled,
    /// Pieces of the set in random order, and within them a buffer of so many images from which one is drawn at random
    /// and replaced by the next: what can be done to a set larger than memory.
    Buffered(usize),
}

/// The order of `n` images in an epoch: a function of the seed and the epoch alone.
pub fn epoch_order(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut stream(seed, "data", epoch));
    order
}

/// The pieces in the order in which an epoch reads them.
pub fn piece_order(pieces: &[Range<usize>], seed: u64, epoch: u64) -> Vec<Range<usize>> {
    let mut order = pieces.to_vec();
    order.shuffle(&mut stream(seed, "pieces", epoch));
    order
}

/// The order of an epoch that [`Order::Buffered`] gives for a set read in these pieces: a function of the pieces, the
/// buffer, the seed and the epoch, whether the images are in memory or not.
pub fn buffered_order(pieces: &[Range<usize>], buffer: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut rng = stream(seed, "data", epoch);
    let mut waiting: Vec<usize> = Vec::with_capacity(buffer.max(1));
    let mut order = Vec::new();
    for next in piece_order(pieces, seed, epoch).into_iter().flatten() {
        if waiting.len() < buffer.max(1) {
            waiting.push(next);
            continue;
        }
        let drawn = rng.gen_range(0..waiting.len());
        order.push(std::mem::replace(&mut waiting[drawn], next));
    }
    waiting.shuffle(&mut rng);
    order.extend(waiting);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffered_epoch_is_a_permutation_that_stays_near_its_pieces() {
        let pieces: Vec<Range<usize>> = (0..10).map(|i| i * 100..(i + 1) * 100).collect();
        let order = buffered_order(&pieces, 64, 7, 3);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
        assert_eq!(order, buffered_order(&pieces, 64, 7, 3));
        assert_ne!(order, buffered_order(&pieces, 64, 7, 4));
        // Nothing comes out before it can have been read.
        let read: Vec<usize> = piece_order(&pieces, 7, 3).into_iter().flatten().collect();
        let place = |i: usize| read.iter().position(|&r| r == i).unwrap();
        assert!(order.iter().enumerate().all(|(at, &i)| place(i) <= at + 64));
        // A buffer of one, or an empty set, is no special case.
        assert_eq!(buffered_order(&pieces, 0, 7, 3), read);
        assert!(buffered_order(&[], 64, 7, 3).is_empty());
    }
}

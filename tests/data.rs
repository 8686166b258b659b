//! Reading, ordering and cutting data.

use infomax::data::{BatchLoader, ImageSet, Split, Table, epoch_order, write_sample};
use std::path::Path;
use std::sync::Arc;

fn shipped(split: Split) -> ImageSet {
    ImageSet::load("fashion_mnist", split, None).expect("the sample ships with the crate")
}

#[test]
fn the_shipped_sample_is_balanced() {
    let (train, test) = (shipped(Split::Train), shipped(Split::Test));
    assert_eq!(train.per_class(), [1000; 10]);
    assert_eq!(test.per_class(), [200; 10]);
    assert_eq!([train.channels, train.height, train.width], [1, 28, 28]);
    // Training images are not held out too.
    let held: std::collections::HashSet<&[u8]> = (0..test.len()).map(|i| test.image(i)).collect();
    let shared = (0..train.len()).filter(|&i| held.contains(train.image(i))).count();
    assert!(shared < 5, "{shared} test images are among the training images");
}

#[test]
fn batches_begin_anywhere_and_repeat() {
    let set = Arc::new(shipped(Split::Test));
    let load = |first, flip| BatchLoader::new(Arc::clone(&set), 64, 5, 3, first, flip).unwrap().collect::<Vec<_>>();
    let all = load(0, true);
    assert_eq!(all.len(), 2000 / 64);
    assert_eq!(load(20, true), all[20..]);
    let order = epoch_order(2000, 5, 3);
    assert_eq!(all[1].indices, order[64..128]);
    assert_ne!(order, epoch_order(2000, 5, 4));
    let mut sorted = order;
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(0..2000));
    // About half of the images are mirrored, and a mirrored image is the image from the other end of each row.
    let plain = load(0, false);
    let mut mirrored = 0;
    for (a, b) in all.iter().zip(&plain) {
        for (a, b) in a.pixels.chunks_exact(784).zip(b.pixels.chunks_exact(784)) {
            if a != b {
                assert!(a.chunks_exact(28).zip(b.chunks_exact(28)).all(|(a, b)| a.iter().eq(b.iter().rev())));
                mirrored += 1;
            }
            assert!(b.iter().all(|v| (-1.0..=1.0).contains(v)));
        }
    }
    assert!((800..1200).contains(&mirrored));
}

#[test]
fn a_cut_is_seeded_nested_and_keeps_the_encoded_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let cut = |per_class, seed, name: &str| {
        let out = folder.path().join(name);
        let files = write_sample("fashion_mnist", None, &out, [per_class, per_class], seed).unwrap();
        Table::read(&files[0], None, None).unwrap()
    };
    let (small, large) = (cut(5, 1, "a"), cut(20, 1, "b"));
    assert_eq!((small.images.len(), large.images.len()), (50, 200));
    assert!(small.images.iter().all(|i| large.images.contains(i)));
    assert_eq!(cut(5, 1, "c").images, small.images);
    assert_ne!(cut(5, 2, "d").images, small.images);
    let error = write_sample("fashion_mnist", None, Path::new("x"), [1001, 1], 0).unwrap_err().to_string();
    assert!(error.contains("1000 images, fewer than the 1001"), "{error}");
    // What was written is read back by its name.
    let set = ImageSet::load("fashion_mnist", Split::Test, Some(&folder.path().join("a"))).unwrap();
    assert_eq!(set.per_class(), [5; 10]);
}

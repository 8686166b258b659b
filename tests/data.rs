//! Reading, ordering and cutting data.

use infomax::data::augment::{Augment, Crop, Jitter, Normalise};
use infomax::data::{
    BatchLoader, FlatBatch, ImageSet, Loading, Order, Source, Split, StreamSet, Table, epoch_order, write_sample,
};
use std::path::Path;
use std::sync::Arc;

fn shipped(split: Split) -> ImageSet {
    ImageSet::load("fashion_mnist_sample", split, None).expect("the sample ships with the crate")
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

fn batches(source: impl Into<Source>, loading: &Loading, first: usize) -> Vec<FlatBatch> {
    BatchLoader::new(source, loading, 3, first).unwrap().map(Result::unwrap).collect()
}

fn everything() -> Augment {
    Augment {
        resize: Some(32),
        crop: Some(Crop::Resized { size: 24, scale: [0.3, 1.0], ratio: [0.75, 1.333] }),
        flip: 0.5,
        jitter: Some(Jitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, probability: 0.8 }),
        grey: 0.2,
        normalise: Normalise::Channels { mean: vec![0.286], std: vec![0.353] },
    }
}

#[test]
fn a_streamed_set_gives_the_batches_of_the_same_set_in_memory() {
    let whole = Arc::new(shipped(Split::Train));
    let stream = Arc::new(StreamSet::open("fashion_mnist_sample", Split::Train, None).unwrap());
    assert_eq!((stream.len(), stream.shape(), stream.pieces()), (whole.len(), whole.shape(), whole.pieces()));
    let loading = Loading { batch: 50, seed: 1, order: Order::Buffered(700), augment: everything() };
    let in_memory = batches(Arc::clone(&whole), &loading, 0);
    assert_eq!(in_memory.len(), 200);
    assert!(in_memory == batches(Arc::clone(&stream), &loading, 0));
    assert!(in_memory[123..] == batches(Arc::clone(&stream), &loading, 123));
    let shuffled = Loading { order: Order::Shuffled, ..loading };
    let error = BatchLoader::new(stream, &shuffled, 0, 0).unwrap_err().to_string();
    assert!(error.contains("buffer"), "{error}");
}

#[test]
fn images_drawn_from_a_stream_are_the_sets_own() {
    let whole = shipped(Split::Test);
    let stream = StreamSet::open("fashion_mnist_sample", Split::Test, None).unwrap();
    // In which row an image is, by its bytes; the sample repeats none in this split.
    let rows: std::collections::HashMap<&[u8], usize> = (0..whole.len()).map(|i| (whole.image(i), i)).collect();
    assert_eq!(rows.len(), whole.len());
    let drawn = |seed| {
        let set = stream.draw(300, seed).unwrap();
        let found: Vec<usize> = (0..set.len()).map(|i| rows[set.image(i)]).collect();
        assert!(found.iter().enumerate().all(|(i, &row)| set.label(i) == whole.label(row)));
        assert!(found.is_sorted_by(|a, b| a < b));
        (set, found)
    };
    let (set, found) = drawn(1);
    assert_eq!((set.len(), set.shape(), &set.classes), (300, whole.shape(), &whole.classes));
    assert_eq!(drawn(1).1, found);
    assert_ne!(drawn(2).1, found);
    // From the whole set, not its beginning.
    assert!(found[100] > 500 && found[299] > 1900, "{found:?}");
    assert!(set.per_class().iter().all(|&n| n > 10));
    let all = stream.draw(5000, 1).unwrap();
    assert!((0..2000).all(|i| all.image(i) == whole.image(i)) && all.labels() == whole.labels());
}

#[test]
fn a_batch_becomes_a_tensor_of_its_sizes_and_no_other() {
    use dfdx::prelude::*;
    let dev = Cpu::default();
    let set = Arc::new(shipped(Split::Test));
    let loading = Loading { batch: 8, seed: 0, order: Order::Shuffled, augment: Augment::default() };
    let flat = batches(set, &loading, 0).swap_remove(0);
    let batch = flat.clone().on::<8, 1, 28, 28, _>(&dev).unwrap();
    assert_eq!(batch.images.as_vec(), flat.pixels);
    assert_eq!((batch.labels.to_vec(), batch.indices.to_vec()), (flat.labels.clone(), flat.indices.clone()));
    let error = flat.on::<8, 3, 28, 28, _>(&dev).unwrap_err().to_string();
    assert!(error.contains("[8, 1, 28, 28]") && error.contains("[8, 3, 28, 28]"), "{error}");
}

#[test]
fn batches_begin_anywhere_and_repeat() {
    let set = Arc::new(shipped(Split::Test));
    let load = |first, flip| {
        let augment = Augment { flip, ..Augment::default() };
        batches(Arc::clone(&set), &Loading { batch: 64, seed: 5, order: Order::Shuffled, augment }, first)
    };
    let all = load(0, 0.5);
    assert_eq!(all.len(), 2000 / 64);
    assert_eq!(load(20, 0.5), all[20..]);
    let order = epoch_order(2000, 5, 3);
    assert_eq!(all[1].indices, order[64..128]);
    assert_ne!(order, epoch_order(2000, 5, 4));
    let mut sorted = order;
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(0..2000));
    // About half of the images are mirrored, and a mirrored image is the image from the other end of each row.
    let plain = load(0, 0.0);
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
        let files = write_sample("fashion_mnist_sample", None, &out, [per_class, per_class], seed).unwrap();
        Table::read(&files[0], None, None).unwrap()
    };
    let (small, large) = (cut(5, 1, "a"), cut(20, 1, "b"));
    assert_eq!((small.images.len(), large.images.len()), (50, 200));
    assert!(small.images.iter().all(|i| large.images.contains(i)));
    assert_eq!(cut(5, 1, "c").images, small.images);
    assert_ne!(cut(5, 2, "d").images, small.images);
    let error = write_sample("fashion_mnist_sample", None, Path::new("x"), [1001, 1], 0).unwrap_err().to_string();
    assert!(error.contains("1000 images, fewer than the 1001"), "{error}");
    // What was written is read back by its name.
    let set = ImageSet::load("fashion_mnist_sample", Split::Test, Some(&folder.path().join("a"))).unwrap();
    assert_eq!(set.per_class(), [5; 10]);
}

//! Every format loads to exactly the pixels, labels and class names that were written.

mod made;

use infomax::data::{DataError, ImageSet, Split, decode_picture, picture_form, write_parquet};
use made::{chunk, flat_jpeg, grey, gzipped, idx, noise, png, raw_png, write};
use std::path::Path;
use tempfile::tempdir;

fn load(path: &Path, split: Split) -> Result<ImageSet, DataError> {
    ImageSet::load(path.to_str().unwrap(), split, None)
}

fn both(path: &Path) -> [ImageSet; 2] {
    [Split::Train, Split::Test].map(|split| load(path, split).unwrap())
}

fn form(set: &ImageSet) -> [usize; 3] {
    [set.channels, set.height, set.width]
}

/// Interleaved samples to planes, the slow way.
fn planes(samples: &[u8]) -> Vec<u8> {
    (0..3).flat_map(|c| samples.iter().skip(c).step_by(3).copied()).collect()
}

#[test]
fn an_image_folder() {
    let root = tempdir().unwrap();
    let colour = noise(6 * 5 * 3, 9);
    write(root.path(), "train/dog/b.png", grey(6, 5, 1));
    write(root.path(), "train/dog/a.PNG", grey(6, 5, 2));
    write(root.path(), "train/Zebra é/sub/x.png", png(6, 5, 3, &colour));
    write(root.path(), "val/dog/1.png", grey(6, 5, 3));
    write(root.path(), "val/Zebra é/1.png", grey(6, 5, 4));
    // None of these counts.
    write(root.path(), "train/dog/.hidden.png", "not an image");
    write(root.path(), "train/dog/.cache/x.png", "not an image");
    write(root.path(), "train/.DS_Store", "");
    write(root.path(), "train/dog/notes.txt", "a note");
    let [train, test] = both(root.path());
    assert_eq!(train.classes, ["Zebra é", "dog"]);
    assert_eq!(test.classes, train.classes);
    assert_eq!(train.labels(), [0, 1, 1]);
    assert_eq!(test.labels(), [0, 1]);
    // One image in colour makes it a set in colour, the other split too.
    assert_eq!([form(&train), form(&test)], [[3, 5, 6]; 2]);
    assert_eq!(train.image(0), planes(&colour));
    assert_eq!(train.image(1), noise(30, 2).repeat(3));
    assert_eq!(train.image(2), noise(30, 1).repeat(3));
    assert_eq!(test.image(1), noise(30, 3).repeat(3));
    // Where there is a `test`, it is the held-out split.
    write(root.path(), "test/dog/1.png", grey(6, 5, 7));
    write(root.path(), "test/Zebra é/1.png", grey(6, 5, 8));
    assert_eq!(load(root.path(), Split::Test).unwrap().image(0), noise(30, 8).repeat(3));
}

#[cfg(unix)]
#[test]
fn links_to_images_and_folders_are_followed_once() {
    let root = tempdir().unwrap();
    write(root.path(), "elsewhere/a.png", grey(4, 4, 1));
    write(root.path(), "elsewhere/b.png", grey(4, 4, 2));
    std::fs::create_dir_all(root.path().join("set/train/cat")).unwrap();
    std::os::unix::fs::symlink(root.path().join("elsewhere"), root.path().join("set/train/dog")).unwrap();
    std::os::unix::fs::symlink("../../../elsewhere/a.png", root.path().join("set/train/cat/z.png")).unwrap();
    let set = load(&root.path().join("set"), Split::Train).unwrap();
    assert_eq!(set.labels(), [0, 1, 1]);
    assert_eq!(set.image(0), set.image(1));
}

#[test]
fn a_list() {
    let root = tempdir().unwrap();
    write(root.path(), "images/a.png", grey(4, 3, 1));
    write(root.path(), "images/comma, ü \"x\".png", grey(4, 3, 2));
    write(root.path(), "c.png", grey(4, 3, 3));
    let outside = tempdir().unwrap();
    write(outside.path(), "d.png", grey(4, 3, 4));
    let outside = outside.path().join("d.png");
    let list = format!(
        "\u{feff}label,note,path,split\r\n3,,images/a.png,train\r\n\r\n0,x,\"images/comma, ü \"\"x\"\".png\", Train\r\n\
         1,x,images/../c.png,test\r\n2,x,{},train",
        outside.display()
    );
    write(root.path(), "list.csv", list);
    let [train, test] = both(&root.path().join("list.csv"));
    assert_eq!([form(&train), form(&test)], [[1, 3, 4]; 2]);
    assert_eq!(train.labels(), [3, 0, 2]);
    assert_eq!(test.labels(), [1]);
    assert_eq!(train.classes, ["class 0", "class 1", "class 2", "class 3"]);
    assert_eq!(test.classes, train.classes);
    assert_eq!(train.image(0), noise(12, 1));
    assert_eq!(train.image(1), noise(12, 2));
    assert_eq!(test.image(0), noise(12, 3));
    assert_eq!(train.image(2), noise(12, 4));
    // Names of classes are numbered by name; without a split column all are training images.
    write(root.path(), "names.CSV", "path,label\nc.png,tiger\nimages/a.png,ant\nc.png,ant\n");
    let set = load(&root.path().join("names.CSV"), Split::Train).unwrap();
    assert_eq!(set.classes, ["ant", "tiger"]);
    assert_eq!(set.labels(), [1, 0, 0]);
}

#[test]
fn parquet_alone_beside_others_and_in_folders() {
    let root = tempdir().unwrap();
    let table = |name: &str, seeds: &[u64]| {
        let images: Vec<Vec<u8>> = seeds.iter().map(|&s| grey(4, 3, s)).collect();
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        let labels: Vec<i64> = seeds.iter().map(|&s| s as i64).collect();
        write_parquet(&root.path().join(name), "image", "label", &images, &labels).unwrap();
    };
    table("set/data/train-00000-of-00002.parquet", &[1, 0]);
    table("set/data/train-00001-of-00002.parquet", &[2]);
    table("set/data/validation-00000-of-00001.parquet", &[1]);
    table("set/data/trainer.parquet", &[3]);
    for path in ["set", "set/data", "set/data/train-00001-of-00002.parquet"] {
        let [train, test] = both(&root.path().join(path));
        assert_eq!(train.labels(), [1, 0, 2], "{path}");
        assert_eq!(test.labels(), [1], "{path}");
        assert_eq!(train.image(2), noise(12, 2));
    }
    let alone = root.path().join("set/data/trainer.parquet");
    assert_eq!(load(&alone, Split::Train).unwrap().labels(), [3]);
    assert!(load(&alone, Split::Test).is_err());
}

#[test]
fn a_users_card() {
    let root = tempdir().unwrap();
    let card = include_str!("../datasets/fashion_mnist.toml").replace("fashion_mnist\"", "mine\"");
    write(root.path(), "some card.toml", card.replace("fashion_mnist/", "").replace("width = 28", "width = 4"));
    let image = grey(4, 28, 5);
    write_parquet(&root.path().join("train-0.parquet"), "image", "label", &[&image], &[7]).unwrap();
    write_parquet(&root.path().join("test-0.parquet"), "image", "label", &[&image], &[9]).unwrap();
    let [train, test] = both(&root.path().join("some card.toml"));
    assert_eq!(train.name, "mine");
    assert_eq!((train.labels(), test.labels()), (&[7][..], &[9][..]));
    assert_eq!(train.classes[9], "Ankle boot");
    assert_eq!(form(&train), [1, 28, 4]);
    assert_eq!(train.image(0), noise(112, 5));
}

#[test]
fn cifar_10_and_100() {
    let root = tempdir().unwrap();
    let record = |labels: &[u8], seed| [labels, &noise(3072, seed)].concat();
    for i in 1..=5u8 {
        write(root.path(), &format!("ten/data_batch_{i}.bin"), [record(&[i], i.into()), record(&[0], 50)].concat());
    }
    write(root.path(), "ten/test_batch.bin", record(&[9], 60));
    write(root.path(), "ten/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
    let [train, test] = both(&root.path().join("ten"));
    assert_eq!(train.labels(), [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
    assert_eq!(train.classes, ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
    assert_eq!(form(&train), [3, 32, 32]);
    assert_eq!(train.image(4), noise(3072, 3));
    assert_eq!((test.labels(), test.image(0)), (&[9][..], &noise(3072, 60)[..]));

    write(root.path(), "hundred/train.bin", [record(&[19, 99], 1), record(&[3, 0], 2)].concat());
    write(root.path(), "hundred/test.bin", record(&[255, 7], 3));
    let [train, test] = both(&root.path().join("hundred"));
    assert_eq!((train.labels(), test.labels()), (&[99, 0][..], &[7][..]));
    assert_eq!((train.classes.len(), train.classes[99].as_str()), (100, "class 99"));
    assert_eq!(train.image(1), noise(3072, 2));
}

#[test]
fn stl_10_is_stored_column_after_column() {
    let root = tempdir().unwrap();
    let pixels = noise(3 * 96 * 96, 1);
    // The pixel at (c, row, column) is stored at c, column, row.
    let at = |c: usize, row: usize, column: usize| pixels[(c * 96 + row) * 96 + column];
    let mut stored = Vec::new();
    for c in 0..3 {
        for column in 0..96 {
            stored.extend((0..96).map(|row| at(c, row, column)));
        }
    }
    write(root.path(), "train_X.bin", [stored, noise(3 * 96 * 96, 2)].concat());
    write(root.path(), "train_y.bin", [10, 1]);
    write(root.path(), "class_names.txt", "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck");
    let train = load(root.path(), Split::Train).unwrap();
    assert_eq!(form(&train), [3, 96, 96]);
    assert_eq!(train.labels(), [9, 0]);
    assert_eq!(train.classes[9], "truck");
    assert_eq!(train.image(0), pixels);
}

#[test]
fn mnist_plain_and_packed() {
    let root = tempdir().unwrap();
    write(root.path(), "train-images-idx3-ubyte", idx(&[3, 4, 5], &noise(60, 1)));
    write(root.path(), "train-labels-idx1-ubyte", idx(&[3], &[2, 0, 1]));
    write(root.path(), "t10k-images.idx3-ubyte.gz", gzipped(&idx(&[1, 4, 5], &noise(20, 2))));
    write(root.path(), "t10k-labels.idx1-ubyte.gz", gzipped(&idx(&[1], &[6])));
    let [train, test] = both(root.path());
    assert_eq!([form(&train), form(&test)], [[1, 4, 5]; 2]);
    assert_eq!((train.labels(), test.labels()), (&[2, 0, 1][..], &[6][..]));
    assert_eq!(train.classes.len(), 7);
    assert_eq!(test.classes, train.classes);
    assert_eq!(train.image(1), &noise(60, 1)[20..40]);
    assert_eq!(test.image(0), noise(20, 2));
}

/// What every kind of PNG and JPEG becomes. The expected values are what Pillow's `convert("RGB")` gives, except for 16
/// bits, where Pillow clips grey and cuts colour off, and here the value is scaled and rounded.
#[test]
fn images_of_every_kind() {
    let pixels = |bytes: &[u8]| {
        let picture = decode_picture(bytes).unwrap();
        assert_eq!(picture.form, picture_form(bytes).unwrap());
        (picture.form.channels, picture.pixels)
    };
    // Grey of 1, 2, 4 and 8 bits.
    assert_eq!(pixels(&raw_png(4, 1, 1, 0, &[], &[&[0b1010_0000]])), (1, vec![255, 0, 255, 0]));
    assert_eq!(pixels(&raw_png(4, 1, 2, 0, &[], &[&[0b00_01_10_11]])), (1, vec![0, 85, 170, 255]));
    assert_eq!(pixels(&raw_png(2, 1, 4, 0, &[], &[&[0x3f]])), (1, vec![51, 255]));
    assert_eq!(pixels(&raw_png(2, 1, 8, 0, &[], &[&[3, 200]])), (1, vec![3, 200]));
    // 16 bits: rounded to the nearest.
    assert_eq!(pixels(&raw_png(3, 1, 16, 0, &[], &[&[0, 128, 0, 129, 255, 255]])), (1, vec![0, 1, 255]));
    assert_eq!(pixels(&raw_png(1, 1, 16, 2, &[], &[&[1, 1, 128, 128, 255, 0]])), (3, vec![1, 128, 254]));
    assert_eq!(pixels(&raw_png(1, 1, 16, 6, &[], &[&[1, 1, 128, 128, 255, 0, 0, 0]])), (3, vec![1, 128, 254]));
    // Alpha is dropped, whatever it is, also where it comes from a transparent colour.
    assert_eq!(pixels(&raw_png(2, 1, 8, 4, &[], &[&[7, 0, 9, 255]])), (1, vec![7, 9]));
    assert_eq!(pixels(&raw_png(2, 1, 8, 6, &[], &[&[1, 2, 3, 0, 4, 5, 6, 128]])), (3, vec![1, 2, 3, 4, 5, 6]));
    let transparent = chunk(b"tRNS", &[0, 3]);
    assert_eq!(pixels(&raw_png(2, 1, 8, 0, &[transparent], &[&[3, 200]])), (1, vec![3, 200]));
    // A palette.
    let palette = chunk(b"PLTE", &[10, 20, 30, 40, 50, 60]);
    let kept = pixels(&raw_png(3, 1, 8, 3, std::slice::from_ref(&palette), &[&[1, 0, 1]]));
    assert_eq!(kept, (3, vec![40, 50, 60, 10, 20, 30, 40, 50, 60]));
    let clear = chunk(b"tRNS", &[0]);
    assert_eq!(pixels(&raw_png(2, 1, 1, 3, &[palette, clear], &[&[0b0100_0000]])), (3, vec![10, 20, 30, 40, 50, 60]));
    // JPEG: grey, colour (YCbCr of grey 77), CMYK as Adobe stores it, inverted.
    assert_eq!(pixels(&flat_jpeg(&[77], false)), (1, vec![77; 64]));
    assert_eq!(pixels(&flat_jpeg(&[77, 128, 128], false)), (3, vec![77; 192]));
    for adobe in [true, false] {
        let (channels, found) = pixels(&flat_jpeg(&[255, 128, 0, 204], adobe));
        assert_eq!((channels, &found[..3]), (3, &[204, 102, 0][..]));
        assert!(found.chunks(3).all(|p| p == &found[..3]));
    }
}

#[test]
fn of_an_animation_the_first_image_is_taken() {
    let frame = |sequence: u32| {
        let numbers = [sequence, 2, 1, 0, 0].map(u32::to_be_bytes).concat();
        chunk(b"fcTL", &[&numbers[..], &[0, 1, 0, 10, 0, 0]].concat())
    };
    let control = chunk(b"acTL", &[2u32.to_be_bytes(), 0u32.to_be_bytes()].concat());
    let mut animated = raw_png(2, 1, 8, 0, &[control, frame(0)], &[&[11, 22]]);
    let end = animated.split_off(animated.len() - 12);
    animated.extend(frame(1));
    animated.extend(chunk(b"fdAT", &[&2u32.to_be_bytes()[..], &made::deflated(&[0, 33, 44])].concat()));
    animated.extend(end);
    assert_eq!(decode_picture(&animated).unwrap().pixels, [11, 22]);
}

#[test]
fn the_exif_orientation_is_ignored() {
    // Turned by a quarter (6), in the first directory of little-endian TIFF.
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut turned = vec![0xff, 0xd8, 0xff, 0xe1, 0, exif.len() as u8 + 2];
    turned.extend(exif);
    let mut plain = Vec::new();
    let samples = noise(16 * 8, 1);
    image::codecs::jpeg::JpegEncoder::new(&mut plain).encode(&samples, 16, 8, image::ExtendedColorType::L8).unwrap();
    turned.extend(&plain[2..]);
    assert_eq!(decode_picture(&turned).unwrap(), decode_picture(&plain).unwrap());
    assert_eq!(decode_picture(&turned).unwrap().form.width, 16);
}

/// The same weights as Pillow's `convert("L")`; grey stays as it is.
#[test]
fn colour_becomes_grey_where_a_card_says_so() {
    let picture = decode_picture(&png(3, 1, 3, &[255, 0, 0, 0, 255, 0, 0, 0, 255])).unwrap();
    let mut grey = [0; 3];
    picture.planes(&mut grey);
    assert_eq!(grey, [76, 150, 29]);
    let picture = decode_picture(&png(256, 1, 3, &(0..=255).flat_map(|v| [v; 3]).collect::<Vec<u8>>())).unwrap();
    let mut grey = [0; 256];
    picture.planes(&mut grey);
    assert!(grey.iter().enumerate().all(|(i, &v)| usize::from(v) == i));
}

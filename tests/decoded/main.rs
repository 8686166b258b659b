//! Decoded copies of sets: used when they are right, written again when they are not, and never in the way.

#[cfg(all(unix, feature = "cli"))]
mod program;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use infomax::data::{CacheUse, DecodedCache, ImageSet, Split, StreamSet, write_parquet};
use infomax::seed::stream;
use rand::RngCore;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SIDE: u32 = 6;

fn png(seed: u64) -> Vec<u8> {
    let mut pixels = vec![0; (SIDE * SIDE) as usize];
    stream(seed, "test image", 0).fill_bytes(&mut pixels);
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(&pixels, SIDE, SIDE, ExtendedColorType::L8).unwrap();
    out
}

/// Two files of five images each, and a place for copies.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        for i in 0..2 {
            place.write(i, [0, 1, 2, 0, 1]);
        }
        place
    }

    fn write(&self, i: u64, labels: [i64; 5]) {
        let images: Vec<Vec<u8>> = (0..5).map(|k| png(5 * i + k)).collect();
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        write_parquet(&self.parquet(i), "image", "label", &images, &labels).unwrap();
    }

    fn parquet(&self, i: u64) -> PathBuf {
        self.0.path().join(format!("set/train-0000{i}-of-00002.parquet"))
    }

    fn set(&self) -> String {
        self.0.path().join("set").to_str().unwrap().to_owned()
    }

    fn cache(&self) -> DecodedCache {
        DecodedCache::new(self.0.path().join("kept")).keeping_from(0)
    }

    fn load(&self) -> (ImageSet, CacheUse) {
        ImageSet::load_cached(&self.set(), Split::Train, None, &self.cache()).unwrap()
    }

    fn decoded(&self) -> ImageSet {
        ImageSet::load(&self.set(), Split::Train, None).unwrap()
    }

    /// The only file that is kept.
    fn kept(&self) -> PathBuf {
        let files: Vec<_> = fs::read_dir(self.cache().folder()).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

#[test]
fn a_second_load_gives_the_same_without_decoding() {
    let place = Place::new();
    let (first, used) = place.load();
    assert_eq!(used, CacheUse::Written { file: place.kept(), damage: None });
    assert_eq!(used.note(), None);
    let (second, used) = place.load();
    assert_eq!(used, CacheUse::Read(place.kept()));
    assert!(first == place.decoded() && second == first);
    let streamed = StreamSet::open(&place.set(), Split::Train, None).unwrap();
    assert_eq!(second.pieces(), streamed.pieces());
    assert_eq!((second.per_class(), second.len()), (vec![4, 4, 2], 10));
}

/// In the hub's cache a file's hash is known from its name, so that the images are not even looked at.
#[cfg(unix)]
#[test]
fn a_set_in_the_hubs_cache_is_known_by_its_blobs_name() {
    let place = Place::new();
    let blobs = place.0.path().join("blobs");
    fs::create_dir(&blobs).unwrap();
    for i in 0..2 {
        let blob = blobs.join(format!("{i}").repeat(64));
        fs::rename(place.parquet(i), &blob).unwrap();
        std::os::unix::fs::symlink(format!("../blobs/{}", format!("{i}").repeat(64)), place.parquet(i)).unwrap();
    }
    let (first, _) = place.load();
    for blob in fs::read_dir(&blobs).unwrap() {
        let blob = blob.unwrap().path();
        fs::write(&blob, vec![0; blob.metadata().unwrap().len() as usize]).unwrap();
    }
    assert!(ImageSet::load(&place.set(), Split::Train, None).is_err(), "nothing is left to decode");
    let (second, used) = place.load();
    assert!(second == first && used == CacheUse::Read(place.kept()));
}

#[test]
fn other_files_are_another_set() {
    let place = Place::new();
    let (first, _) = place.load();
    // The same length, and as old as before: only the content tells.
    let known = place.parquet(1).metadata().unwrap();
    place.write(1, [2, 1, 2, 0, 1]);
    let file = fs::File::options().write(true).open(place.parquet(1)).unwrap();
    file.set_modified(known.modified().unwrap()).unwrap();
    assert_eq!(place.parquet(1).metadata().unwrap().len(), known.len());
    let (second, used) = place.load();
    assert!(matches!(used, CacheUse::Written { damage: None, .. }), "{used:?}");
    assert!(second == place.decoded() && second != first);
    // A card of its own asks for colour, from the same files.
    let mut card = include_str!("../../datasets/fashion_mnist.toml").to_owned();
    for (from, to) in [
        ("mean = [0.2860]", "mean = [0.2, 0.2, 0.2]"),
        ("std = [0.3530]", "std = [0.2, 0.2, 0.2]"),
        ("channels = 1", "channels = 3"),
        ("width = 28", "width = 6"),
        ("height = 28", "height = 6"),
        ("fashion_mnist/", ""),
    ] {
        assert!(card.contains(from), "{from}");
        card = card.replace(from, to);
    }
    let path = place.0.path().join("set/card.toml");
    fs::write(&path, card).unwrap();
    let colour =
        |cache: &DecodedCache| ImageSet::load_cached(path.to_str().unwrap(), Split::Train, None, cache).unwrap();
    let (third, used) = colour(&place.cache());
    assert!(matches!(used, CacheUse::Written { damage: None, .. }), "{used:?}");
    assert_eq!((third.channels, third.classes.len()), (3, 10));
    assert!(colour(&place.cache()).0 == third);
    // Each has a file, and each can be removed.
    let cache = place.cache();
    let entries = cache.entries().unwrap();
    let names: Vec<&str> = entries.iter().map(|e| e.name.as_str()).collect();
    let set = place.set();
    assert_eq!(names, [set.as_str(), set.as_str(), "fashion_mnist"]);
    assert!(entries.iter().all(|e| e.images == 10 && e.split == "train" && e.damage.is_none()));
    assert_eq!(entries[2].shape, [3, 6, 6]);
    assert_eq!(cache.clear(Some("nothing")).unwrap(), []);
    assert_eq!(cache.clear(Some("fashion_mnist")).unwrap(), entries[2..]);
    assert_eq!(cache.clear(None).unwrap(), entries[..2]);
    assert_eq!(cache.entries().unwrap(), []);
}

/// The set is whole whatever lies in the copy's place; afterwards the copy is whole too.
fn is_repaired(place: &Place, whole: &ImageSet, copy: &[u8], file: &Path, what: &str) {
    let (set, used) = place.load();
    assert!(set == *whole, "{what}");
    let note = used.note().unwrap_or_else(|| panic!("{what}: {used:?}"));
    assert!(matches!(used, CacheUse::Written { damage: Some(_), .. }), "{what}: {used:?}");
    assert!(note.contains(file.to_str().unwrap()) && !note.contains('\n'), "{note}");
    assert!(fs::read(file).unwrap() == copy, "{what}");
}

#[test]
fn a_damaged_copy_is_made_anew() {
    let place = Place::new();
    let (whole, _) = place.load();
    let file = place.kept();
    let copy = fs::read(&file).unwrap();
    let beginning = 0..24;
    for at in beginning.chain((24..copy.len()).step_by(11)) {
        let mut bytes = copy.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&file, &bytes).unwrap();
        is_repaired(&place, &whole, &copy, &file, &format!("bit of byte {at}"));
    }
    for length in [0, 1, 8, 15, 16, 40, copy.len() / 2, copy.len() - 4, copy.len() - 1] {
        fs::write(&file, &copy[..length]).unwrap();
        is_repaired(&place, &whole, &copy, &file, &format!("{length} bytes of it"));
    }
    fs::write(&file, [&copy[..], b"x"].concat()).unwrap();
    is_repaired(&place, &whole, &copy, &file, "a byte more");
    assert_eq!(place.kept(), file, "nothing unfinished stays");
}

/// The copy with another head and a checksum that is right.
fn with_head(copy: &[u8], change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let length = u32::from_le_bytes(copy[12..16].try_into().unwrap()) as usize;
    let mut head = serde_json::from_slice(&copy[16..16 + length]).unwrap();
    change(&mut head);
    let head = serde_json::to_vec(&head).unwrap();
    let mut bytes = copy[..12].to_vec();
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend(&head);
    bytes.extend(&copy[16 + length..copy.len() - 4]);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

#[test]
fn a_copy_that_lies_is_made_anew() {
    let place = Place::new();
    let (whole, _) = place.load();
    let file = place.kept();
    let copy = fs::read(&file).unwrap();
    // Nothing changed, nothing noticed.
    fs::write(&file, with_head(&copy, |_| ())).unwrap();
    assert_eq!(place.load().1, CacheUse::Read(file.clone()));
    fs::write(&file, &copy).unwrap();
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change); 9] = [
        ("another source", |head| head["key"] = "0".repeat(64).into()),
        ("more images", |head| head["pieces"] = serde_json::json!([5, 6])),
        ("no images", |head| head["pieces"] = serde_json::json!([])),
        ("far too many", |head| head["pieces"] = serde_json::json!([1u64 << 60, 1u64 << 63])),
        ("two channels", |head| head["shape"] = serde_json::json!([2, 6, 3])),
        ("a side too long", |head| head["shape"] = serde_json::json!([1, 1u64 << 40, 36])),
        ("no labels", |head| head["labelled"] = false.into()),
        ("fewer classes", |head| head["classes"] = serde_json::json!(["a", "b"])),
        ("no head", |head| *head = serde_json::json!({})),
    ];
    for (what, change) in changes {
        fs::write(&file, with_head(&copy, change)).unwrap();
        is_repaired(&place, &whole, &copy, &file, what);
    }
    // Another version, with a checksum that is right.
    let mut bytes = copy.clone();
    bytes[8] += 1;
    let end = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&sum);
    fs::write(&file, &bytes).unwrap();
    let entry = place.cache().entries().unwrap().remove(0);
    assert!(entry.damage.is_some_and(|d| d.contains("version 2")));
    is_repaired(&place, &whole, &copy, &file, "another version");
}

#[test]
fn a_cache_that_cannot_be_written_costs_a_note_only() {
    let place = Place::new();
    fs::write(place.0.path().join("kept"), "a file where a folder should be").unwrap();
    let (set, used) = place.load();
    assert!(set == place.decoded());
    assert!(matches!(used, CacheUse::NotKept { .. }), "{used:?}");
    assert!(used.note().is_some_and(|n| n.contains("could not be kept")));
    // A folder where the file should be.
    fs::remove_file(place.0.path().join("kept")).unwrap();
    place.load();
    let file = place.kept();
    fs::remove_file(&file).unwrap();
    fs::create_dir_all(file.join("in it")).unwrap();
    let (set, used) = place.load();
    assert!(set == place.decoded());
    assert!(matches!(used, CacheUse::NotKept { .. }), "{used:?}");
    assert_eq!(place.kept(), file, "nothing unfinished stays");
}

#[test]
fn many_at_once_are_not_in_each_others_way() {
    let place = Place::new();
    let whole = place.decoded();
    for round in 0..5 {
        std::thread::scope(|scope| {
            let loads: Vec<_> = (0..4).map(|_| scope.spawn(|| place.load())).collect();
            for load in loads {
                let (set, used) = load.join().unwrap();
                assert!(set == whole && used.note().is_none(), "round {round}: {used:?}");
            }
        });
        let file = place.kept();
        assert_eq!(place.load().1, CacheUse::Read(file.clone()));
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn small_sets_and_other_formats_are_not_kept() {
    let place = Place::new();
    let cache = DecodedCache::new(place.cache().folder());
    let (_, used) = ImageSet::load_cached(&place.set(), Split::Train, None, &cache).unwrap();
    assert_eq!(used, CacheUse::None);
    // Images in files of their own.
    let folder = place.0.path().join("pictures");
    for (split, class) in [("train", "a"), ("test", "a")] {
        fs::create_dir_all(folder.join(split).join(class)).unwrap();
        fs::write(folder.join(split).join(class).join("1.png"), png(1)).unwrap();
    }
    let (_, used) = ImageSet::load_cached(folder.to_str().unwrap(), Split::Train, None, &place.cache()).unwrap();
    assert_eq!(used, CacheUse::None);
    assert!(!cache.folder().exists());
    assert_eq!((cache.entries().unwrap(), cache.clear(None).unwrap()), (vec![], vec![]));
    // What is wrong with a set is said as without a cache.
    fs::remove_file(place.parquet(0)).unwrap();
    let error = ImageSet::load_cached(&place.set(), Split::Train, None, &place.cache()).unwrap_err().to_string();
    assert!(error.contains("1 of its 2 files") && error.contains("train-00000-of-00002.parquet"), "{error}");
}

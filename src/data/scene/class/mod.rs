//! The ten classes: a model for every number.

mod furniture;
mod vehicles;

use super::draw::Draw;
use super::model::Model;

type Build = fn(&mut Draw) -> Model;

/// The classes of Newell & Deng 2020, by label.
const CLASSES: [(&str, Build); 10] = [
    ("airplane", vehicles::airplane),
    ("bench", furniture::bench),
    ("cabinet", furniture::cabinet),
    ("car", vehicles::car),
    ("chair", furniture::chair),
    ("lamp", furniture::lamp),
    ("sofa", furniture::sofa),
    ("table", furniture::table),
    ("watercraft", vehicles::watercraft),
    ("motorcycle", vehicles::motorcycle),
];

/// Names of the classes, by label: those of Newell & Deng 2020.
pub const CLASS_NAMES: [&str; 10] = {
    let mut names = [""; 10];
    let mut i = 0;
    while i < names.len() {
        names[i] = CLASSES[i].0;
        i += 1;
    }
    names
};

/// Shape `number` of a class under a root seed.
pub(super) fn model(seed: u64, class: usize, number: u64) -> Model {
    let (name, build) = CLASSES[class];
    build(&mut Draw::new(seed, &format!("scene shape {name}"), number)).fitted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_fit_their_box_and_differ() {
        for (class, name) in CLASS_NAMES.iter().enumerate() {
            for number in 0..200 {
                let made = model(3, class, number);
                let (low, high) = made.bounds();
                assert!(((high - low).largest() - 0.7).abs() < 1e-5, "{name} {number}");
                assert!((low + high).length() < 1e-5, "{name} {number}");
                assert!((3..=40).contains(&made.parts.len()), "{name} {number}: {}", made.parts.len());
                for part in &made.parts {
                    // Frames span space, so that rays can be taken into them and back.
                    let there = part.frame.after(&part.frame.inverse());
                    let off = (there.x.x - 1.0).abs() + (there.y.y - 1.0).abs() + (there.z.z - 1.0).abs();
                    assert!(off < 1e-3 && part.solid.half().smallest() > 0.0, "{name} {number} {part:?}");
                }
                assert_ne!(made, model(3, class, number + 1), "{name}");
            }
        }
    }
}

//! Inputs that fuzzing found worth keeping, and those it began with.

use crate::parsers::ALL;
use std::path::Path;

#[test]
fn every_kept_input_is_answered() {
    for (name, parser) in ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
        let mut inputs = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            parser(&std::fs::read(file.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs > 2, "{name} has {inputs}");
    }
}

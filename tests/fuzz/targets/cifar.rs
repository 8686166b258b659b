#![no_main]

#[path = "../../bad_data/parsers.rs"]
#[allow(dead_code, reason = "one parser of several")]
mod parsers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::cifar(bytes));

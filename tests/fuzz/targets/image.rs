#![no_main]

#[path = "../../bad_data/parsers.rs"]
#[allow(dead_code, reason = "one parser of several")]
mod parsers;

/// The JPEG decoder's panics are made errors; libFuzzer would stop at each. All others count.
fn let_known_panics_pass() {
    let stop = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|l| l.file().contains("zune-jpeg")) {
            stop(panic);
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: let_known_panics_pass(), |bytes: &[u8]| parsers::image(bytes));

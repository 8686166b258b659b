//! Shape mistakes do not compile, and the compiler says what does not fit.

#[test]
fn shape_mistakes() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}

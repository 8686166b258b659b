//! What can be wrong with the input of a probe.

use thiserror::Error;

/// A probe's input or setting that cannot be used; each message names the value and the way out.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// No rows, or rows without columns.
    #[error("features are {rows} x {dim}: a probe needs at least one row and one column")]
    Empty {
        /// Rows given.
        rows: usize,
        /// Columns given.
        dim: usize,
    },
    /// The buffer does not hold rows x columns values.
    #[error("{rows} rows of {dim} features need rows x dim values, {len} given: check the shape")]
    Size {
        /// Rows given.
        rows: usize,
        /// Columns given.
        dim: usize,
        /// Values given.
        len: usize,
    },
    /// A feature is NaN or infinite.
    #[error(
        "feature at row {row}, column {column} is {value}: the encoder diverged or was fed bad input, fix it first"
    )]
    NonFinite {
        /// Row of the first such feature.
        row: usize,
        /// Its column.
        column: usize,
        /// The value, written out.
        value: String,
    },
    /// Rows and labels (or predictions and labels) differ in number.
    #[error("{labels} labels for {rows} rows: give one label per row")]
    LabelCount {
        /// Rows given.
        rows: usize,
        /// Labels given.
        labels: usize,
    },
    /// A label at or over the number of classes.
    #[error("label {label} of row {row} is outside 0..{classes}: raise the number of classes or fix the labels")]
    Label {
        /// Row of the first such label.
        row: usize,
        /// The label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// Two matrices that should have the same width do not.
    #[error("features have {got} columns where {expected} are expected: use the same encoder and layer for both")]
    Width {
        /// Columns given.
        got: usize,
        /// Columns expected.
        expected: usize,
    },
    /// A setting outside its range.
    #[error("{name} = {value}: it must be {range}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The value, written out.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// A class with fewer rows than a label budget asks for.
    #[error("class {class} has {have} rows, {want} per class asked: lower the budget")]
    FewRows {
        /// The class.
        class: usize,
        /// Rows it has.
        have: usize,
        /// Rows asked for.
        want: usize,
    },
    /// A query row that does not exist.
    #[error("query row {row} is outside 0..{rows}: give a row of the matrix")]
    Query {
        /// The row asked for.
        row: usize,
        /// Rows of the matrix.
        rows: usize,
    },
    /// The optimiser met a loss or weight that is not finite.
    #[error("the probe diverged at step {step}: standardise the features or lower the learning rate")]
    Diverged {
        /// Optimiser step at which it was seen.
        step: usize,
    },
    /// The device failed.
    #[error("the device failed: {reason}; use fewer rows at a time")]
    Device {
        /// Its own words.
        reason: String,
    },
    /// A depth that cannot be one.
    #[error(
        "the depth of row {row} is {value}: depths are positive and finite; give the background the largest that counts"
    )]
    Depth {
        /// Row of the first such depth.
        row: usize,
        /// The value, written out.
        value: String,
    },
    /// Columns of which one is a combination of others.
    #[error("column {column} of the features is a combination of those before it: raise ridge, or leave it out")]
    Dependent {
        /// The column.
        column: usize,
    },
    /// Trials that give no curve.
    #[error("the arm `{arm}`: {problem}")]
    Trials {
        /// Which arm.
        arm: String,
        /// What is wrong, and the way out.
        problem: String,
    },
}

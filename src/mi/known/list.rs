//! The distributions by name.

use super::*;

type List = Vec<Box<dyn Known>>;

macro_rules! list {
    ($($known:expr),* $(,)?) => { vec![$(Box::new($known) as Box<dyn Known>),*] };
}

const IN_RANGE: &str = "the parameters are constants in range";

/// The 40 tasks of Czyż et al., "Beyond Normal: On the Evaluation of Mutual Information Estimators" (NeurIPS 2023), in
/// the order and under the names of the authors' package.
///
/// They are as drawn; the paper scales each column to mean 0 and variance 1 before it estimates.
pub fn beyond_normal() -> List {
    build_beyond_normal().expect(IN_RANGE)
}

fn build_beyond_normal() -> Result<List, MiError> {
    let pairs = |dim| sparse(dim, dim, 2, 2.0);
    let mut tasks: List = list![
        binormal(0.75)?,
        normal_cdf(binormal(0.75)?),
        additive(0.1)?,
        additive(0.75)?,
        bimodal(0.75)?,
        wiggly(binormal(0.75)?),
        half_cube(binormal(0.75)?),
        student(1, 1, 1.0)?,
        asinh(student(1, 1, 1.0)?),
        swiss_roll(normal_cdf(binormal(0.75)?))?,
    ];
    for dim in [2, 3, 5, 25, 50] {
        tasks.extend(list![dense(dim, dim, 0.5)?]);
    }
    for dim in [2, 3, 5, 25] {
        tasks.extend(list![pairs(dim)?]);
    }
    for (dim, freedom) in [(2, 1.0), (2, 2.0), (3, 2.0), (3, 3.0), (5, 2.0), (5, 3.0)] {
        tasks.extend(list![student(dim, dim, freedom)?]);
    }
    let dims = [3, 5, 25];
    for dim in dims {
        tasks.extend(list![normal_cdf(pairs(dim)?)]);
    }
    for dim in dims {
        tasks.extend(list![half_cube(pairs(dim)?)]);
    }
    for dim in dims {
        tasks.extend(list![spiral(pairs(dim)?)?]);
    }
    for dim in dims {
        tasks.extend(list![spiral(normal_cdf(pairs(dim)?))?]);
    }
    for (dim, freedom) in [(2, 1.0), (3, 2.0), (5, 2.0)] {
        tasks.extend(list![asinh(student(dim, dim, freedom)?)]);
    }
    Ok(tasks)
}

/// The mixtures that Czyż et al. (TMLR 2025) add to the tasks of 2023, under the names of the authors' package.
pub fn fine_distributions() -> List {
    build_fine().expect(IN_RANGE)
}

fn build_fine() -> Result<List, MiError> {
    let mut tasks = list![x_shape(0.9)?, ai_shape()?, waves(12, 5.0, 3.0)?, galaxy(0.5, 3.0)?];
    for (dim, components) in [(3, 5), (5, 5), (3, 10), (5, 10), (25, 5)] {
        tasks.extend(list![concentric(dim, components)?]);
    }
    for (dim, share) in [(5, 0.2), (25, 0.2), (5, 0.5), (25, 0.5)] {
        tasks.extend(list![inliers(dim, dim, share)?]);
    }
    Ok(tasks)
}

/// What is in neither paper: stairs, tables, pictures, and columns of noise.
fn build_others() -> Result<List, MiError> {
    let mut tasks = List::new();
    for nats in [2.0, 4.0, 6.0, 8.0, 10.0] {
        tasks.extend(list![CorrelatedGaussian::new(20, nats)?]);
    }
    for nats in [2.0, 4.0, 6.0, 8.0, 10.0] {
        tasks.extend(list![CorrelatedGaussian::new(20, nats)?.cubic()]);
    }
    tasks.extend(list![binary_symmetric(0.1)?, copied(8)?, Table::new("table-staggered-4", &STAGGERED, 4)?]);
    for side in [16, 32] {
        for nats in [0.1, 1.0, 2.5, 5.0, 7.5, 10.0] {
            tasks.extend(list![blobs(side, nats)?, rectangles(side, nats)?]);
        }
    }
    tasks.extend(list![
        noise(sparse(2, 2, 2, 2.0)?, 18, 18),
        noise(sparse(2, 2, 2, 2.0)?, 98, 98),
        rotated(sparse(25, 25, 2, 2.0)?, 0),
        rotated(noise(CorrelatedGaussian::new(4, 2.0)?, 16, 16), 0),
        rotated(noise(student(5, 5, 2.0)?, 5, 5), 0),
        nothing_shared(1, 1)?,
        nothing_shared(5, 5)?,
        nothing_shared(25, 25)?,
        independent(student(5, 5, 2.0)?),
        independent(spiral(sparse(5, 5, 2, 2.0)?)?),
        independent(blobs(16, 1.0)?),
    ]);
    Ok(tasks)
}

/// Weights of a 4×4 table: neighbours are likely together.
const STAGGERED: [f64; 16] = [4.0, 2.0, 1.0, 0.0, 2.0, 4.0, 2.0, 1.0, 1.0, 2.0, 4.0, 2.0, 0.0, 1.0, 2.0, 4.0];

/// All distributions with a name: [`beyond_normal`], [`fine_distributions`], then stairs, tables, pictures, and columns
/// of noise.
pub fn all() -> List {
    let mut tasks = beyond_normal();
    tasks.extend(fine_distributions());
    tasks.extend(build_others().expect(IN_RANGE));
    tasks
}

/// The distribution of [`all`] that is called `name`.
///
/// # Errors
/// When there is none; the error tells the three nearest names.
pub fn by_name(name: &str) -> Result<Box<dyn Known>, MiError> {
    let mut names = Vec::new();
    for known in all() {
        if known.name() == name {
            return Ok(known);
        }
        names.push(known.name());
    }
    names.sort_by_cached_key(|known| distance(name, known));
    names.truncate(3);
    Err(MiError::UnknownDistribution { name: name.into(), near: names.join(", ") })
}

/// Levenshtein's distance: letters to put in, take out or change.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.chars().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_found() {
        let all = all();
        let names: BTreeSet<String> = all.iter().map(|k| k.name()).collect();
        assert_eq!(names.len(), all.len());
        assert_eq!((beyond_normal().len(), fine_distributions().len()), (40, 13));
        for name in &names {
            assert_eq!(&by_name(name).unwrap().name(), name);
        }
    }

    #[test]
    fn a_wrong_name_tells_near_ones() {
        let error = by_name("1v1-normal-0.7").unwrap_err().to_string();
        assert!(error.contains("`1v1-normal-0.7`") && error.contains("near it: 1v1-normal-0.75, "), "{error}");
        assert_eq!((distance("kitten", "sitting"), distance("", "abc"), distance("x", "x")), (3, 3, 0));
    }
}

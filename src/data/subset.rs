//! Parts of a labelled set, by index.

use super::DataError;
use crate::seed::stream;
use rand::seq::SliceRandom;

/// Indices of `per_class` images of each class, in ascending order. For one seed a larger subset contains a smaller one.
///
/// # Errors
/// When a class has too few images.
pub fn balanced(labels: &[u32], classes: usize, per_class: usize, seed: u64) -> Result<Vec<usize>, DataError> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut stream(seed, "sample", 0));
    let mut taken = vec![0usize; classes];
    let mut chosen: Vec<usize> = order
        .into_iter()
        .filter(|&i| {
            let Some(count) = taken.get_mut(labels[i] as usize) else { return false };
            *count += 1;
            *count <= per_class
        })
        .collect();
    if let Some((class, &found)) = taken.iter().enumerate().find(|&(_, &n)| n < per_class) {
        return Err(DataError::FewImages { name: "the set".into(), class, found, wanted: per_class });
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// Indices in an order of which every beginning is stratified: first an image of each class, then all in turns by the
/// classes' shares. Its first n are n labels, and fewer labels are among more.
pub fn stratified(labels: &[u32], seed: u64) -> Vec<usize> {
    let mut keyed = Vec::with_capacity(labels.len());
    for (class, rows) in by_class(labels, seed).into_iter().enumerate() {
        let size = rows.len() as f64;
        let place = |rank: usize| if rank == 0 { -1.0 } else { (rank as f64 + 0.5) / size };
        keyed.extend(rows.into_iter().enumerate().map(|(rank, row)| (place(rank), class, row)));
    }
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, _, row)| row).collect()
}

/// Cuts a set in two, each class by the same share: indices to learn from, and `share` of the images held out. Both in
/// ascending order. At least one image of a class stays to learn from.
///
/// # Errors
/// When `share` is not between 0 and 1.
pub fn split(labels: &[u32], share: f64, seed: u64) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    if !(0.0..1.0).contains(&share) {
        return Err(DataError::Setting(format!("the share held out is {share}; it is 0 or more and below 1")));
    }
    let (mut learn, mut held) = (Vec::new(), Vec::new());
    for rows in by_class(labels, seed) {
        let out = ((rows.len() as f64 * share).round() as usize).min(rows.len().saturating_sub(1));
        held.extend(&rows[..out]);
        learn.extend(&rows[out..]);
    }
    learn.sort_unstable();
    held.sort_unstable();
    Ok((learn, held))
}

/// The `k` folds of cross-validation, each class spread evenly: every image is held out in exactly one fold, and fold sizes
/// differ by no more than the number of classes. Each fold's indices are in ascending order.
///
/// # Errors
/// When `k` is below 2 or above the number of images.
pub fn folds(labels: &[u32], k: usize, seed: u64) -> Result<Vec<Vec<usize>>, DataError> {
    if k < 2 || k > labels.len() {
        return Err(DataError::Setting(format!(
            "{k} folds of {} images: k is 2 up to the number of images",
            labels.len()
        )));
    }
    let mut folds = vec![Vec::new(); k];
    for (next, row) in by_class(labels, seed).into_iter().flatten().enumerate() {
        folds[next % k].push(row);
    }
    folds.iter_mut().for_each(|f| f.sort_unstable());
    Ok(folds)
}

/// The indices of each class, shuffled.
fn by_class(labels: &[u32], seed: u64) -> Vec<Vec<usize>> {
    let classes = labels.iter().max().map_or(0, |&l| l as usize + 1);
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut stream(seed, "split", 0));
    let mut rows = vec![Vec::new(); classes];
    order.into_iter().for_each(|i| rows[labels[i] as usize].push(i));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<u32> {
        (0..300).map(|i| if i % 10 == 0 { 2 } else { i % 2 }).collect()
    }

    #[test]
    fn balanced_subsets_are_nested() {
        let labels = labels();
        let large = balanced(&labels, 3, 20, 5).unwrap();
        let small = balanced(&labels, 3, 5, 5).unwrap();
        assert!(small.iter().all(|i| large.contains(i)) && small.len() == 15 && small.is_sorted());
        assert!((0..3).all(|c| large.iter().filter(|&&i| labels[i] == c).count() == 20));
        assert!(balanced(&labels, 3, 31, 5).unwrap_err().to_string().contains("class 2"));
    }

    #[test]
    fn beginnings_of_a_stratified_order_keep_the_shares() {
        // Shares 0.45, 0.45, 0.1.
        let labels = labels();
        let order = stratified(&labels, 4);
        let mut all = order.clone();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..300));
        assert_ne!(order, stratified(&labels, 5));
        for n in 3..=300 {
            for (class, share) in [(0, 0.45), (1, 0.45), (2, 0.1)] {
                let found = order[..n].iter().filter(|&&i| labels[i] == class).count();
                assert!(found >= 1 && (found as f64 - share * n as f64).abs() < 2.0, "{n} {class}: {found}");
            }
        }
        // Of classes of one size every multiple of their number is balanced.
        let even: Vec<u32> = (0..100).map(|i| i % 10).collect();
        let order = stratified(&even, 0);
        assert!((0..10).all(|c| order[..30].iter().filter(|&&i| even[i] == c).count() == 3));
    }

    #[test]
    fn splits_and_folds_keep_the_shares() {
        let labels = labels();
        let (learn, held) = split(&labels, 0.2, 1).unwrap();
        let mut all: Vec<usize> = learn.iter().chain(&held).copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..300));
        assert_eq!(held.iter().filter(|&&i| labels[i] == 2).count(), 6);
        assert!(split(&labels, 1.0, 1).is_err());
        let folds = folds(&labels, 7, 1).unwrap();
        let mut all: Vec<usize> = folds.iter().flatten().copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..300));
        assert!(folds.iter().all(|f| (40..=46).contains(&f.len())));
        assert!(folds.iter().all(|f| (3..=6).contains(&f.iter().filter(|&&i| labels[i] == 2).count())));
        assert!(super::folds(&labels, 1, 1).is_err() && super::folds(&labels, 301, 1).is_err());
    }
}

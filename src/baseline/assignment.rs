//! Optimal assignment.

/// The column of each row, each column used once, with the smallest sum of `cost [n, n]`: the Hungarian algorithm with
/// potentials (Kuhn 1955; Munkres 1957; shortest augmenting paths of Jonker & Volgenant 1987), `O(n³)`.
///
/// # Panics
/// When `cost` has not `n·n` numbers.
///
/// ```
/// // 1 + 2 + 2, not the row-wise smallest 1 + 0 + 2 that would use the second column twice.
/// let cost = [4.0, 1.0, 3.0, 2.0, 0.0, 5.0, 3.0, 2.0, 2.0];
/// assert_eq!(infomax::baseline::assign(&cost, 3), [1, 0, 2]);
/// ```
pub fn assign(cost: &[f64], n: usize) -> Vec<usize> {
    assert_eq!(cost.len(), n * n, "a square matrix of costs");
    // Rows and columns count from 1; 0 stands for "none". `row_of[j]` is the row that has column `j`.
    let (mut u, mut v) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    let (mut row_of, mut before) = (vec![0usize; n + 1], vec![0usize; n + 1]);
    for i in 1..=n {
        row_of[0] = i;
        let mut at = 0;
        let mut least = vec![f64::INFINITY; n + 1];
        let mut done = vec![false; n + 1];
        // The shortest path, by reduced costs, from row `i` to a column that no row has.
        while row_of[at] != 0 {
            done[at] = true;
            let row = row_of[at];
            let (mut delta, mut next) = (f64::INFINITY, 0);
            for j in (1..=n).filter(|&j| !done[j]) {
                let reduced = cost[(row - 1) * n + j - 1] - u[row] - v[j];
                if reduced < least[j] {
                    (least[j], before[j]) = (reduced, at);
                }
                // The first column wins over one that is no better, also when every cost is infinite or no number.
                if least[j] < delta || next == 0 {
                    (delta, next) = (least[j], j);
                }
            }
            for j in 0..=n {
                if done[j] {
                    u[row_of[j]] += delta;
                    v[j] -= delta;
                } else {
                    least[j] -= delta;
                }
            }
            at = next;
        }
        while at != 0 {
            row_of[at] = row_of[before[at]];
            at = before[at];
        }
    }
    let mut columns = vec![0; n];
    (1..=n).for_each(|j| columns[row_of[j] - 1] = j - 1);
    columns
}

#[cfg(test)]
mod tests {
    use super::assign;
    use crate::seed::stream;
    use rand::Rng;

    /// The smallest sum over all permutations of the rows from `from` on.
    fn smallest(cost: &[f64], n: usize, from: usize, used: &mut Vec<bool>) -> f64 {
        if from == n {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for j in 0..n {
            if !used[j] {
                used[j] = true;
                best = best.min(cost[from * n + j] + smallest(cost, n, from + 1, used));
                used[j] = false;
            }
        }
        best
    }

    #[test]
    fn it_is_the_best_of_all_permutations() {
        for seed in 0..200 {
            let mut rng = stream(seed, "costs", 0);
            let n = rng.gen_range(0..=7);
            // Every other matrix is of few values, so that ties are many.
            let coarse = seed % 2 == 0;
            let cost: Vec<f64> = (0..n * n)
                .map(|_| if coarse { f64::from(rng.gen_range(-2..3)) } else { rng.gen_range(-1.0..1.0) })
                .collect();
            let found = assign(&cost, n);
            let mut seen = vec![false; n];
            found.iter().for_each(|&j| assert!(!std::mem::replace(&mut seen[j], true)));
            let sum: f64 = found.iter().enumerate().map(|(i, &j)| cost[i * n + j]).sum();
            assert!((sum - smallest(&cost, n, 0, &mut vec![false; n])).abs() < 1e-12, "seed {seed}");
        }
    }

    #[test]
    fn a_hidden_permutation_is_found() {
        let n = 200;
        let mut rng = stream(1, "costs", 1);
        let hidden: Vec<usize> = (0..n).map(|i| (i * 37 + 11) % n).collect();
        let cost: Vec<f64> =
            (0..n * n).map(|k| if hidden[k / n] == k % n { -1.0 } else { rng.gen_range(0.0..1.0) }).collect();
        assert_eq!(assign(&cost, n), hidden);
    }
}

//! Samples of a random vector: the input of every estimator.

use super::MiError;

/// `N` samples of a random vector of `d` numbers, rows one after the other. All are finite, and there is at least one of
/// each.
///
/// Two sets of samples are *paired* when row `i` of one was drawn together with row `i` of the other.
///
/// ```
/// use infomax::mi::Samples;
/// let x = Samples::new(vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0], 2)?;
/// assert_eq!((x.rows(), x.columns()), (3, 2));
/// assert_eq!(x.row(1), [2.0, 20.0]);
/// # Ok::<(), infomax::mi::MiError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    values: Vec<f64>,
    columns: usize,
    names: Vec<String>,
}

impl Samples {
    /// Samples of `columns` numbers each.
    ///
    /// # Errors
    /// When there are none, when the last row is not full, or when a number is NaN or infinite.
    pub fn new(values: Vec<f64>, columns: usize) -> Result<Self, MiError> {
        Self::named(values, (0..columns).map(|c| format!("#{c}")).collect())
    }

    /// As [`Samples::new`], with names of the columns for what is said about them.
    ///
    /// # Errors
    /// As [`Samples::new`].
    pub fn named(values: Vec<f64>, names: Vec<String>) -> Result<Self, MiError> {
        let columns = names.len();
        if columns == 0 || values.is_empty() {
            return Err(MiError::Empty);
        }
        if !values.len().is_multiple_of(columns) {
            return Err(MiError::Ragged { numbers: values.len(), columns });
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let column = names[at % columns].clone();
            return Err(MiError::NotFinite { column, row: at / columns, value: values[at] });
        }
        Ok(Self { values, columns, names })
    }

    /// Number of samples, N.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// Numbers in each sample, d.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// All numbers, `[N, d]` row-major.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Sample `i`.
    ///
    /// # Panics
    /// When there is none.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns..(i + 1) * self.columns]
    }

    /// The numbers of column `c`, from the first sample to the last.
    ///
    /// # Panics
    /// When there is no such column.
    pub fn column(&self, c: usize) -> impl ExactSizeIterator<Item = f64> + '_ {
        assert!(c < self.columns);
        self.values[c..].iter().step_by(self.columns).copied()
    }

    /// The samples `rows`, in that order; a row may come more than once.
    ///
    /// # Panics
    /// When `rows` is empty or names a sample that is not there.
    pub fn select(&self, rows: &[usize]) -> Self {
        assert!(!rows.is_empty());
        let values = rows.iter().flat_map(|&r| self.row(r)).copied().collect();
        Self { values, columns: self.columns, names: self.names.clone() }
    }

    /// The columns of both, those of `other` last; rows are paired.
    ///
    /// # Errors
    /// When there are not as many of them.
    pub fn beside(&self, other: &Self) -> Result<Self, MiError> {
        self.check_paired(other, 1)?;
        let values = (0..self.rows()).flat_map(|i| self.row(i).iter().chain(other.row(i))).copied().collect();
        Self::named(values, self.names.iter().chain(&other.names).cloned().collect())
    }

    /// The same samples with each column replaced by `f(column number, its numbers)`.
    ///
    /// # Errors
    /// When `f` makes a number that is not finite.
    ///
    /// # Panics
    /// When `f` changes the number of samples.
    pub fn map_columns(&self, mut f: impl FnMut(usize, Vec<f64>) -> Vec<f64>) -> Result<Self, MiError> {
        let mut values = vec![0.0; self.values.len()];
        for c in 0..self.columns {
            let column = f(c, self.column(c).collect());
            assert_eq!(column.len(), self.rows());
            values[c..].iter_mut().step_by(self.columns).zip(column).for_each(|(d, v)| *d = v);
        }
        Self::named(values, self.names.clone())
    }

    /// Checks that two sets of samples are paired and that there are at least `least`.
    ///
    /// # Errors
    /// When they are not.
    pub fn check_paired(&self, other: &Self, least: usize) -> Result<(), MiError> {
        let (x, y) = (self.rows(), other.rows());
        if x != y {
            return Err(MiError::Lengths { x, y });
        }
        if x < least {
            return Err(MiError::TooFew { rows: x, least });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_named() {
        let bad = Samples::named(vec![1.0, 2.0, 3.0, f64::NAN], vec!["a".into(), "b".into()]);
        assert_eq!(
            bad.unwrap_err().to_string(),
            "column `b`, row 1: NaN is no number to estimate from; drop or fill such rows"
        );
        assert!(matches!(Samples::new(vec![1.0; 3], 2), Err(MiError::Ragged { numbers: 3, columns: 2 })));
        assert!(matches!(Samples::new(vec![], 2), Err(MiError::Empty)));
    }

    #[test]
    fn columns_are_mapped_in_place() {
        let x = Samples::new(vec![1.0, 10.0, 2.0, 20.0], 2).unwrap();
        let y = x.map_columns(|c, v| v.into_iter().map(|v| v + c as f64).collect()).unwrap();
        assert_eq!(y.values(), [1.0, 11.0, 2.0, 21.0]);
        assert_eq!(y.select(&[1, 1]).values(), [2.0, 21.0, 2.0, 21.0]);
        let narrow = Samples::new(vec![7.0, 8.0], 1).unwrap();
        assert_eq!(x.beside(&narrow).unwrap().values(), [1.0, 10.0, 7.0, 2.0, 20.0, 8.0]);
        assert!(matches!(x.beside(&narrow.select(&[0])), Err(MiError::Lengths { x: 2, y: 1 })));
    }
}

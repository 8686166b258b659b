//! Features of images, to files that other programs read.

use super::npy;
use super::{ExportFormat, ExportedFile, check_free, unwritable};
use crate::data::table::write_blocks;
use crate::data::{DataError, UNLABELLED};
use crate::files::{NewFile, write_atomic};
use crate::probe::Features;
use polars::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::io::{Error, Write};
use std::path::{Path, PathBuf};

/// Features `[N, F]` of images with their labels `[N]`, −1 where there is none.
#[derive(Clone, Copy, Debug)]
pub struct FeatureExport<'a> {
    /// The features, in the order of the images.
    pub features: &'a Features,
    /// A label for each row; [`UNLABELLED`] where there is none.
    pub labels: &'a [u32],
    /// What they are of, for the metadata of a safetensors file.
    pub about: &'a str,
    /// What is written: `.npy` holds the features as `float32` with the labels in `FILE.labels.npy` (`int64`), a safetensors
    /// file the tensors `features` (`F32`) and `labels` (`I64`), a parquet file a row for each image: `features` (a list of
    /// `float32`), `label`, `index`.
    pub format: ExportFormat,
    /// Whether files that exist are replaced.
    pub overwrite: bool,
}

impl FeatureExport<'_> {
    /// The files that [`write`](Self::write) makes, `out` first.
    fn paths(out: &Path, format: ExportFormat) -> Vec<PathBuf> {
        let beside = (format == ExportFormat::Npy).then(|| npy::beside(out, "labels"));
        std::iter::once(out.to_owned()).chain(beside).collect()
    }

    /// Whether files may be written, to be asked before the features are made.
    ///
    /// # Errors
    /// [`DataError::Exists`] when one is there, unless it may be replaced.
    pub fn check(out: &Path, format: ExportFormat, overwrite: bool) -> Result<(), DataError> {
        Self::paths(out, format).iter().try_for_each(|path| check_free(path, overwrite))
    }

    /// Writes them; every file appears whole or not at all, `out` itself last. Returns the files, `out` first.
    ///
    /// # Errors
    /// When there is not a label for each row, a file exists already, or cannot be written.
    pub fn write(&self, out: &Path) -> Result<Vec<ExportedFile>, DataError> {
        if self.labels.len() != self.features.rows {
            let (rows, images) = (self.features.rows, self.labels.len());
            return Err(DataError::Rows { rows, images, name: self.about.to_owned() });
        }
        Self::check(out, self.format, self.overwrite)?;
        match self.format {
            ExportFormat::Npy => self.npy(out),
            ExportFormat::Safetensors => self.safetensors(out),
            ExportFormat::Parquet => self.parquet(out),
        }
    }

    fn shape(&self) -> [usize; 2] {
        [self.features.rows, self.features.dim]
    }

    fn labels(&self) -> impl Iterator<Item = i64> + '_ {
        self.labels.iter().map(|&l| if l == UNLABELLED { -1 } else { i64::from(l) })
    }

    fn label_bytes(&self) -> Vec<u8> {
        self.labels().flat_map(i64::to_le_bytes).collect()
    }

    fn feature_bytes(&self) -> Vec<u8> {
        self.features.values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn npy(&self, out: &Path) -> Result<Vec<ExportedFile>, DataError> {
        let beside = npy::beside(out, "labels");
        let rows = self.features.rows;
        let labels = [npy::header("<i8", &[rows]), self.label_bytes()].concat();
        write_atomic(&beside, &labels).map_err(unwritable(&beside))?;
        let mut file = NewFile::create(out).map_err(unwritable(out))?;
        file.write_all(&npy::header("<f4", &self.shape())).map_err(unwritable(out))?;
        file.write_all(&self.feature_bytes()).map_err(unwritable(out))?;
        file.commit().map_err(unwritable(out))?;
        Ok(vec![
            ExportedFile { path: out.to_owned(), content: vec![format!("float32 {:?}", self.shape())] },
            ExportedFile { path: beside, content: vec![format!("int64 [{rows}]")] },
        ])
    }

    fn safetensors(&self, out: &Path) -> Result<Vec<ExportedFile>, DataError> {
        let refused = |e: safetensors::SafeTensorError| unwritable(out)(Error::other(format!("{e:?}")));
        let (features, labels, shape) = (self.feature_bytes(), self.label_bytes(), self.shape());
        let tensors = [
            ("features", TensorView::new(Dtype::F32, shape.to_vec(), &features).map_err(refused)?),
            ("labels", TensorView::new(Dtype::I64, vec![shape[0]], &labels).map_err(refused)?),
        ];
        let metadata = HashMap::from([("about".to_owned(), self.about.to_owned())]);
        let file = safetensors::serialize(tensors, &Some(metadata)).map_err(refused)?;
        write_atomic(out, &file).map_err(unwritable(out))?;
        let content = vec![format!("features F32 {shape:?}"), format!("labels I64 [{}]", shape[0])];
        Ok(vec![ExportedFile { path: out.to_owned(), content }])
    }

    fn parquet(&self, out: &Path) -> Result<Vec<ExportedFile>, DataError> {
        let refused = |e: PolarsError| unwritable(out)(Error::other(e));
        let Features { rows, dim, values } = self.features;
        let mut lists =
            ListPrimitiveChunkedBuilder::<Float32Type>::new("features".into(), *rows, values.len(), DataType::Float32);
        values.chunks_exact(*dim).for_each(|row| lists.append_slice(row));
        let columns = vec![
            lists.finish().into_series().into(),
            Column::new("label".into(), self.labels().collect::<Vec<_>>()),
            Column::new("index".into(), (0..*rows as i64).collect::<Vec<_>>()),
        ];
        let frame = DataFrame::new(*rows, columns).map_err(refused)?;
        write_blocks(out, std::iter::once(Ok(frame)))?;
        let content = vec![format!("{rows} rows: features (list of {dim} float32), label, index")];
        Ok(vec![ExportedFile { path: out.to_owned(), content }])
    }
}

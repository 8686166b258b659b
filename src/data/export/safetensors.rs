//! safetensors: eight bytes of length, a JSON header, the tensors one after the other.
//!
//! The crate writes tensors that are in memory; patches can be many times their images, so they are streamed here behind
//! a header of the crate's own parts.

use super::rows::Rows;
use super::{ExportedFile, check_free, unwritable};
use crate::data::DataError;
use crate::files::NewFile;
use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

pub(super) fn write(rows: &Rows<'_>, out: &Path, overwrite: bool) -> Result<Vec<ExportedFile>, DataError> {
    check_free(out, overwrite)?;
    let integers = rows.integers();
    let mut tensors = Map::new();
    let mut content = Vec::new();
    let mut end = 0;
    let mut list = |name: &str, dtype: Dtype, shape: Vec<usize>, bytes: usize| {
        content.push(format!("{name} {dtype:?} {shape:?}"));
        let info = TensorInfo { dtype, shape, data_offsets: (end, end + bytes) };
        end += bytes;
        tensors.insert(name.to_owned(), serde_json::to_value(info)?);
        serde_json::Result::Ok(())
    };
    // Wider types come first, so that all are aligned.
    let mut listed = integers.iter().try_for_each(|(which, shape)| {
        list(which.name(), Dtype::I64, shape.clone(), shape.iter().product::<usize>() * size_of::<i64>())
    });
    listed = listed.and_then(|()| list(rows.name(), Dtype::U8, rows.shape(), rows.shape().iter().product()));
    let mut about = json!({ "data": rows.set.name });
    if let (Some(cutter), Value::Object(about)) = (rows.cutter, &mut about) {
        about.insert("patches".into(), cutter.to_string().into());
    }
    tensors.insert("__metadata__".into(), about);
    let header = listed.and_then(|()| serde_json::to_vec(&tensors));
    let mut header = header.map_err(|e| unwritable(out)(e.into()))?;
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut file = NewFile::create(out).map_err(unwritable(out))?;
    file.write_all(&(header.len() as u64).to_le_bytes()).map_err(unwritable(out))?;
    file.write_all(&header).map_err(unwritable(out))?;
    for (which, _) in &integers {
        rows.write_integers(*which, &mut file).map_err(unwritable(out))?;
    }
    for block in rows.blocks() {
        file.write_all(&rows.pixels(block)?).map_err(unwritable(out))?;
    }
    file.commit().map_err(unwritable(out))?;
    Ok(vec![ExportedFile { path: out.to_owned(), content }])
}

//! Updates that hold changes of JSON documents instead of the documents (`binlog_row_value_options = PARTIAL_JSON`).
//!
//! The image before is whole. The image after begins with its options and, if they say so, a bit for each JSON column of
//! the table, set where changes stand instead of the document (MySQL source, `Rows_event`, "partial_bits"). What is given
//! on is the whole document after them, so that nothing behind this module knows of parts.

use millrace_model::{Cell, Row};

use super::super::cell::CellPlan;
use super::super::error::BinlogError;
use super::{RowImage, RowImages};

/// The option that documents may be changes.
const PARTIAL_JSON: u64 = 1;

impl<'a> RowImages<'a> {
    pub(super) fn update_in_part(&mut self) -> Result<RowImage, BinlogError> {
        let mut documents = Vec::new();
        let before = self.row_with_documents(&mut documents)?;
        Ok(RowImage::Update { before, after: self.row_after(&documents)? })
    }

    /// A row, and the documents of its JSON columns as they are stored; none for NULL.
    fn row_with_documents(&mut self, documents: &mut Vec<Option<&'a [u8]>>) -> Result<Row, BinlogError> {
        let decoder = self.decoder;
        let nulls = self.bitmap()?;
        for (index, column) in decoder.columns.iter().enumerate() {
            let is_json = matches!(column.plan, CellPlan::Json { .. });
            if is_set(nulls, index) {
                self.writer.put(Cell::Null);
                documents.extend(is_json.then_some(None));
                continue;
            }
            documents.extend(is_json.then(|| column.plan.document(self.rest)));
            if let Err(what) = column.plan.read(&mut self.rest, &mut self.scratch, self.writer) {
                return Err(self.cell_error(&column.name, what));
            }
        }
        Ok(self.writer.finish())
    }

    fn row_after(&mut self, documents: &[Option<&'a [u8]>]) -> Result<Row, BinlogError> {
        let decoder = self.decoder;
        let changed = self.changed_documents(documents.len())?;
        let nulls = self.bitmap()?;
        let mut nth_document = 0;
        for (index, column) in decoder.columns.iter().enumerate() {
            let mut before = None;
            if matches!(column.plan, CellPlan::Json { .. }) {
                before = is_set(changed, nth_document).then(|| documents.get(nth_document).copied().flatten());
                nth_document += 1;
            }
            if is_set(nulls, index) {
                self.writer.put(Cell::Null);
                continue;
            }
            let read = match before {
                None => column.plan.read(&mut self.rest, &mut self.scratch, self.writer),
                Some(None) => Err("changes of a document that is NULL"),
                Some(Some(before)) => CellPlan::read_changes(before, &mut self.rest, &mut self.scratch, self.writer),
            };
            if let Err(what) = read {
                return Err(self.cell_error(&column.name, what));
            }
        }
        Ok(self.writer.finish())
    }

    /// One bit a JSON column; empty where all documents are whole.
    fn changed_documents(&mut self, documents: usize) -> Result<&'a [u8], BinlogError> {
        let options = self.rest.length_encoded().ok_or_else(|| self.row_error("the event is cut short"))?;
        match options {
            0 => Ok(&[]),
            PARTIAL_JSON => {
                let bits = self.rest.take(documents.div_ceil(8));
                bits.ok_or_else(|| self.row_error("the event is cut short"))
            }
            _ => Err(self.row_error("the row has options that are not known")),
        }
    }
}

/// A bit of a bitmap; those beyond its end are not set.
fn is_set(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
}

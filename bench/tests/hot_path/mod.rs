//! The way of a row from the binlog to COPY's text, step by step, without the loops and clients around it. What is
//! measured of each step is the [`Meter`]'s choice.

mod rows;
mod typed;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use millrace_adbpg::encode::put_copy_line;
use millrace_model::batch::{Batch, RowChange};
use millrace_model::part::WriterId;
use millrace_model::{MysqlType, PgType, Row, RowWriter};
use millrace_mysql::binlog::{RowDecoder, RowImage};
use millrace_mysql::charset::Charsets;
use millrace_proto::{BatchDecoder, Envelope, Received, encode_messages};
use millrace_protocol::cut::{Cuts, Progress, Work};
use millrace_transform::batch::{Scratch, transform_batch};

pub(crate) use self::rows::{ROWS, Table};

/// Measures a step for a message of [`ROWS`] rows.
pub(crate) trait Meter {
    /// Runs the step once.
    fn measure<R>(&mut self, what: &'static str, step: impl FnOnce() -> R) -> R;
}

/// The binlog's rows of a table become rows in their wire form.
pub(crate) fn read_binlog(table: &Table, meter: &mut impl Meter) {
    let event = table.binlog_rows();
    let decoder = RowDecoder::new(&event.map, &table.schema(), &Charsets::default()).unwrap();
    let (mut writer, mut found) = (RowWriter::new(), Vec::with_capacity(ROWS as usize));
    meter.measure("capture decodes the binlog", || {
        found.extend(decoder.decode(&event, &mut writer).unwrap().map(Result::unwrap));
    });
    let expected = (1..=ROWS).map(|id| RowImage::Insert(table.row(&mut writer, id)));
    assert!(found.into_iter().eq(expected), "{} was decoded to other rows", table.name);
}

/// From a captured message to the lines of COPY.
pub(crate) fn move_rows(table: &Table, change: impl Fn(Row, Row) -> RowChange, meter: &mut impl Meter) {
    let (captured, columns, mappings) = (table.captured(change), table.fields.len(), table.mappings());
    let named = mappings.get(Table::key()).unwrap();
    let input = meter.measure("capture encodes", || message(&captured));
    let batch: Batch<MysqlType> = meter.measure("transform decodes", || decoded(input, columns));
    assert!(meter.measure("transform looks for schemas", || mappings.missing(&batch)).is_empty());
    let mut scratch = Scratch::default();
    let output = meter.measure("transform", || transform_batch(&mappings, &mut scratch, 5, &batch).unwrap());
    let message = meter.measure("transform encodes", || message(&output));
    let batch: Batch<PgType> = meter.measure("apply decodes", || decoded(message, columns));

    let target = named.mapping.target();
    let mut cuts = Cuts::new(1, &[Progress::start(0)], 0, usize::MAX);
    cuts.add_schema(named.target, Arc::clone(target));
    meter.measure("apply collects", || cuts.offer(0, 0, batch).unwrap());
    let Work::Write(write) = meter.measure("apply compacts", || cuts.next_work()) else { panic!("nothing to write") };
    assert_eq!(write.changes, ROWS);
    let mut out = BytesMut::with_capacity(1 << 20);
    meter.measure("apply writes COPY", || {
        for row in &write.tables[0].inserts {
            put_copy_line(&mut out, &target.name, &target.columns, row).unwrap();
        }
    });
}

/// A batch as it stands in the log.
pub(crate) fn message<T>(batch: &Batch<T>) -> Bytes {
    let envelope = Envelope { task_id: "shop-1".into(), fingerprint: [7; 16] };
    encode_messages(&envelope, WriterId([1; 16]), batch).next().unwrap()
}

/// The batch of a message of rows of so many columns.
fn decoded<T>(message: Bytes, columns: usize) -> Batch<T> {
    let mut decoder = BatchDecoder::new([7; 16], Some("shop-1".into()));
    match decoder.decode::<T>(message, |_| Some(columns)).unwrap() {
        Received::Batch(batch) => batch,
        Received::Part(_) => panic!("a message in parts"),
    }
}

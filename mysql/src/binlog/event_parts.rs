//! The fixed parts of events, cut out of their bytes. `None` means that an event is cut short or of another format.

use bytes::Bytes;

use super::cursor::Cursor;
use super::event::{RawEvent, kind};

/// A rows event's table id, number of columns, and what follows.
pub(crate) fn rows_parts(event: &RawEvent) -> Option<(u64, u64, Bytes)> {
    let mut cursor = Cursor::new(&event.data);
    let id = cursor.uint(6)?;
    let _flags = cursor.take(2)?;
    if matches!(event.kind, kind::WRITE_ROWS | kind::UPDATE_ROWS | kind::DELETE_ROWS | kind::PARTIAL_UPDATE_ROWS) {
        let extra = usize::from(cursor.u16()?).checked_sub(2)?;
        cursor.take(extra)?;
    }
    let columns = cursor.length_encoded()?;
    Some((id, columns, event.data.slice(event.data.len() - cursor.len()..)))
}

/// Bytes of the events in a transaction payload: a list of fields of type, length, value, ended by type 0 (MySQL source,
/// `Transaction_payload_event`).
pub(crate) fn payload_size(data: &[u8]) -> Option<u64> {
    const END: u64 = 0;
    const COMPRESSED_SIZE: u64 = 1;
    const COMPRESSION: u64 = 2;
    const SIZE: u64 = 3;
    const NOT_COMPRESSED: u64 = 255;
    let mut cursor = Cursor::new(data);
    let (mut stored, mut compression, mut size) = (None, None, None);
    loop {
        let field = cursor.length_encoded()?;
        if field == END {
            break;
        }
        let value = cursor.length_encoded_bytes()?;
        let number = || Cursor::new(value).length_encoded();
        match field {
            COMPRESSED_SIZE => stored = Some(number()?),
            COMPRESSION => compression = Some(number()?),
            SIZE => size = Some(number()?),
            _ => {}
        }
    }
    if compression? == NOT_COMPRESSED { stored } else { size }
}

/// The server's version, if the file has the one format that exists since MySQL 5.6 (MySQL source,
/// `Format_description_event`): version 4, headers of 19 bytes, and the fixed parts of the events read here as known.
pub(crate) fn description_version(data: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(data);
    let version = cursor.u16()?;
    let server: &[u8] = cursor.take(50)?;
    let _created = cursor.u32()?;
    let header = cursor.u8()?;
    let fixed_parts = cursor.rest();
    let has = |kind: u8, length: u8| fixed_parts.get(usize::from(kind) - 1) == Some(&length);
    let known = version == 4
        && header == 19
        && has(kind::QUERY, 13)
        && has(kind::ROTATE, 8)
        && has(kind::TABLE_MAP, 8)
        // Servers of version 9 no longer know the old rows events.
        && (has(kind::WRITE_ROWS_V1, 8) || has(kind::WRITE_ROWS_V1, 0))
        && has(kind::WRITE_ROWS, 10);
    let server = server.split(|&byte| byte == 0).next().unwrap_or_default();
    known.then(|| String::from_utf8_lossy(server).into_owned())
}

/// A UUID as MySQL prints it.
pub(crate) fn uuid_text(uuid: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = std::fmt::write(&mut text, format_args!("{byte:02x}"));
    }
    text
}

//! MariaDB's own beginning of a transaction (MariaDB source, `Gtid_log_event`): it says itself whether a statement stands
//! alone, or rows follow up to a commit, or up to an XA PREPARE.

use super::super::cursor::Cursor;
use super::super::error::BinlogError;
use super::{Logged, Placed, State, Transactions};

/// One statement follows and commits with itself.
const STANDALONE: u8 = 1;
/// A commit id of eight bytes follows the flags.
const GROUP_COMMIT: u8 = 2;
/// The rows of a distributed transaction follow, up to its XA PREPARE.
const PREPARED_XA: u8 = 64;

impl Transactions {
    pub(super) fn announce_maria_db(&mut self, placed: &Placed<'_>) -> Result<(), BinlogError> {
        let (flags, xid) = gtid_parts(&placed.event.data).ok_or_else(|| placed.cut_short())?;
        // Positions are places here: MariaDB's GTIDs are of another kind than the model's.
        let transaction = self.transaction(placed, None, 0)?;
        self.state = match xid {
            Some(xid) => State::Xa(self.xa.open(transaction, &xid)),
            None if flags & STANDALONE != 0 => State::Announced(transaction),
            None => State::Open(transaction, Logged::Nothing),
        };
        Ok(())
    }
}

/// The flags, and the XID of a transaction that is to be prepared as the server prints it in statements.
fn gtid_parts(data: &[u8]) -> Option<(u8, Option<String>)> {
    let mut cursor = Cursor::new(data);
    let _number_and_domain = cursor.take(12)?;
    let flags = cursor.u8()?;
    if flags & GROUP_COMMIT != 0 {
        cursor.take(8)?;
    }
    if flags & PREPARED_XA == 0 {
        return Some((flags, None));
    }
    let format = cursor.u32()? as i32;
    let (global, branch) = (usize::from(cursor.u8()?), usize::from(cursor.u8()?));
    let (global, branch) = (hexadecimal(cursor.take(global)?), hexadecimal(cursor.take(branch)?));
    Some((flags, Some(format!("X'{global}',X'{branch}',{format}"))))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_xid_as_statements_have_it() {
        // As MariaDB 10.11 logs XA START 'x'.
        let mut data = vec![4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, PREPARED_XA | 4, 1, 0, 0, 0, 1, 0, b'x', 0, 0];
        assert_eq!(gtid_parts(&data), Some((68, Some("X'78',X'',1".to_owned()))));
        data[12] = STANDALONE;
        assert_eq!(gtid_parts(&data), Some((1, None)));
        assert_eq!(gtid_parts(&data[..12]), None);
    }
}

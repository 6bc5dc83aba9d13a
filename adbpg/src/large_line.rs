//! The COPY line of a large row, in pieces: its text, of bytes twice as long as they are, is never there as a whole.
//!
//! The server joins what it is sent before it looks for the line's end, so a line may be cut anywhere. A piece is made of so
//! many bytes of one cell; the form of text has nothing before or after it, that of bytes begins once
//! ([`crate::encode`]).

use std::iter::Enumerate;
use std::slice::Iter;

use bytes::{BufMut, BytesMut};
use millrace_model::{Cell, Column, PgType, Row, TableName};

use crate::encode::{CellProblem, Place, cell_error, put_cell, put_digits};
use crate::error::AdbpgError;

/// Bytes of a row from which on its line is written in pieces.
pub(crate) const LARGE_ROW: usize = 1 << 20;

/// Bytes of a cell that become one piece, which is up to twice as long.
const PIECE: usize = 64 * 1024;

/// Whether a line is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// There is more of it.
    GoesOn,
    /// Its end is written.
    Ended,
}

/// A column, its cell, and where what is not written of the cell begins.
type Open<'a> = (&'a Column<PgType>, Cell<'a>, usize);

/// A line that is being written.
pub(crate) struct LargeLine<'a, C> {
    table: &'a TableName,
    columns: Enumerate<Iter<'a, Column<PgType>>>,
    cells: C,
    /// The cell of which there is more.
    open: Option<Open<'a>>,
    last: Option<&'a Column<PgType>>,
}

/// Begins the line of a row, which has one cell for each of `columns`.
pub(crate) fn large_line<'a>(
    table: &'a TableName,
    columns: &'a [Column<PgType>],
    row: &'a Row,
) -> LargeLine<'a, impl Iterator<Item = Cell<'a>>> {
    LargeLine { table, columns: columns.iter().enumerate(), cells: row.cells(), open: None, last: columns.last() }
}

impl<'a, C: Iterator<Item = Cell<'a>>> LargeLine<'a, C> {
    /// Appends the next piece.
    pub(crate) fn put_piece(&mut self, out: &mut BytesMut) -> Result<Line, AdbpgError> {
        let enough = out.len() + PIECE;
        while out.len() < enough {
            let Some((column, cell, from)) = self.next_cell(out)? else { return self.end(out) };
            let put = put_part(out, &column.ty, cell, from);
            let next = put.map_err(|problem| cell_error(self.table, column, problem))?;
            self.open = next.map(|next| (column, cell, next));
        }
        Ok(Line::GoesOn)
    }

    /// The cell that is open, or the next, after what stands between two.
    fn next_cell(&mut self, out: &mut BytesMut) -> Result<Option<Open<'a>>, AdbpgError> {
        if let Some(open) = self.open.take() {
            return Ok(Some(open));
        }
        let Some((place, column)) = self.columns.next() else { return Ok(None) };
        if place > 0 {
            out.put_u8(b'\t');
        }
        let ends = || cell_error(self.table, column, CellProblem("the row ends before it"));
        Ok(Some((column, self.cells.next().ok_or_else(ends)?, 0)))
    }

    fn end(&mut self, out: &mut BytesMut) -> Result<Line, AdbpgError> {
        out.put_u8(b'\n');
        match (self.cells.next(), self.last) {
            (Some(_), Some(last)) => Err(cell_error(self.table, last, CellProblem("the row goes on after it"))),
            _ => Ok(Line::Ended),
        }
    }
}

/// Appends what a cell has from byte `from` on, as far as one piece goes; gives where the next begins.
fn put_part(out: &mut BytesMut, ty: &PgType, cell: Cell<'_>, from: usize) -> Result<Option<usize>, CellProblem> {
    let length = match cell {
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    let mut to = length.min(from + PIECE);
    match cell {
        Cell::Text(text) => {
            while !text.is_char_boundary(to) {
                to -= 1;
            }
            put_cell(out, ty, Cell::Text(&text[from..to]), Place::Copy)?;
        }
        Cell::Bytes(bytes) if from > 0 => put_digits(out, &bytes[from..to]),
        Cell::Bytes(bytes) => put_cell(out, ty, Cell::Bytes(&bytes[..to]), Place::Copy)?,
        other => put_cell(out, ty, other, Place::Copy)?,
    }
    Ok((to < length).then_some(to))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_model::schema::Nullability;

    use super::*;
    use crate::encode::put_copy_line;

    fn columns(types: &[PgType]) -> Vec<Column<PgType>> {
        let column = |(place, ty): (usize, &PgType)| Column {
            name: format!("c{place}").into(),
            ty: ty.clone(),
            nullability: Nullability::Nullable,
            default: None,
            comment: String::new(),
            collation: "".into(),
        };
        types.iter().enumerate().map(column).collect()
    }

    fn in_pieces(columns: &[Column<PgType>], row: &Row) -> Result<(BytesMut, usize), AdbpgError> {
        let table = TableName::new("d", "t");
        let mut line = large_line(&table, columns, row);
        let (mut whole, mut longest) = (BytesMut::new(), 0);
        loop {
            let mut piece = BytesMut::new();
            let is_over = line.put_piece(&mut piece)? == Line::Ended;
            longest = longest.max(piece.len());
            whole.unsplit(piece);
            if is_over {
                return Ok((whole, longest));
            }
        }
    }

    #[test]
    fn pieces_are_the_line() {
        let types = [PgType::Integer, PgType::Bytea, PgType::Text, PgType::Bytea, PgType::Text];
        let columns = columns(&types);
        let table = TableName::new("d", "t");
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE + 3] {
            let bytes: Vec<u8> = (0..length).map(|place| place as u8).collect();
            // Its characters of three bytes do not end where pieces do, and every seventh is written as two.
            let text: String = "\u{20ac}a\\\t\u{20ac}".chars().cycle().take(length).collect();
            for cells in [
                [Cell::Int(-7), Cell::Bytes(&bytes), Cell::Text(&text), Cell::Null, Cell::Text("\n")],
                [Cell::Null, Cell::Null, Cell::Text(&text), Cell::Bytes(&bytes), Cell::Text(&text)],
            ] {
                let row: Row = cells.into_iter().collect();
                let mut expected = BytesMut::new();
                put_copy_line(&mut expected, &table, &columns, &row).unwrap();
                let (line, longest) = in_pieces(&columns, &row).unwrap();
                assert_eq!(line, expected, "{length}");
                assert!(longest <= 3 * PIECE + 20, "{longest}");
            }
        }
    }

    #[test]
    fn what_a_line_refuses_its_pieces_refuse() {
        let (large, nul) = (vec![0; 2 * PIECE], "x".repeat(2 * PIECE) + "\0");
        let table = TableName::new("d", "t");
        for (types, cells) in [
            (vec![PgType::Text], vec![Cell::Bytes(&large)]),
            (vec![PgType::Bytea], vec![Cell::Text(&nul[..PIECE])]),
            (vec![PgType::Text], vec![Cell::Text(&nul)]),
            (vec![PgType::Bytea], vec![Cell::Bytes(&large), Cell::Int(1)]),
            (vec![PgType::Bytea, PgType::Integer], vec![Cell::Bytes(&large)]),
        ] {
            let (columns, row) = (columns(&types), cells.into_iter().collect());
            let expected = put_copy_line(&mut BytesMut::new(), &table, &columns, &row).unwrap_err();
            assert_eq!(in_pieces(&columns, &row).unwrap_err().to_string(), expected.to_string());
        }
    }
}

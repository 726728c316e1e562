//! A table as a Parquet file, written a group of rows at a time.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use quipu_projections::{Cell, Column, Kind};

/// So many rows are kept in memory and written together.
const GROUP_ROWS: usize = 65_536;

/// A table in the making.
pub(super) struct TableFile<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Values>,
    rows: u64,
}

/// A group's values of one column. Where it may hold null, `levels` says of each row whether
/// there is a value, and only those are kept.
struct Values {
    kind: Kind,
    is_nullable: bool,
    levels: Vec<i16>,
    numbers: Vec<i64>,
    bytes: Vec<ByteArray>,
}

impl<W: Write + Send> TableFile<W> {
    /// A table without rows. `remark` says where it comes from.
    pub(super) fn new(
        out: W,
        name: &str,
        columns: &[Column],
        remark: &str,
    ) -> Result<TableFile<W>> {
        let fields: String = columns.iter().map(field).collect();
        let schema = parse_message_type(&format!("message {name} {{ {fields} }}"))?;
        let remark = KeyValue::new("comment".to_owned(), remark.to_owned());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("quipu ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![remark]))
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        Ok(TableFile { file, columns: columns.iter().map(Values::new).collect(), rows: 0 })
    }

    /// Adds a row, a cell per column.
    pub(super) fn row(&mut self, cells: &[Cell]) -> Result<()> {
        for (values, cell) in self.columns.iter_mut().zip(cells) {
            values.push(cell)?;
        }
        self.rows += 1;
        if self.rows.is_multiple_of(GROUP_ROWS as u64) { self.group() } else { Ok(()) }
    }

    /// Writes what is left, and gives the number of rows.
    pub(super) fn finish(mut self) -> Result<u64> {
        if !self.rows.is_multiple_of(GROUP_ROWS as u64) {
            self.group()?;
        }
        self.file.close()?;
        Ok(self.rows)
    }

    fn group(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        let mut columns = self.columns.iter_mut();
        while let (Some(mut column), Some(values)) = (group.next_column()?, columns.next()) {
            values.write(column.untyped())?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}

impl Values {
    const fn new(column: &Column) -> Values {
        Values {
            kind: column.kind,
            is_nullable: column.nullable,
            levels: Vec::new(),
            numbers: Vec::new(),
            bytes: Vec::new(),
        }
    }

    fn push(&mut self, cell: &Cell) -> Result<()> {
        self.levels.push(i16::from(*cell != Cell::Null));
        match (cell, self.kind) {
            (Cell::Null, _) if self.is_nullable => {}
            (Cell::Int(number), Kind::Int) => self.numbers.push(*number),
            (Cell::Text(text), Kind::Text | Kind::LongText) => {
                self.bytes.push(ByteArray::from(&**text))
            }
            (Cell::Bytes(bytes), Kind::Bytes) => self.bytes.push(ByteArray::from(bytes.clone())),
            _ => {
                return Err(ParquetError::General(format!(
                    "{cell:?} in a column of {:?}",
                    self.kind
                )));
            }
        }
        Ok(())
    }

    /// Writes what was gathered, and begins anew.
    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Result<()> {
        let levels = self.is_nullable.then_some(&self.levels[..]);
        match column {
            ColumnWriter::Int64ColumnWriter(column) => {
                column.write_batch(&self.numbers, levels, None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(column) => {
                column.write_batch(&self.bytes, levels, None)?;
            }
            _ => return Err(ParquetError::General("a column of another type".to_owned())),
        }
        self.levels.clear();
        self.numbers.clear();
        self.bytes.clear();
        Ok(())
    }
}

/// A column in the language of Parquet's schemas. Moments are micros since 1970, UTC.
fn field(column: &Column) -> String {
    // `known_at` is a position.
    let is_moment =
        column.name == "window_start" || column.name.ends_with("_at") && column.name != "known_at";
    let repetition = if column.nullable { "OPTIONAL" } else { "REQUIRED" };
    let (physical, logical) = match column.kind {
        Kind::Int if is_moment => ("INT64", " (TIMESTAMP(MICROS,true))"),
        Kind::Int => ("INT64", ""),
        Kind::Text | Kind::LongText => ("BYTE_ARRAY", " (UTF8)"),
        Kind::Bytes => ("BYTE_ARRAY", ""),
    };
    format!("{repetition} {physical} {}{logical}; ", column.name)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;

    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { name: "position", kind: Kind::Int, nullable: false },
        Column { name: "tenant", kind: Kind::Text, nullable: true },
        Column { name: "recorded_at", kind: Kind::Int, nullable: false },
    ];

    #[test]
    fn what_is_written_in_several_groups_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        let out = std::fs::File::create(&path).unwrap();
        let mut table = TableFile::new(out, "event", &COLUMNS, "a test").unwrap();
        let rows = GROUP_ROWS + 3;
        for number in 0..i64::try_from(rows).unwrap() {
            let tenant = if number % 2 == 0 { Cell::Null } else { Cell::Text("t_åre".into()) };
            table.row(&[Cell::Int(number), tenant, Cell::Int(number * 1_000)]).unwrap();
        }
        assert_eq!(table.finish().unwrap(), rows as u64);

        let file = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(file.num_row_groups(), 2);
        let mut read = 0;
        for (number, row) in (0..).zip(file.get_row_iter(None).unwrap()) {
            let row = row.unwrap();
            assert_eq!(row.get_long(0).unwrap(), number);
            assert_eq!(row.get_string(1).is_ok_and(|tenant| tenant == "t_åre"), number % 2 == 1);
            assert_eq!(row.get_timestamp_micros(2).unwrap(), number * 1_000);
            read += 1;
        }
        assert_eq!(read, rows);
    }

    #[test]
    fn a_cell_that_does_not_fit_its_column_is_refused() {
        let mut table = TableFile::new(Vec::new(), "event", &COLUMNS, "a test").unwrap();
        assert!(table.row(&[Cell::Null, Cell::Null, Cell::Int(1)]).is_err());
    }
}

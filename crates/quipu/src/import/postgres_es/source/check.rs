//! What a table must be, before anything of it is brought over.

use quipu_database::{DatabaseError, Row, quoted_name};

use super::{Source, place, positive, unreadable};
use crate::error::CliError;
use crate::output;

/// How a time must be written, so that PostgreSQL and this program read the same.
const RFC_3339: &str = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$";

impl Source {
    /// Refuses a table whose numbers have gaps or stand twice, and times that are none, before
    /// anything is brought over.
    pub(in crate::import::postgres_es) fn check(&self) -> Result<(), CliError> {
        let table = quoted_name(&self.table);
        let misnumbered = self.query(
            &format!(
                "SELECT aggregate_type, aggregate_id, sequence, expected FROM (
                     SELECT aggregate_type, aggregate_id, sequence, row_number() OVER (
                         PARTITION BY aggregate_type, aggregate_id ORDER BY sequence
                     ) AS expected FROM {table}
                 ) AS numbered WHERE sequence <> expected
                 ORDER BY aggregate_type COLLATE \"C\", aggregate_id COLLATE \"C\", expected LIMIT 1"
            ),
            &[],
        )?;
        if let Some(row) = misnumbered.first() {
            return Err(self
                .misnumbered(row)
                .unwrap_or_else(|error| unreadable(&self.table, &error)));
        }
        let untimely = self.query(
            &format!(
                "SELECT aggregate_type, aggregate_id, sequence, metadata ->> $1::text FROM {table}
                 WHERE metadata ->> $1::text !~ $2::text
                 ORDER BY aggregate_type COLLATE \"C\", aggregate_id COLLATE \"C\", sequence LIMIT 1"
            ),
            &[self.time_key.as_str().into(), RFC_3339.into()],
        )?;
        match untimely.first() {
            None => self.check_time_key(),
            Some(row) => {
                Err(self.untimely(row).unwrap_or_else(|error| unreadable(&self.table, &error)))
            }
        }
    }

    /// Refuses a key that no event has, as one that is misspelled: what is brought over has its
    /// place and its moment for good. Says how many lack it, where others have it.
    fn check_time_key(&self) -> Result<(), CliError> {
        let Source { table, time_key, .. } = self;
        if time_key.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "SELECT count(*), count(*) - count(metadata ->> $1::text) FROM {}",
            quoted_name(table)
        );
        let rows = self.query(&sql, &[time_key.as_str().into()])?;
        let count = |column| {
            let number = rows.first().and_then(|row| row.int(column).ok());
            number.map(positive).unwrap_or_default()
        };
        let (events, lacking) = (count(0), count(1));
        if lacking == 0 {
            return Ok(());
        }
        if lacking == events {
            return Err(CliError::Refused {
                what: format!("table {table}: no event has {time_key:?} in its metadata"),
                hint: "nothing was brought over; name another --time-key, or none".into(),
            });
        }
        output::tell(format_args!(
            "table {table}: {time_key:?} is missing in the metadata of {} of {events}: what lacks it \
             counts from its import on",
            output::count(lacking, "event"),
        ));
        Ok(())
    }

    fn misnumbered(&self, row: &Row) -> Result<CliError, DatabaseError> {
        let (sequence, expected) = (row.int(2)?, row.int(3)?);
        let aggregate = format!("{}/{}", row.text(0)?, row.text(1)?);
        let what = if sequence < expected {
            format!("{aggregate}: number {sequence} stands twice, or is below 1")
        } else {
            format!("{aggregate}: number {expected} is missing; the next one is {sequence}")
        };
        Ok(CliError::Refused {
            what: format!("table {}: {what}", self.table),
            hint: "nothing was brought over; mend the table, or a copy of it, and run it again"
                .into(),
        })
    }

    fn untimely(&self, row: &Row) -> Result<CliError, DatabaseError> {
        let place = place(&format!("{}/{}", row.text(0)?, row.text(1)?), positive(row.int(2)?));
        Ok(CliError::Refused {
            what: format!(
                "table {}: {place}: {:?} is not a time such as 2026-11-20T12:00:00Z",
                self.table,
                row.text(3)?
            ),
            hint: "nothing was brought over; name another --time-key, or none".into(),
        })
    }
}

//! Which column means what, and a row as a usage record.

use clap::Args;
use csv::StringRecord;
use rust_decimal::Decimal;

use super::time;
use crate::csv_file;
use crate::error::CliError;
use crate::usage::{Tokens, UsageRecord};

/// Which column means what.
#[derive(Args, Debug)]
pub(super) struct ColumnArgs {
    /// When it happened. Without an offset: UTC. Digits beyond microseconds are cut off
    #[arg(long, value_name = "COLUMN")]
    at: String,
    /// Tokens sent to the model and not cached
    #[arg(long, value_name = "COLUMN", required_unless_present = "quantity", requires = "output")]
    input: Option<String>,
    /// Tokens sent to the model and found in its cache
    #[arg(long, value_name = "COLUMN", requires = "input")]
    cached_input: Option<String>,
    /// Tokens that the model generated
    #[arg(long, value_name = "COLUMN", requires = "input")]
    output: Option<String>,
    /// How much, for meters that are not priced by token kind
    #[arg(long, value_name = "COLUMN")]
    quantity: Option<String>,
    /// The model of every row
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The model, where rows differ
    #[arg(long, value_name = "COLUMN", conflicts_with = "model")]
    model_column: Option<String>,
    /// The agent of every row
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The agent, where rows differ
    #[arg(long, value_name = "COLUMN", conflicts_with = "agent")]
    agent_column: Option<String>,
}

/// A column that was asked for: its name, and where it is.
#[derive(Clone, Debug)]
struct Column {
    name: String,
    index: usize,
}

/// A value that is the same in all rows, or has a column.
#[derive(Clone, Debug)]
enum Value {
    Fixed(Option<String>),
    Column(Column),
}

/// What is the same in all rows.
pub(super) struct Common {
    pub(super) tenant: String,
    pub(super) meter: String,
    /// What the rows are known by, together with their number.
    pub(super) source: String,
}

/// Where everything stands in a row.
pub(super) struct Columns {
    common: Common,
    at: Column,
    tokens: Option<(Column, Option<Column>, Column)>,
    quantity: Option<Column>,
    model: Value,
    agent: Value,
}

impl Columns {
    /// Finds the columns in the file's first line.
    pub(super) fn find(
        args: &ColumnArgs,
        common: Common,
        headings: &StringRecord,
        file: &str,
    ) -> Result<Columns, CliError> {
        let find = |name: &String| {
            let malformed = |what: String| CliError::Malformed {
                what: format!("{file}:1: {what}"),
                hint: format!(
                    "the columns are: {}",
                    headings.iter().collect::<Vec<_>>().join(", ")
                ),
            };
            let index = csv_file::column(headings, name).map_err(malformed)?;
            let found = index.map(|index| Column { name: name.clone(), index });
            found.ok_or_else(|| malformed(format!("there is no column {name:?}")))
        };
        let find_optional = |name: &Option<String>| name.as_ref().map(find).transpose();
        let value = |column: &Option<String>, fixed: &Option<String>| {
            Ok::<_, CliError>(match find_optional(column)? {
                Some(column) => Value::Column(column),
                None => Value::Fixed(fixed.clone()),
            })
        };
        let cached = find_optional(&args.cached_input)?;
        let tokens = find_optional(&args.input)?.zip(find_optional(&args.output)?);
        Ok(Columns {
            common,
            at: find(&args.at)?,
            tokens: tokens.map(|(input, output)| (input, cached, output)),
            quantity: find_optional(&args.quantity)?,
            model: value(&args.model_column, &args.model)?,
            agent: value(&args.agent_column, &args.agent)?,
        })
    }

    /// A row as a usage record, or what is wrong with it.
    pub(super) fn record(&self, number: u64, row: &StringRecord) -> Result<UsageRecord, String> {
        let tokens = self.tokens.as_ref().map(|(input, cached_input, output)| {
            let cached_input = cached_input.as_ref().map(|column| column.count(row));
            Ok::<_, String>(Tokens {
                input: input.count(row)?,
                cached_input: cached_input.transpose()?.unwrap_or_default(),
                output: output.count(row)?,
            })
        });
        Ok(UsageRecord {
            tenant: self.common.tenant.clone(),
            meter: self.common.meter.clone(),
            quantity: self.quantity.as_ref().map(|column| column.decimal(row)).transpose()?,
            tokens: tokens.transpose()?,
            model: self.model.of(row),
            agent: self.agent.of(row),
            run: None,
            occurred_at: time::parse(self.at.text(row))
                .map_err(|what| self.at.says(&what))?
                .to_string(),
            source: self.common.source.clone(),
            id: number.to_string(),
        })
    }
}

impl Column {
    /// The cell's text. The reader refuses rows of another length than the first.
    fn text<'a>(&self, row: &'a StringRecord) -> &'a str {
        row.get(self.index).unwrap_or_default()
    }

    fn says(&self, what: &str) -> String {
        format!("column {}: {what}", self.name)
    }

    fn count(&self, row: &StringRecord) -> Result<u64, String> {
        let text = self.text(row);
        text.parse().map_err(|_| self.says(&format!("{text:?} is not a whole number of tokens")))
    }

    /// M1: a number is taken as it stands, or not at all.
    fn decimal(&self, row: &StringRecord) -> Result<String, String> {
        let text = self.text(row);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
        let is_decimal = is_plain && Decimal::from_str_exact(text).is_ok();
        is_decimal.then(|| text.to_owned()).ok_or_else(|| {
            self.says(&format!("{text:?} is not a decimal number of 28 digits or fewer"))
        })
    }
}

impl Value {
    fn of(&self, row: &StringRecord) -> Option<String> {
        match self {
            Value::Fixed(value) => value.clone(),
            Value::Column(column) => {
                Some(column.text(row).to_owned()).filter(|text| !text.is_empty())
            }
        }
    }
}

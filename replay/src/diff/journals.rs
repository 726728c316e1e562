//! Two journals, event by event, by their stored bytes.

use std::collections::VecDeque;

use quipu_domain::Position;
use quipu_journal::{BatchRow, Head, Store, codec};
use serde_json::Value;

use super::{EventReference, FieldDifference, JournalEnd, JournalsDiff, Parting};
use crate::report::ReplayError;
use crate::verify::Progress;

/// Some so many events are read at once.
const PAGE_EVENTS: usize = 4_096;

/// Finds the first position at which two journals part. How their events are grouped into rows
/// says nothing: only the events' own bytes are compared.
pub fn journals(
    left: &dyn Store,
    right: &dyn Store,
    progress: &mut dyn FnMut(Progress),
) -> Result<JournalsDiff, ReplayError> {
    let heads = (read(left.head())?, read(right.head())?);
    let head = heads.0.position.max(heads.1.position);
    let mut left = Texts::of(left);
    let mut right = Texts::of(right);
    let mut same_until = Position::ZERO;
    loop {
        let position = same_until.plus(1);
        let parting = match (left.next()?, right.next()?) {
            (None, None) => break,
            (one, other) if one == other => {
                same_until = position;
                if position.0.is_multiple_of(PAGE_EVENTS as u64) {
                    progress(Progress { position, head });
                }
                continue;
            }
            (one, other) => Parting::at(position, one.as_deref(), other.as_deref()),
        };
        return Ok(diff(same_until, heads, Some(parting)));
    }
    Ok(diff(same_until, heads, None))
}

fn diff(same_until: Position, heads: (Head, Head), parting: Option<Parting>) -> JournalsDiff {
    let end = |head: Head| JournalEnd { position: head.position, root: head.root };
    JournalsDiff {
        same: parting.is_none(),
        same_until,
        left: end(heads.0),
        right: end(heads.1),
        parting,
    }
}

fn read<T>(read: Result<T, quipu_journal::JournalError>) -> Result<T, ReplayError> {
    read.map_err(ReplayError::Journal)
}

/// The texts of a journal's events, in order.
struct Texts<'a> {
    store: &'a dyn Store,
    after: Position,
    rows: VecDeque<BatchRow>,
    texts: VecDeque<String>,
}

impl<'a> Texts<'a> {
    fn of(store: &'a dyn Store) -> Texts<'a> {
        Texts { store, after: Position::ZERO, rows: VecDeque::new(), texts: VecDeque::new() }
    }

    fn next(&mut self) -> Result<Option<String>, ReplayError> {
        while self.texts.is_empty() {
            if self.rows.is_empty() {
                self.rows = read(self.store.rows_after(self.after, PAGE_EVENTS))?.into();
            }
            let Some(row) = self.rows.pop_front() else { return Ok(None) };
            self.after = row.last_position;
            let texts = read(codec::texts(&row))?;
            self.texts.extend(texts.map(|(_, text)| text.to_owned()));
        }
        Ok(self.texts.pop_front())
    }
}

impl Parting {
    fn at(position: Position, left: Option<&str>, right: Option<&str>) -> Parting {
        let event = |text: Option<&str>| {
            let recorded = text.and_then(|text| codec::decode(position, text).ok());
            recorded.as_ref().map(EventReference::of)
        };
        let mut fields = Vec::new();
        let what = match (left, right) {
            (Some(left), Some(right)) => {
                different_fields(left, right, &mut fields);
                let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
                match names.as_slice() {
                    [] => "the events say the same in other bytes".to_owned(),
                    names => format!("the events differ in {}", names.join(", ")),
                }
            }
            (Some(_), None) => "the right journal ends here, the left one goes on".to_owned(),
            (None, _) => "the left journal ends here, the right one goes on".to_owned(),
        };
        Parting { position, what, left: event(left), right: event(right), fields }
    }
}

/// The fields in which two events differ, down to the last that is not an object.
fn different_fields(left: &str, right: &str, fields: &mut Vec<FieldDifference>) {
    let parse = |text: &str| serde_json::from_str::<Value>(text);
    if let (Ok(left), Ok(right)) = (parse(left), parse(right)) {
        compare("", Some(&left), Some(&right), fields);
    } else {
        let whole = |text: &str| Some(Value::from(text).to_string());
        let (left, right) = (whole(left), whole(right));
        fields.push(FieldDifference { field: "text".to_owned(), left, right });
    }
}

fn compare(
    path: &str,
    left: Option<&Value>,
    right: Option<&Value>,
    fields: &mut Vec<FieldDifference>,
) {
    if left == right {
        return;
    }
    let (Some(Value::Object(one)), Some(Value::Object(other))) = (left, right) else {
        let text = |value: Option<&Value>| value.map(Value::to_string);
        let (left, right) = (text(left), text(right));
        fields.push(FieldDifference { field: path.to_owned(), left, right });
        return;
    };
    let more = other.keys().filter(|name| !one.contains_key(*name));
    for name in one.keys().chain(more) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        compare(&path, one.get(name), other.get(name), fields);
    }
}

//! Changes of JSON documents: what a document is after them, as text (MySQL source, `sql-common/json_diff.h`).
//!
//! A change replaces, inserts or removes the value at a path. Changes are carried out one after the other, each on what
//! the one before it left. Only the containers on their paths are taken apart, into lists of what they hold; all else is
//! written from the bytes that it was in.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::json::{BROKEN, Shape, Value, Writer, ensure_depth};
use super::json_path::{Step, steps};

const REPLACE: u8 = 0;
const INSERT: u8 = 1;
const REMOVE: u8 = 2;

const NOT_POSSIBLE: &str = "a change that is not possible in the document before it";

/// Appends the text of a document after its changes.
pub(crate) fn write_changed(document: &[u8], changes: &[u8], text: &mut String) -> Result<(), &'static str> {
    let mut root = Node::Whole(Value::of_document(document));
    let mut cursor = Cursor::new(changes);
    while !cursor.is_empty() {
        let change = Change::read(&mut cursor).ok_or("changes of a document that are broken")?;
        root = change.carry_out(root).ok_or(NOT_POSSIBLE)?;
    }
    let mut writer = Writer::new(text, document.len() + changes.len());
    root.write(&mut writer, 0).ok_or(BROKEN)
}

enum Change<'a> {
    Replace(Vec<Step<'a>>, Value<'a>),
    Insert(Vec<Step<'a>>, Value<'a>),
    Remove(Vec<Step<'a>>),
}

impl<'a> Change<'a> {
    /// What is done; the path; but for a removal the value. Path and value stand behind their lengths.
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let operation = cursor.u8()?;
        let path = steps(std::str::from_utf8(cursor.length_encoded_bytes()?).ok()?)?;
        match operation {
            REPLACE => Some(Self::Replace(path, Value::of_document(cursor.length_encoded_bytes()?))),
            INSERT => Some(Self::Insert(path, Value::of_document(cursor.length_encoded_bytes()?))),
            REMOVE => Some(Self::Remove(path)),
            _ => None,
        }
    }

    /// None where the path is not there.
    fn carry_out(self, mut root: Node<'a>) -> Option<Node<'a>> {
        match self {
            Self::Replace(path, value) => *root.at(&path)? = Node::Whole(value),
            Self::Insert(mut path, value) => {
                let last = path.pop()?;
                root.at(&path)?.insert(last, value)?;
            }
            Self::Remove(mut path) => {
                let last = path.pop()?;
                root.at(&path)?.remove(&last)?;
            }
        }
        Some(root)
    }
}

/// A document of which some containers were taken apart.
enum Node<'a> {
    Whole(Value<'a>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    Array(Vec<Node<'a>>),
}

impl<'a> Node<'a> {
    /// What stands at a path.
    fn at(&mut self, path: &[Step<'_>]) -> Option<&mut Self> {
        let mut node = self;
        for step in path {
            node.take_apart()?;
            node = match (node, step) {
                (Self::Object(members), Step::Member(name)) => &mut members.iter_mut().find(|(key, _)| key == name)?.1,
                (Self::Array(elements), step) => {
                    let place = step.place_in(elements.len())?;
                    elements.get_mut(place)?
                }
                // A value is also the one element of itself.
                (node @ Self::Object(_), Step::Element(0) | Step::FromEnd(0)) => node,
                _ => return None,
            };
        }
        Some(node)
    }

    /// None where it is a scalar, or broken.
    fn take_apart(&mut self) -> Option<()> {
        let Self::Whole(value) = self else { return Some(()) };
        *self = match value.shape()? {
            Shape::Array => {
                Self::Array(value.entries()?.map(|entry| Some(Self::Whole(entry?.1))).collect::<Option<_>>()?)
            }
            Shape::Object => {
                let member = |entry: Option<(Option<&'a str>, Value<'a>)>| {
                    let (key, value) = entry?;
                    Some((key?.into(), Self::Whole(value)))
                };
                Self::Object(value.entries()?.map(member).collect::<Option<_>>()?)
            }
        };
        Some(())
    }

    /// Members are ordered by the length of their names, then by their bytes; elements beyond an end go to that end.
    fn insert(&mut self, step: Step<'a>, value: Value<'a>) -> Option<()> {
        self.take_apart()?;
        match (self, step) {
            (Self::Object(members), Step::Member(name)) => {
                let order = |key: &str| (key.len(), key.to_owned());
                let place = members.binary_search_by_key(&order(&name), |(key, _)| order(key)).err()?;
                members.insert(place, (name, Self::Whole(value)));
            }
            (Self::Array(elements), step) => {
                let place = step.place_of_new(elements.len())?;
                elements.insert(place, Self::Whole(value));
            }
            _ => return None,
        }
        Some(())
    }

    fn remove(&mut self, step: &Step<'_>) -> Option<()> {
        self.take_apart()?;
        match (self, step) {
            (Self::Object(members), Step::Member(name)) => {
                let place = members.iter().position(|(key, _)| key == name)?;
                members.remove(place);
            }
            (Self::Array(elements), step) => {
                let place = step.place_in(elements.len())?;
                elements.remove(place);
            }
            _ => return None,
        }
        Some(())
    }

    fn write(&self, writer: &mut Writer<'_>, depth: usize) -> Option<()> {
        let shape = match self {
            Self::Whole(value) => return writer.value(*value, depth),
            Self::Object(_) => Shape::Object,
            Self::Array(_) => Shape::Array,
        };
        ensure_depth(depth)?;
        writer.text.push(shape.opening());
        match self {
            Self::Object(members) => {
                for (index, (key, value)) in members.iter().enumerate() {
                    writer.begin_entry(index, Some(key));
                    value.write(writer, depth + 1)?;
                }
            }
            Self::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    writer.begin_entry(index, None);
                    value.write(writer, depth + 1)?;
                }
            }
            Self::Whole(_) => {}
        }
        writer.text.push(shape.closing());
        writer.ensure_within_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `{"a": [1, null]}`.
    const DOCUMENT: &[u8] = &[0, 1, 0, 22, 0, 11, 0, 1, 0, 2, 12, 0, b'a', 2, 0, 10, 0, 5, 1, 0, 4, 0, 0];

    fn change(operation: u8, path: &str, value: &[u8]) -> Vec<u8> {
        let mut change = vec![operation, path.len() as u8];
        change.extend(path.bytes());
        if operation != REMOVE {
            change.push(value.len() as u8);
            change.extend(value);
        }
        change
    }

    fn changed(changes: &[Vec<u8>]) -> Result<String, &'static str> {
        let mut text = String::new();
        write_changed(DOCUMENT, &changes.concat(), &mut text).map(|()| text)
    }

    const TRUE: &[u8] = &[4, 1];

    #[test]
    fn carries_changes_out_in_order() {
        let replaced = changed(&[change(REPLACE, "$.a[1]", TRUE), change(REMOVE, "$.a[0]", &[])]);
        assert_eq!(replaced.as_deref(), Ok("{\"a\": [true]}"));
        let from_the_end = changed(&[
            change(REPLACE, "$[last].a[last]", TRUE),
            change(INSERT, "$.a[last-9]", TRUE),
            change(REMOVE, "$.a[last-1]", &[]),
        ]);
        assert_eq!(from_the_end.as_deref(), Ok("{\"a\": [true, true]}"));
        let inserted = changed(&[
            change(INSERT, "$.ab", TRUE),
            change(INSERT, "$.\"\"", TRUE),
            change(INSERT, "$.b", DOCUMENT),
            change(INSERT, "$.b.a[9]", TRUE),
            change(INSERT, "$.a[0]", TRUE),
        ]);
        let expected = r#"{"": true, "a": [true, 1, null], "b": {"a": [1, null, true]}, "ab": true}"#;
        assert_eq!(inserted.as_deref(), Ok(expected));
        assert_eq!(changed(&[change(REPLACE, "$", TRUE)]).as_deref(), Ok("true"));
        assert_eq!(changed(&[change(REMOVE, "$.a", &[])]).as_deref(), Ok("{}"));
        let mut text = String::new();
        assert_eq!(write_changed(&[], &[], &mut text).map(|()| &*text), Ok("null"));
        assert_eq!(changed(&[]).as_deref(), Ok("{\"a\": [1, null]}"));
    }

    #[test]
    fn refuses_what_is_not_possible() {
        for change in [
            change(REPLACE, "$.b", TRUE),
            change(REPLACE, "$.a.b", TRUE),
            change(INSERT, "$.a", TRUE),
            change(INSERT, "$", TRUE),
            change(INSERT, "$[0]", TRUE),
            change(REMOVE, "$", &[]),
            change(REMOVE, "$.a[2]", &[]),
            change(REMOVE, "$.a[last-2]", &[]),
            change(REPLACE, "$[last-1].a", TRUE),
            change(REMOVE, "$.a[0].x", &[]),
            change(3, "$.a", &[]),
            vec![REPLACE, 200, b'$'],
        ] {
            assert!(changed(std::slice::from_ref(&change)).is_err(), "{change:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_is_bounded(changes: Vec<u8>, document: Vec<u8>, at in 0usize..60, byte: u8) {
            let good = [change(INSERT, "$.ab", DOCUMENT), change(REPLACE, "$.ab.a[1]", DOCUMENT), change(REMOVE, "$.a", &[])];
            let mut bent = good.concat();
            let at = at % bent.len();
            bent[at] = byte;
            for (document, changes) in [(DOCUMENT, &changes), (&document, &bent), (DOCUMENT, &bent)] {
                let mut text = String::new();
                let _ = write_changed(document, changes, &mut text);
                prop_assert!(text.len() <= 40 * (document.len() + changes.len()) + 256);
            }
        }
    }
}

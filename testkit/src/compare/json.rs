//! One text for each JSON document: keys sorted, no space, numbers by value and never through a float.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::canonical::decimal;

/// The canonical text of a document. Strings are unescaped and escaped again in one way.
pub(super) fn canonical_json(text: &str) -> Result<String> {
    let mut output = String::new();
    write(text, &mut output).with_context(|| format!("not a JSON document: {text}"))?;
    Ok(output)
}

fn write(text: &str, output: &mut String) -> Result<()> {
    let text = text.trim();
    match text.as_bytes().first() {
        Some(b'{') => write_object(serde_json::from_str(text)?, output),
        Some(b'[') => {
            write_array(&Vec::<&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(text))?, output)
        }
        Some(b'"') => {
            output.push_str(&serde_json::to_string(&serde_json::from_str::<String>(text)?)?);
            Ok(())
        }
        Some(b't' | b'f' | b'n') => {
            serde_json::from_str::<Option<bool>>(text)?;
            output.push_str(text);
            Ok(())
        }
        _ => {
            output.push_str(&decimal(text)?);
            Ok(())
        }
    }
}

fn write_object(members: BTreeMap<String, &RawValue>, output: &mut String) -> Result<()> {
    let mut separator = '{';
    for (key, value) in &members {
        output.push(separator);
        output.push_str(&serde_json::to_string(key)?);
        output.push(':');
        write(value.get(), output)?;
        separator = ',';
    }
    output.push_str(if members.is_empty() { "{}" } else { "}" });
    Ok(())
}

fn write_array(elements: &[&RawValue], output: &mut String) -> Result<()> {
    let mut separator = '[';
    for element in elements {
        output.push(separator);
        write(element.get(), output)?;
        separator = ',';
    }
    output.push_str(if elements.is_empty() { "[]" } else { "]" });
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    #[test]
    fn documents_of_one_value_have_one_text() {
        for (left, right) in [
            (r#"{"b": 1, "a": [1, 2.50, {}]}"#, r#"{"a":[1.0,25e-1,{}],"b":1}"#),
            (r#""\u00e9\/""#, "\"é/\""),
            ("1e300", &format!("1{}", "0".repeat(300))),
            ("null", " null "),
            ("[]", "[ ]"),
        ] {
            assert_eq!(canonical_json(left).expect(left), canonical_json(right).expect(right));
        }
    }

    #[test]
    fn other_values_have_another_text() {
        for (left, right) in [
            ("1", "\"1\""),
            ("[1,2]", "[2,1]"),
            ("12345678901234567890.1", "12345678901234567890.2"),
            ("true", "\"true\""),
            ("null", "{}"),
            (r#"{"a":null}"#, "{}"),
        ] {
            assert_ne!(canonical_json(left).expect(left), canonical_json(right).expect(right));
        }
        assert!(canonical_json("{").is_err() && canonical_json("").is_err() && canonical_json("nul").is_err());
    }
}

//! Keys as JSON Schema (<https://json-schema.org/draft-07>: what the TOML language servers understand).

use serde_json::{Map, Value, json};

use super::reference::{Key, Kind, bounds, words};

/// The schema of a whole task file.
pub(super) fn schema(keys: &[Key]) -> Value {
    let mut schema = object(keys, "");
    let head = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Millrace task file",
        "description": "What moves from where to where, and how. Every key: docs/task-file.md",
    });
    if let (Some(schema), Value::Object(head)) = (schema.as_object_mut(), head) {
        schema.extend(head);
    }
    schema
}

/// The keys directly below a path.
fn object(keys: &[Key], path: &str) -> Value {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
    let below = keys.iter().filter_map(|key| {
        let name = key.path.strip_prefix(&prefix)?;
        (!name.contains('.')).then_some((name, key))
    });
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, key) in below {
        properties.insert(name.to_owned(), value(keys, key));
        if key.required {
            required.push(name);
        }
    }
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn value(keys: &[Key], key: &Key) -> Value {
    let mut schema = match key.kind {
        Kind::Table => object(keys, &key.path),
        Kind::Tables => {
            json!({ "type": "array", "minItems": u8::from(key.required), "items": object(keys, &key.path) })
        }
        Kind::Text => text(keys, key),
        Kind::Texts => json!({ "type": "array", "items": text(keys, key) }),
        Kind::Number => number(key),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::TextTable => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::AnyTable => {
            json!({ "type": "object", "additionalProperties": { "type": ["string", "integer", "boolean"] } })
        }
    };
    schema["description"] = description(key).into();
    schema
}

/// A string; of a closed set of words one of these, or one that takes a variable.
fn text(keys: &[Key], key: &Key) -> Value {
    let range = key.range.as_deref().unwrap_or_default();
    // "as `source.tls.mode`"
    let referred = range.strip_prefix("as `").and_then(|rest| rest.split('`').next());
    let range = match referred.and_then(|path| keys.iter().find(|other| other.path == path)) {
        Some(other) => other.range.as_deref().unwrap_or_default(),
        None => range,
    };
    match words(range) {
        Some(words) => json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": "\\$\\{.+\\}" }] }),
        None => json!({ "type": "string" }),
    }
}

fn number(key: &Key) -> Value {
    let mut schema = json!({ "type": "integer" });
    if let Some((least, most)) = key.range.as_deref().and_then(bounds) {
        schema["minimum"] = least.into();
        schema["maximum"] = most.into();
    }
    let default = key.default.as_deref().map(|text| text.replace(',', ""));
    if let Some(default) = default.and_then(|text| text.parse::<i64>().ok()) {
        schema["default"] = default.into();
    }
    schema
}

fn description(key: &Key) -> String {
    let cell = |name: &str, text: &Option<String>| text.as_ref().map(|text| format!("{name}: {text}."));
    let prose = (!key.prose.is_empty()).then(|| key.prose.clone());
    let example = key.example.as_ref().map(|example| format!("Example: {example}"));
    let parts = [prose, cell("Range", &key.range), cell("Default", &key.default), example];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;
    use std::path::Path;

    use millrace_task::{Problem, Surroundings, parse};

    use super::*;
    use crate::schema::REFERENCE;
    use crate::schema::reference::keys;

    fn whole() -> Value {
        schema(&keys(REFERENCE).unwrap())
    }

    /// The object of a schema that is one, or an array of them.
    fn inner(schema: &Value) -> &Value {
        if schema["type"] == "array" { &schema["items"] } else { schema }
    }

    fn keys_of_schema(schema: &Value, prefix: &str, found: &mut BTreeSet<String>) {
        let Some(properties) = inner(schema)["properties"].as_object() else { return };
        for (name, value) in properties {
            let path = format!("{prefix}{name}");
            keys_of_schema(value, &format!("{path}."), found);
            found.insert(path);
        }
    }

    /// Asks the parser itself: an unknown key is refused with the list of those that exist at its place.
    fn keys_of_parser(path: &str, found: &mut BTreeSet<String>) {
        let probe = "unknown_key_of_the_test";
        let text = match path.split_once('.') {
            None if path.is_empty() => format!("{probe} = 1"),
            _ if path == "objects" => format!("[[objects]]\n{probe} = 1"),
            Some(("objects", rest)) => format!("[[objects]]\n{rest} = {{ {probe} = 1 }}"),
            _ => format!("{path} = {{ {probe} = 1 }}"),
        };
        let problem = parse(&text, Path::new("probe.toml"), &Surroundings::none()).unwrap_err().problem;
        let Problem::UnknownKey { accepted, .. } = problem else { return };
        for key in accepted {
            let path = if path.is_empty() { key } else { format!("{path}.{key}") };
            keys_of_parser(&path, found);
            found.insert(path);
        }
    }

    #[test]
    fn the_schema_has_the_keys_of_the_parser() {
        let (mut of_schema, mut of_parser) = (BTreeSet::new(), BTreeSet::new());
        keys_of_schema(&whole(), "", &mut of_schema);
        keys_of_parser("", &mut of_parser);
        assert!(of_parser.contains("source.tls.mode"), "{of_parser:?}");
        assert_eq!(of_schema, of_parser);
    }

    #[test]
    fn types_ranges_and_words_are_there() {
        let schema = whole();
        let properties = &schema["properties"];
        assert_eq!(schema["required"], json!(["name", "source", "destination", "objects"]));
        assert_eq!(properties["full"]["properties"]["chunk_rows"]["maximum"], 1_000_000);
        assert_eq!(properties["log"]["properties"]["partitions"]["default"], 8);
        assert_eq!(properties["phases"]["items"]["anyOf"][0]["enum"], json!(["schema", "full", "incremental"]));
        for side in ["source", "destination"] {
            let mode = &properties[side]["properties"]["tls"]["properties"]["mode"];
            assert_eq!(mode["anyOf"][0]["enum"], json!(["disabled", "required", "verify-ca", "verify-full"]), "{side}");
        }
        assert_eq!(properties["objects"]["items"]["required"], json!(["table"]));
    }

    /// A small judge of what the schema uses: types, enums, patterns are looked at, nothing else.
    fn ensure_fits(schema: &Value, value: &toml::Value, path: &str) {
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => vec!["string"],
        };
        let found = match value {
            toml::Value::Table(_) => "object",
            toml::Value::Array(_) => "array",
            toml::Value::Integer(_) => "integer",
            toml::Value::Boolean(_) => "boolean",
            _ => "string",
        };
        assert!(kinds.contains(&found), "{path} is {found}, the schema says {kinds:?}");
        if let Some(words) = schema["anyOf"][0]["enum"].as_array() {
            assert!(words.iter().any(|word| word.as_str() == value.as_str()), "{path}");
        }
        for (key, inside) in value.as_table().into_iter().flatten() {
            let below = &schema["properties"][key];
            let below = if below.is_null() { &schema["additionalProperties"] } else { below };
            assert!(below.is_object(), "the schema has no \"{path}.{key}\"");
            ensure_fits(below, inside, &format!("{path}.{key}"));
        }
        value.as_array().into_iter().flatten().for_each(|item| ensure_fits(&schema["items"], item, path));
    }

    #[test]
    fn the_shop_example_fits() {
        let example: toml::Value = toml::from_str(include_str!("../../../deploy/examples/shop.toml")).unwrap();
        ensure_fits(&whole(), &example, "");
    }
}

//! The list: a group for each message and enum, a line for each member and reserved range.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Everything that is published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct List {
    /// The version of the format; 0 where nothing was recorded.
    pub(crate) format: u32,
    /// By heading: `message a.b.C` or `enum a.b.C`.
    pub(crate) groups: BTreeMap<String, Group>,
}

/// A message or an enum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Group {
    /// Name, label and type, by number.
    pub(crate) members: BTreeMap<i32, BTreeSet<String>>,
    /// Numbers that nobody may use, first and last.
    pub(crate) reserved_numbers: BTreeSet<(i32, i32)>,
    /// Names that nobody may use.
    pub(crate) reserved_names: BTreeSet<String>,
}

impl List {
    /// The list of these files.
    pub(crate) fn of(format: u32, files: &FileDescriptorSet) -> Self {
        let mut list = Self { format, groups: BTreeMap::new() };
        for file in &files.file {
            let package = file.package().to_owned();
            file.message_type.iter().for_each(|message| list.add_message(&package, message));
            file.enum_type.iter().for_each(|values| list.add_enum(&package, values));
        }
        list
    }

    fn add_message(&mut self, outer: &str, message: &DescriptorProto) {
        let name = format!("{outer}.{}", message.name());
        let mut group = Group::default();
        for field in &message.field {
            group.members.entry(field.number()).or_default().insert(field_text(message, field));
        }
        // The end of a message's range is the number after it.
        group.reserved_numbers = message.reserved_range.iter().map(|range| (range.start(), range.end() - 1)).collect();
        group.reserved_names = message.reserved_name.iter().cloned().collect();
        message.nested_type.iter().for_each(|inner| self.add_message(&name, inner));
        message.enum_type.iter().for_each(|inner| self.add_enum(&name, inner));
        self.groups.insert(format!("message {name}"), group);
    }

    fn add_enum(&mut self, outer: &str, values: &EnumDescriptorProto) {
        let mut group = Group::default();
        for value in &values.value {
            group.members.entry(value.number()).or_default().insert(value.name().to_owned());
        }
        // The end of an enum's range belongs to it.
        group.reserved_numbers = values.reserved_range.iter().map(|range| (range.start(), range.end())).collect();
        group.reserved_names = values.reserved_name.iter().cloned().collect();
        self.groups.insert(format!("enum {outer}.{}", values.name()), group);
    }

    /// Reads what `Display` wrote.
    pub(crate) fn parse(text: &str) -> Self {
        let mut list = Self::default();
        let mut heading = String::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let Some(member) = line.strip_prefix("  ") else {
                match line.strip_prefix("format ") {
                    Some(format) => list.format = format.parse().unwrap(),
                    None => {
                        heading = line.to_owned();
                        assert!(
                            list.groups.insert(heading.clone(), Group::default()).is_none(),
                            "{line} is there twice"
                        );
                    }
                }
                continue;
            };
            list.groups.get_mut(&heading).unwrap().parse(member);
        }
        list
    }
}

impl Group {
    fn parse(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("reserved \"") {
            self.reserved_names.insert(name.strip_suffix('"').unwrap().to_owned());
        } else if let Some(range) = line.strip_prefix("reserved ") {
            let (first, last) = range.split_once(" to ").unwrap();
            self.reserved_numbers.insert((first.parse().unwrap(), last.parse().unwrap()));
        } else {
            let (number, text) = line.split_once(' ').unwrap();
            self.members.entry(number.parse().unwrap()).or_default().insert(text.to_owned());
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# What readers of the topics rely on; see tests/descriptor/main.rs.\nformat {}", self.format)?;
        for (heading, group) in &self.groups {
            writeln!(f, "\n{heading}")?;
            for (number, texts) in &group.members {
                texts.iter().try_for_each(|text| writeln!(f, "  {number} {text}"))?;
            }
            for (first, last) in &group.reserved_numbers {
                writeln!(f, "  reserved {first} to {last}")?;
            }
            for name in &group.reserved_names {
                writeln!(f, "  reserved \"{name}\"")?;
            }
        }
        Ok(())
    }
}

/// `name: label type`, and the oneof that it belongs to.
fn field_text(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let label = match (field.label(), field.proto3_optional()) {
        (Label::Repeated, _) => "repeated ",
        (Label::Required, _) => "required ",
        (Label::Optional, true) => "optional ",
        (Label::Optional, false) => "",
    };
    let ty = match field.r#type() {
        Type::Message | Type::Enum | Type::Group => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    let choice = match field.oneof_index {
        Some(index) if !field.proto3_optional() => {
            format!(" (one of {})", message.oneof_decl[usize::try_from(index).unwrap()].name())
        }
        _ => String::new(),
    };
    format!("{}: {label}{ty}{choice}", field.name())
}

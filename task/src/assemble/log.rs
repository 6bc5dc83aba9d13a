//! `[log]`.

use std::collections::BTreeMap;

use secrecy::SecretString;
use toml::Spanned;

use crate::error::{Problem, TaskError};
use crate::expansion::Text;
use crate::file::{LogTable, OptionValue};
use crate::kafka::{Kafka, Log, Transport, is_broker_list, is_reserved};
use crate::reader::{Number, Reader};

type Options = BTreeMap<Spanned<String>, Spanned<OptionValue>>;

pub(super) fn log(reader: &Reader<'_>, table: Option<&LogTable>) -> Result<Log, TaskError> {
    let partitions = Number { range: 1..=1024, default: 8, unit: "partitions" };
    let partitions = reader.number("log.partitions", table.and_then(|table| table.partitions.as_ref()), partitions)?;
    let transport = match table {
        None => Transport::InProcess,
        Some(table) => transport(reader, table)?,
    };
    Ok(Log { partitions, transport })
}

fn transport(reader: &Reader<'_>, table: &LogTable) -> Result<Transport, TaskError> {
    let Some(kafka) = &table.kafka else {
        let Some(option) = table.options.iter().flatten().next() else { return Ok(Transport::InProcess) };
        let message = "options for kafka without \"log.kafka\"";
        return Err(reader.contradiction(&option.0.span(), "log.options", message, "add kafka = \"HOST:9092\""));
    };
    let brokers = reader.text("log.kafka", kafka)?;
    if !is_broker_list(&brokers) {
        let message = "the brokers are not of the form host:port, comma-separated";
        return Err(reader.value(kafka, "log.kafka", message, "write for example \"kafka-1:9092,kafka-2:9092\""));
    }
    let options = table.options.as_ref().map_or(Ok(BTreeMap::new()), |options| kafka_options(reader, options))?;
    Ok(Transport::Kafka(Kafka { brokers, options }))
}

fn kafka_options(reader: &Reader<'_>, options: &Options) -> Result<BTreeMap<String, SecretString>, TaskError> {
    options
        .iter()
        .map(|(name, value)| {
            let key = format!("log.options.{}", name.get_ref());
            if is_reserved(name.get_ref()) {
                let message = "this option is set by millrace itself".to_owned();
                let hint = "leave it out: what millrace guarantees rests on its value".to_owned();
                return Err(reader.document.error(&name.span(), key, Problem::Contradiction { message, hint }));
            }
            let text = match value.get_ref() {
                OptionValue::Text(text) => reader.text(&key, &Text::new(value.span(), text.clone()))?,
                OptionValue::Number(number) => number.to_string(),
                OptionValue::Boolean(boolean) => boolean.to_string(),
            };
            Ok((name.get_ref().clone(), SecretString::from(text)))
        })
        .collect()
}

//! What can go wrong with the log, what may be done about it, and how librdkafka's codes are sorted: in one place.

use millrace_model::{ErrorClass, Failure, TlsFault};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// A failure of the log. Holds names, offsets and the broker's words; never a payload or the value of an option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// An option of the task file that the guarantees rest on, or that librdkafka does not take.
    #[error("kafka option \"{name}\" cannot be set: {reason}")]
    Option {
        /// The option's name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// No broker answered.
    #[error("kafka at \"{brokers}\" did not answer: {reason}")]
    Unreachable {
        /// The addresses that were tried.
        brokers: String,
        /// What the client last heard.
        reason: String,
    },
    /// No encrypted connection could be made.
    #[error("no TLS connection to kafka at \"{brokers}\": {}", TlsFault::of(reason).explain(reason))]
    Tls {
        /// The addresses that were tried.
        brokers: String,
        /// OpenSSL's words.
        reason: String,
    },
    /// The brokers speak TLS where plain text was tried.
    #[error("kafka at \"{broker}\" speaks TLS, and log.options does not ask for it")]
    Encrypted {
        /// The address that was looked at.
        broker: String,
    },
    /// The broker refused the credentials.
    #[error("kafka at \"{brokers}\" refused the credentials: {reason}")]
    Authentication {
        /// The addresses that were tried.
        brokers: String,
        /// The broker's words.
        reason: String,
    },
    /// The account may not do this.
    #[error("kafka does not allow this account to {action} \"{object}\": {reason}")]
    Authorization {
        /// What was tried.
        action: &'static str,
        /// The topic, group or transactional id.
        object: String,
        /// The broker's words.
        reason: String,
    },
    /// A topic is not there.
    #[error("topic \"{topic}\" does not exist")]
    TopicMissing {
        /// Its name.
        topic: String,
    },
    /// A topic has another number of partitions than the task.
    #[error("topic \"{topic}\" has {found} partitions, the task needs {wanted}")]
    PartitionCount {
        /// Its name.
        topic: String,
        /// Partitions that it has.
        found: u32,
        /// Partitions that it must have.
        wanted: u32,
    },
    /// An existing topic has a setting with which rows or state would be lost.
    #[error("topic \"{topic}\" has \"{setting}\" = \"{found}\", the task needs \"{wanted}\"")]
    TopicSetting {
        /// Its name.
        topic: String,
        /// The setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// A newer capture took over, or the broker gave the transaction up: look at the newest claim to know which.
    #[error("the writer \"{transactional_id}\" was fenced: another one took its place or its transaction timed out")]
    Fenced {
        /// `<task>.capture`.
        transactional_id: String,
    },
    /// A message is larger than the topic takes.
    #[error("a message is larger than topic \"{topic}\" takes")]
    MessageTooLarge {
        /// The topic.
        topic: String,
    },
    /// The wanted offset is no longer, or not yet, in the log.
    #[error(
        "offset {wanted} of topic \"{topic}\" partition {partition} is not in the log, which has {earliest} up to {end}"
    )]
    OffsetOutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The offset that was to be read next.
        wanted: i64,
        /// The first offset that is still there.
        earliest: i64,
        /// The offset after the last.
        end: i64,
    },
    /// The broker refused an offset though it lies in the retained range (a log cut by an unclean election).
    #[error("topic \"{topic}\" does not continue where it was read: {reason}")]
    OffsetRefused {
        /// The topic.
        topic: String,
        /// The broker's words.
        reason: String,
    },
    /// A transaction that nobody ends keeps readers back.
    #[error(
        "topic \"{topic}\" partition {partition} has had an open transaction at offset {offset} for {seconds} seconds"
    )]
    HangingTransaction {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The last stable offset: where the open transaction begins.
        offset: i64,
        /// For how long the last stable offset has not moved.
        seconds: u64,
    },
    /// The claim that a writer committed did not come back from the state topic.
    #[error("the claim written to topic \"{topic}\" did not become visible within {seconds} seconds")]
    ClaimNotVisible {
        /// The state topic.
        topic: String,
        /// The limit.
        seconds: u64,
    },
    /// A schema that rows name is not in the schemas topic.
    #[error("schema \"{key}\" did not appear in topic \"{topic}\" within {seconds} seconds")]
    SchemaMissing {
        /// The schemas topic.
        topic: String,
        /// The key.
        key: String,
        /// The limit.
        seconds: u64,
    },
    /// A key that the log keeps for itself.
    #[error("state key \"{key}\" is reserved")]
    ReservedKey {
        /// The key.
        key: String,
    },
    /// A read or a flush took longer than it may.
    #[error("could not {action} \"{object}\" within {seconds} seconds")]
    TimedOut {
        /// What was tried.
        action: &'static str,
        /// The topic or group.
        object: String,
        /// The limit.
        seconds: u64,
    },
    /// A message was damaged on its way.
    #[error("topic \"{topic}\" gave a damaged message: {reason}")]
    Damaged {
        /// The topic.
        topic: String,
        /// librdkafka's words.
        reason: String,
    },
    /// Anything else that Kafka says.
    #[error("could not {action} \"{object}\": {reason}")]
    Kafka {
        /// What was tried.
        action: &'static str,
        /// The topic, group or transactional id.
        object: String,
        /// Kafka's words.
        reason: String,
        /// Whether trying again may help.
        class: ErrorClass,
    },
    /// A part of the log's client ended while it was in use.
    #[error("the log's {what} has ended")]
    Ended {
        /// Which part.
        what: &'static str,
    },
}

impl LogError {
    /// What can be done about it. [`LogError::Fenced`] is fatal for the writer; capture looks at the newest claim first.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::ClaimNotVisible { .. } => ErrorClass::Connection,
            // What was damaged on its way is right when it is read again; what is damaged on the broker's disk stays so.
            Self::Damaged { .. } => ErrorClass::Statement,
            Self::Kafka { class, .. } => *class,
            Self::Option { .. }
            | Self::Tls { .. }
            | Self::Encrypted { .. }
            | Self::Authentication { .. }
            | Self::Authorization { .. }
            | Self::TopicMissing { .. }
            | Self::PartitionCount { .. }
            | Self::TopicSetting { .. }
            | Self::Fenced { .. }
            | Self::MessageTooLarge { .. }
            | Self::OffsetOutOfRange { .. }
            | Self::OffsetRefused { .. }
            | Self::HangingTransaction { .. }
            | Self::SchemaMissing { .. }
            | Self::ReservedKey { .. }
            | Self::Ended { .. } => ErrorClass::Fatal,
        }
    }

    /// How to mend it; empty where the message says all.
    pub fn hint(&self) -> String {
        match self {
            Self::Option { .. } => "remove it from log.options, or correct it".into(),
            Self::Unreachable { .. } => {
                "check that the brokers run, that log.kafka and the security.protocol of log.options are right, and that the \
                 addresses they advertise can be reached from here"
                    .into()
            }
            Self::Tls { reason, .. } => tls_hint(TlsFault::of(reason)).into(),
            Self::Encrypted { .. } => {
                "set \"security.protocol\" in log.options: \"SSL\", or \"SASL_SSL\" where brokers want a password".into()
            }
            Self::Authentication { .. } => {
                "check sasl.mechanism, the user and its password, or the certificates".into()
            }
            Self::Authorization { action, object, .. } => {
                format!(
                    "grant this account the right to {action} \"{object}\" (an acl prefixed with the task's name does)"
                )
            }
            Self::TopicMissing { topic } => format!(
                "if the task has run before, its log is lost: start it anew under another name; otherwise let capture \
                 create \"{topic}\" first"
            ),
            Self::PartitionCount { .. } => {
                "the number cannot change while the task runs: set log.partitions to what the topic has, or use another task name".into()
            }
            Self::TopicSetting { topic, setting, wanted, .. } => {
                format!("alter topic \"{topic}\" so that \"{setting}\" is \"{wanted}\"")
            }
            Self::Fenced { .. } => "stop the other capture of this task, or let this one stand by".into(),
            Self::MessageTooLarge { topic } => {
                format!(
                    "raise max.message.bytes of topic \"{topic}\", or message.max.bytes of the broker or in log.options"
                )
            }
            Self::OffsetOutOfRange { .. } | Self::OffsetRefused { .. } | Self::HangingTransaction { .. } => {
                self.offset_hint()
            }
            Self::ClaimNotVisible { topic, .. } => {
                format!("look for an open transaction: kafka-transactions.sh ... find-hanging --topic {topic}")
            }
            Self::SchemaMissing { .. } => {
                "the schemas topic is not the one that the rows were written with: was it deleted, or is its \
                 cleanup.policy not compact?"
                    .into()
            }
            Self::Damaged { .. } => {
                "if it comes again and again: check the network, and the broker's disk, where nobody could read the message"
                    .into()
            }
            Self::TimedOut { .. } | Self::Kafka { .. } => "look at the brokers' logs".into(),
            Self::ReservedKey { .. } | Self::Ended { .. } => String::new(),
        }
    }

    fn offset_hint(&self) -> String {
        match self {
            Self::OffsetOutOfRange { wanted, earliest, .. } if wanted < earliest => {
                "retention deleted rows before they were read: start the task anew, with a longer retention.ms".into()
            }
            Self::OffsetOutOfRange { .. } => {
                "the topic was deleted and made again, or lost its end: start the task anew under another name".into()
            }
            Self::OffsetRefused { .. } => {
                "committed messages were lost in an unclean leader election: start the task anew, and set \
                 unclean.leader.election.enable = false"
                    .into()
            }
            Self::HangingTransaction { topic, partition, offset, .. } => format!(
                "see it with: kafka-transactions.sh --bootstrap-server ... describe-producers --topic {topic} --partition \
                 {partition}; end it with: kafka-transactions.sh --bootstrap-server ... abort --topic {topic} \
                 --partition {partition} --start-offset {offset}"
            ),
            _ => String::new(),
        }
    }
}

/// How to mend an encrypted connection, in the names of librdkafka's options.
fn tls_hint(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::Expired => "renew the broker's certificate, and check this machine's clock",
        TlsFault::NotYetValid => "check this machine's clock and the certificate's dates",
        TlsFault::OtherName => "use broker names in log.kafka and advertised.listeners that their certificates name",
        TlsFault::Unverified => {
            "see which with: openssl s_client -connect HOST:PORT -verify_hostname HOST -CAfile FILE; FILE is \
             \"ssl.ca.location\" in log.options, and HOST what log.kafka and the brokers' advertised.listeners name"
        }
        TlsFault::UnknownAuthority => {
            "name the file of the authority that signed the brokers' certificates: \"ssl.ca.location\" in log.options"
        }
        TlsFault::ClientCertificate => {
            "give a certificate that the brokers trust: \"ssl.certificate.location\" and \"ssl.key.location\" in \
             log.options"
        }
        TlsFault::NoEncryption | TlsFault::File | TlsFault::Other => {
            "check \"security.protocol\" and the files of the ssl options in log.options"
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Failure { class: error.class(), message: error.to_string(), hint: error.hint() }
    }
}

/// What a client was doing, for the message of an error.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The addresses.
    pub(crate) brokers: String,
    /// What is done: completes "could not ... <object>".
    pub(crate) action: &'static str,
    /// The topic, group or transactional id.
    pub(crate) object: String,
}

impl Place {
    /// A place of its parts.
    pub(crate) fn new(brokers: &str, action: &'static str, object: &str) -> Self {
        Self { brokers: brokers.to_owned(), action, object: object.to_owned() }
    }

    /// The same client doing something else.
    pub(crate) fn doing(&self, action: &'static str) -> Self {
        Self { action, ..self.clone() }
    }

    /// A [`LogError::TimedOut`] here.
    pub(crate) fn timed_out(&self, limit: std::time::Duration) -> LogError {
        LogError::TimedOut { action: self.action, object: self.object.clone(), seconds: limit.as_secs() }
    }

    /// Sorts an error of rdkafka.
    pub(crate) fn error(&self, error: &KafkaError) -> LogError {
        if let KafkaError::ClientConfig(_, reason, name, value) = error {
            // librdkafka quotes the value, which may be a secret in the wrong place.
            let reason = if value.is_empty() { reason.clone() } else { reason.replace(value.as_str(), "...") };
            return LogError::Option { name: name.clone(), reason };
        }
        let code = match error {
            // The library does not give the code of these by its own function.
            KafkaError::AdminOp(code) => Some(*code),
            other => other.rdkafka_error_code(),
        };
        match code {
            Some(code) => self.code(code, &code.to_string()),
            None => self.other(error.to_string(), ErrorClass::Fatal),
        }
    }

    /// Sorts a code of librdkafka or of the broker, with the words that came with it.
    pub(crate) fn code(&self, code: Code, reason: &str) -> LogError {
        let (brokers, object, reason) = (self.brokers.clone(), self.object.clone(), reason.to_owned());
        match code {
            Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => {
                LogError::Fenced { transactional_id: object }
            }
            Code::SSL => LogError::Tls { brokers, reason },
            Code::Authentication | Code::SaslAuthenticationFailed => LogError::Authentication { brokers, reason },
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed => {
                LogError::Authorization { action: self.action, object, reason }
            }
            Code::MessageSizeTooLarge => LogError::MessageTooLarge { topic: object },
            Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition => {
                LogError::TopicMissing { topic: object }
            }
            Code::BadMessage | Code::BadCompression | Code::InvalidMessage | Code::InvalidMessageSize => {
                LogError::Damaged { topic: object, reason }
            }
            code if is_outage(code) => LogError::Unreachable { brokers, reason },
            Code::PolicyViolation
            | Code::InvalidConfig
            | Code::InvalidTopic
            | Code::InvalidPartitions
            | Code::InvalidReplicationFactor
            | Code::InvalidTransactionTimeout
            | Code::UnsupportedVersion
            | Code::UnsupportedFeature
            | Code::UnsupportedForMessageFormat => self.other(reason, ErrorClass::Fatal),
            _ => self.other(reason, ErrorClass::Statement),
        }
    }

    /// An error without a variant of its own.
    pub(crate) fn other(&self, reason: String, class: ErrorClass) -> LogError {
        LogError::Kafka { action: self.action, object: self.object.clone(), reason, class }
    }
}

/// Codes that only say that a broker cannot be reached now; clients go on trying by themselves.
pub(crate) fn is_outage(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::BrokerNotAvailable
            | Code::NetworkException
            | Code::NodeUpdate
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_one_wherever_it_shows() {
        let place = Place::new("127.0.0.1:1", "read the settings of topic", "shop.state");
        let code = Code::BrokerTransportFailure;
        for error in [KafkaError::AdminOp(code), KafkaError::MetadataFetch(code)] {
            let sorted = place.error(&error);
            assert_eq!(sorted.class(), ErrorClass::Connection, "{sorted}");
        }
    }
}

//! What can be wrong with a stream. All of it is fatal: a log that breaks its own rules is never read on.

use millrace_model::{ErrorClass, Failure};
use thiserror::Error;

/// A broken rule of the protocol.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ProtocolError {
    /// Entries are missing.
    #[error("partition {partition} continues at sequence {found}, but {expected} was expected: messages are missing")]
    Gap {
        /// Partition of the log.
        partition: u32,
        /// The next sequence.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Entries came again where each must come once.
    #[error("partition {partition} goes back to sequence {found}, but {expected} was expected")]
    StepBack {
        /// Partition of the log.
        partition: u32,
        /// The next sequence.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// A message whose entries do not fit its own range.
    #[error("a message of partition {partition} holds sequence {found} outside of its range {first}..{last}")]
    OutsideRange {
        /// Partition of the log.
        partition: u32,
        /// First of the range.
        first: u64,
        /// Last of the range.
        last: u64,
        /// The entry's sequence.
        found: u64,
    },
    /// The transaction read again is not the one that was partly published.
    #[error("transaction {name} differs from what was published of it: after {images} row images")]
    PartialDiffers {
        /// GTID or place.
        name: String,
        /// Images compared.
        images: u64,
    },
    /// The transaction that was partly published did not come again.
    #[error("expected the rest of transaction \"{expected}\", but the source sent \"{found}\"")]
    PartialMissing {
        /// GTID or place of the one that is partly out.
        expected: String,
        /// What came.
        found: String,
    },
    /// A table that exists is created.
    #[error("the source created table \"{0}\", which the task already has")]
    TableExists(String),
    /// A row or change of a table that the task does not have.
    #[error("the source changed table \"{0}\", which the task does not know at this position")]
    TableUnknown(String),
    /// Partitions disagree about a watermark.
    #[error("partition {partition} has watermark {found} after {previous}")]
    WatermarkOrder {
        /// Partition of the log.
        partition: u32,
        /// The watermark before.
        previous: u64,
        /// What came.
        found: u64,
    },
}

impl ProtocolError {
    /// Always [`ErrorClass::Fatal`].
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Fatal
    }

    /// How to mend it.
    pub fn hint(&self) -> String {
        match self {
            Self::Gap { .. } | Self::StepBack { .. } | Self::OutsideRange { .. } | Self::WatermarkOrder { .. } => {
                "the topic was changed from outside or its retention removed messages that were not read yet; \
                 start the task anew under another name, or restore the topic"
                    .into()
            }
            Self::PartialDiffers { .. } | Self::PartialMissing { .. } => {
                "the source's binlog is not the one that was read before; begin the task anew".into()
            }
            Self::TableExists(_) | Self::TableUnknown(_) => {
                "the schema was changed while the task read it for the first time; begin the task anew".into()
            }
        }
    }
}

impl From<ProtocolError> for Failure {
    fn from(error: ProtocolError) -> Self {
        Failure::fatal(error.to_string(), error.hint())
    }
}

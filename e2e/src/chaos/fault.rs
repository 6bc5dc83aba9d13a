//! What can fail, and how often it is chosen.

use millrace_testkit::{Random, Server};

use crate::case::Way;

/// Something that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// SIGKILL to one stage; it is started again.
    StageKilled,
    /// SIGKILL to all of them.
    AllStagesKilled,
    /// SIGSTOP, and a while later SIGCONT.
    StageStoodStill,
    /// SIGTERM; it is started again.
    StageStopped,
    /// SIGKILL, in PostgreSQL an immediate shutdown; down for a while.
    SourceKilled,
    /// As `SourceKilled`.
    BrokerKilled,
    /// As `SourceKilled`.
    DestinationCrashed,
    /// An orderly end, and a start.
    SourceRestarted,
    /// As `SourceRestarted`.
    BrokerRestarted,
    /// As `SourceRestarted`.
    DestinationRestarted,
    /// SIGSTOP, and a while later SIGCONT.
    BrokerStoodStill,
    /// The sessions of the stages are ended by the server.
    SourceSessionsEnded,
    /// As `SourceSessionsEnded`.
    DestinationSessionsEnded,
    /// Somebody holds a table of the destination.
    DestinationTableLocked,
    /// FLUSH BINARY LOGS.
    BinlogRotated,
    /// All connections are reset.
    SourceConnectionsCut,
    /// As `SourceConnectionsCut`.
    BrokerConnectionsCut,
    /// As `SourceConnectionsCut`.
    DestinationConnectionsCut,
    /// Nothing arrives for a while, and nobody is told.
    SourceConnectionsStalled,
    /// As `SourceConnectionsStalled`.
    BrokerConnectionsStalled,
    /// As `SourceConnectionsStalled`.
    DestinationConnectionsStalled,
}

/// Each with its weight.
const WEIGHTS: [(Fault, u64); 21] = [
    (Fault::StageKilled, 12),
    (Fault::AllStagesKilled, 2),
    (Fault::StageStoodStill, 6),
    (Fault::StageStopped, 4),
    (Fault::SourceKilled, 1),
    (Fault::BrokerKilled, 2),
    (Fault::DestinationCrashed, 2),
    (Fault::SourceRestarted, 1),
    (Fault::BrokerRestarted, 1),
    (Fault::DestinationRestarted, 2),
    (Fault::BrokerStoodStill, 2),
    (Fault::SourceSessionsEnded, 3),
    (Fault::DestinationSessionsEnded, 4),
    (Fault::DestinationTableLocked, 3),
    (Fault::BinlogRotated, 3),
    (Fault::SourceConnectionsCut, 4),
    (Fault::BrokerConnectionsCut, 4),
    (Fault::DestinationConnectionsCut, 4),
    (Fault::SourceConnectionsStalled, 2),
    (Fault::BrokerConnectionsStalled, 2),
    (Fault::DestinationConnectionsStalled, 2),
];

impl Fault {
    /// One that can happen there.
    pub(super) fn choose(random: &mut Random, way: Way) -> Self {
        let possible =
            || WEIGHTS.iter().filter(|(fault, _)| way == Way::Staged || fault.server() != Some(Server::Kafka));
        let mut left = random.below(possible().map(|(_, weight)| weight).sum());
        for (fault, weight) in possible() {
            if left < *weight {
                return *fault;
            }
            left -= weight;
        }
        Self::StageKilled
    }

    /// The server that it concerns.
    pub(super) fn server(self) -> Option<Server> {
        match self {
            Self::StageKilled | Self::AllStagesKilled | Self::StageStoodStill | Self::StageStopped => None,
            Self::SourceKilled
            | Self::SourceRestarted
            | Self::SourceSessionsEnded
            | Self::BinlogRotated
            | Self::SourceConnectionsCut
            | Self::SourceConnectionsStalled => Some(Server::Mysql),
            Self::BrokerKilled
            | Self::BrokerRestarted
            | Self::BrokerStoodStill
            | Self::BrokerConnectionsCut
            | Self::BrokerConnectionsStalled => Some(Server::Kafka),
            Self::DestinationCrashed
            | Self::DestinationRestarted
            | Self::DestinationSessionsEnded
            | Self::DestinationTableLocked
            | Self::DestinationConnectionsCut
            | Self::DestinationConnectionsStalled => Some(Server::Postgres),
        }
    }
}

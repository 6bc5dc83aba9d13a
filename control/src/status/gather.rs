//! Asks everybody at once; whoever does not answer in time is said not to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use millrace_adbpg::Connection;
use millrace_apply::destination_options;
use millrace_capture::source_options;
use millrace_model::Failure;
use millrace_mysql::server::read_binlogs;
use millrace_mysql::{ServerFacts, Session};
use millrace_service::{StageName, ask};
use millrace_task::{Phase, Task, Transport};
use serde_json::Value;

use super::binlogs::Binlogs;
use super::report::{DestinationReport, Parts, Report, StageReport};
use crate::text::shell_word;

/// Longest time for a server's answer.
const LIMIT: Duration = Duration::from_secs(5);

const STAGES: [StageName; 3] = [StageName::Capture, StageName::Transform, StageName::Apply];

/// Looks at the task of a file once; `more` are further addresses of stages.
pub(super) async fn gather(task: &Task, file: &Path, more: &[String]) -> Report {
    let (stages, destination, binlogs) =
        futures_util::join!(ask_stages(task, more), ask_destination(task), ask_source(task));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Report::of(Parts {
        task: task.name.to_string(),
        environment: task.environment.as_ref().map(ToString::to_string),
        start: match task.log.transport {
            Transport::InProcess => format!("millrace run {}", shell_word(file)),
            Transport::Kafka(_) => {
                format!("millrace-capture, millrace-transform and millrace-apply --task {}", shell_word(file))
            }
        },
        partitions: partitions(task),
        stages,
        destination,
        binlogs,
        now: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
    })
}

/// The partitions of its log.
pub(super) fn partitions(task: &Task) -> u32 {
    match task.log.transport {
        Transport::InProcess => 1,
        Transport::Kafka(_) => task.log.partitions,
    }
}

/// Where a stage of the task file is asked; none where the port is picked at its start.
fn address_of(stage: StageName, task: &Task) -> Option<String> {
    let address = stage.http_address(task);
    if address.port() == 0 {
        return None;
    }
    // What listens everywhere listens here.
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Some(SocketAddr::new(ip, address.port()).to_string())
}

async fn ask_stages(task: &Task, more: &[String]) -> Vec<StageReport> {
    let configured = STAGES.map(|stage| address_of(stage, task));
    let mut addresses: Vec<String> = configured.iter().flatten().chain(more).cloned().collect();
    addresses.sort_unstable();
    addresses.dedup();
    let answers = join_all(addresses.iter().map(|address| ask(address, task.http.token.as_ref()))).await;
    let asked: Vec<(String, Result<Vec<Value>, String>)> = addresses.into_iter().zip(answers).collect();
    collect(task, &configured, &asked)
}

/// The stages that answered, and for each that did not why.
fn collect(
    task: &Task,
    configured: &[Option<String>; 3],
    asked: &[(String, Result<Vec<Value>, String>)],
) -> Vec<StageReport> {
    let mut reports = Vec::new();
    let is_one_process = matches!(task.log.transport, Transport::InProcess)
        || asked.iter().any(|(_, answer)| answer.as_ref().is_ok_and(|statuses| statuses.len() > 1));
    for (stage, own_address) in STAGES.into_iter().zip(configured) {
        let mut reason = match own_address {
            Some(_) => "nothing listens there".to_owned(),
            None => "its port is picked at its start: ask it with --at HOST:PORT".to_owned(),
        };
        let before = reports.len();
        for (address, answer) in asked {
            match answer {
                Ok(statuses) => {
                    for status in statuses.iter().filter(|status| status["stage"] == stage.as_str()) {
                        if status["task"] != task.name.as_str() {
                            let other = status["task"].as_str().unwrap_or_default();
                            reason = format!("the {stage} of another task, \"{other}\", listens there");
                            continue;
                        }
                        reports.push(StageReport { stage, address: address.clone(), answer: Ok(status.clone()) });
                    }
                }
                Err(why) if own_address.as_ref() == Some(address) => reason.clone_from(why),
                Err(_) => {}
            }
        }
        // One process listens at capture's address, and speaks for those that it has.
        if reports.len() == before && (stage == StageName::Capture || !is_one_process) {
            let address = own_address.clone().unwrap_or_else(|| "-".to_owned());
            reports.push(StageReport { stage, address, answer: Err(reason) });
        }
    }
    reports
}

async fn ask_destination(task: &Task) -> Result<DestinationReport, String> {
    let read = async {
        let connection = Connection::connect(&destination_options(&task.destination)).await?;
        Ok::<_, Failure>(connection.summarize_tasks(task.name.as_str()).await?)
    };
    let tasks = within(read).await?;
    // The newest: an older one of the same name stops a start, which `check` says.
    let Some(summary) = tasks.into_iter().next_back() else { return Ok(DestinationReport::default()) };
    Ok(DestinationReport {
        task_id: Some(summary.task_id),
        partitions: summary.partitions,
        last_write: summary.last_write.map(|at| SystemTime::now().duration_since(at).unwrap_or_default()),
    })
}

async fn ask_source(task: &Task) -> Option<Result<Binlogs, String>> {
    if !task.phases.contains(Phase::Incremental) {
        return None;
    }
    let read = async {
        let mut session = Session::connect(&source_options(&task.source)).await?;
        let files = read_binlogs(&mut session).await?;
        let kept = ServerFacts::read(&mut session).await?.binlogs_kept();
        session.close().await;
        Ok::<_, Failure>(Binlogs { files, kept })
    };
    Some(within(read).await)
}

pub(super) async fn within<T>(read: impl Future<Output = Result<T, Failure>>) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, read).await {
        Ok(read) => read.map_err(|failure| failure.message),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use millrace_task::{Surroundings, parse};
    use serde_json::json;

    use super::*;

    fn task(http: &str) -> Task {
        let text = format!(
            "name = \"shop\"\nsource = {{ url = \"mysql://u@127.0.0.1\" }}\n\
             destination = {{ url = \"postgres://u@127.0.0.1/d\" }}\nobjects = [{{ table = \"shop.*\" }}]\n{http}"
        );
        parse(&text, "shop.toml".as_ref(), &Surroundings::none()).unwrap()
    }

    #[test]
    fn stages_that_listen_everywhere_are_asked_here() {
        let task = task(
            "http = { capture = \"0.0.0.0:1\", transform = \"[::]:2\", apply = \"127.0.0.1:0\", token = \"0123456789abcdef\" }",
        );
        let addresses = STAGES.map(|stage| address_of(stage, &task));
        assert_eq!(addresses, [Some("127.0.0.1:1".to_owned()), Some("[::1]:2".to_owned()), None]);
    }

    #[test]
    fn every_stage_is_there_once_at_least() {
        let task = task("log = { kafka = \"k:9092\" }");
        let configured = STAGES.map(|stage| address_of(stage, &task));
        let of = |stage: &str, task: &str| json!({ "stage": stage, "task": task, "state": "running" });
        let asked = [
            ("127.0.0.1:9561".to_owned(), Ok(vec![of("capture", "shop")])),
            ("127.0.0.1:9562".to_owned(), Ok(vec![of("transform", "shop")])),
            ("127.0.0.1:9563".to_owned(), Ok(vec![of("apply", "other")])),
            ("far:9562".to_owned(), Ok(vec![of("transform", "shop")])),
        ];
        let reports = collect(&task, &configured, &asked);
        let states: Vec<(&str, Option<&str>)> =
            reports.iter().map(|report| (report.stage.as_str(), report.state())).collect();
        let running = Some("running");
        let expected = [("capture", running), ("transform", running), ("transform", running), ("apply", None)];
        assert_eq!(states, expected);
        assert!(reports[3].answer.as_ref().unwrap_err().contains("another task, \"other\""));
    }
}

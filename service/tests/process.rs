//! The process of a stage as its operator sees it: exit codes, standard error, signals, HTTP. This program is both: with
//! `--task` it is the stage, otherwise it starts itself as one and looks.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

use millrace_model::Failure;
use millrace_service::{Outcome, StageContext, StageName};

const BEHAVIOUR: &str = "MILLRACE_TEST_BEHAVIOUR";
const TASK: &str = r#"
name = "shop"
source = { url = "mysql://u:hunter2@127.0.0.1" }
destination = { url = "postgres://u:hunter2@127.0.0.1/d" }
log = { kafka = "127.0.0.1:9092" }
objects = [{ table = "shop.*" }]
http = { capture = "127.0.0.1:0" }
"#;

fn main() -> ExitCode {
    if std::env::var(BEHAVIOUR).is_ok() {
        return millrace_service::main(StageName::Capture, behave);
    }
    for (name, case) in [
        ("completed", completed as fn()),
        ("failed", failed),
        ("unreachable", unreachable),
        ("panicked", panicked),
        ("usage", usage),
        ("bad_task_file", bad_task_file),
        ("stopped_by_signal", stopped_by_signal),
        ("ended_by_second_signal", ended_by_second_signal),
        ("text_and_filter", text_and_filter),
    ] {
        case();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

async fn behave(context: StageContext) -> Result<Outcome, Failure> {
    match std::env::var(BEHAVIOUR).unwrap().as_str() {
        "complete" => Ok(Outcome::Completed),
        "fail" => Err(Failure::fatal("the binlog is gone", "begin again")),
        "nobody" => Err(Failure::connection("nobody answers", "start it")),
        "panic" => panic!("on purpose"),
        "wait" => {
            context.shutdown.requested().await;
            Ok(Outcome::Stopped)
        }
        "ignore" => std::future::pending().await,
        other => Err(Failure::fatal(format!("unknown behaviour \"{other}\""), "")),
    }
}

fn task_file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("millrace-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

fn stage(behaviour: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(BEHAVIOUR, behaviour).env_remove("MILLRACE_LOG").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Exit code, standard output and standard error of a stage that ends by itself.
fn ended(behaviour: &str, task: &str, more: &[&str]) -> (i32, String, String) {
    let path = task_file(behaviour, task);
    let output = stage(behaviour, &[&["--task", path.to_str().unwrap()], more].concat()).output().unwrap();
    std::fs::remove_file(path).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn completed() {
    let (code, log, errors) = ended("complete", TASK, &[]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(log.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{log}");
    assert!(log.contains("\"message\":\"completed\"") && !log.contains("hunter2"), "{log}");
}

fn failed() {
    let (code, _, errors) = ended("fail", TASK, &[]);
    assert_eq!((code, errors.as_str()), (1, "error: the binlog is gone\nhint: begin again\n"));
}

fn unreachable() {
    let (code, _, errors) = ended("nobody", TASK, &[]);
    assert_eq!((code, errors.as_str()), (3, "error: nobody answers\nhint: start it\n"));
}

fn panicked() {
    let (code, _, errors) = ended("panic", TASK, &[]);
    assert_eq!(code, 1);
    assert!(errors.ends_with("error: the stage panicked\nhint: this is a bug: please report it\n"), "{errors}");
}

fn usage() {
    for arguments in [&[][..], &["--task"], &["--task", "x", "--nothing"], &["--task", "x", "--http", "here"]] {
        let output = stage("complete", arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let version = stage("complete", &["--version"]).output().unwrap();
    assert!(version.status.success() && version.stdout.starts_with(b"millrace-capture "));
    let help = stage("complete", &["--help"]).output().unwrap();
    assert!(help.status.success() && help.stdout.starts_with(b"First of three stages: reads MySQL"));
}

fn bad_task_file() {
    let (code, _, errors) = ended("complete", &TASK.replace("log", "lgo"), &[]);
    assert_eq!(code, 1);
    let (message, hint) = errors.split_once('\n').unwrap();
    assert!(message.starts_with("error: ") && message.ends_with(":5:1: \"lgo\": unknown key"), "{errors}");
    assert!(hint.starts_with("hint: did you mean \"log\"?") && hint.ends_with('\n'), "{errors}");
    let (code, _, errors) = ended("complete", &TASK.replace("log = { kafka = \"127.0.0.1:9092\" }", ""), &[]);
    assert!(code == 1 && errors.starts_with("error: the task \"shop\" has no \"log.kafka\""), "{errors}");
}

/// Starts a stage and reads its log up to the line with its HTTP address.
fn started(behaviour: &str) -> (Child, BufReader<std::process::ChildStdout>, String, PathBuf) {
    let path = task_file(behaviour, TASK);
    let mut child = stage(behaviour, &["--task", path.to_str().unwrap()]).spawn().unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"starts\"") {
        line.push_str(&next_line(&mut log));
    }
    let address = line.split("\"address\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    (child, log, address, path)
}

fn next_line(log: &mut impl BufRead) -> String {
    let mut line = String::new();
    assert!(log.read_line(&mut line).unwrap() > 0, "the log ended");
    line
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn stopped_by_signal() {
    for signal in ["-TERM", "-INT"] {
        let (mut child, mut log, address, path) = started("wait");
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET /status HTTP/1.1\r\nHost: millrace\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("\"state\":\"running\"") && answer.contains("\"stage\":\"capture\""), "{answer}");
        send(&child, signal);
        while !next_line(&mut log).contains("\"stopped\"") {}
        assert_eq!(child.wait().unwrap().code(), Some(0));
        std::fs::remove_file(path).unwrap();
    }
}

fn ended_by_second_signal() {
    let (mut child, mut log, _, path) = started("ignore");
    send(&child, "-TERM");
    while !next_line(&mut log).contains("\"SIGTERM\"") {}
    send(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    std::fs::remove_file(path).unwrap();
}

fn text_and_filter() {
    let (_, log, _) = ended("complete", TASK, &["--log-format", "text"]);
    assert!(log.contains(" INFO ") && !log.contains('{'), "{log}");
    let path = task_file("filter", TASK);
    let quiet = stage("complete", &["--task", path.to_str().unwrap()]).env("MILLRACE_LOG", "error").output().unwrap();
    assert!(quiet.status.success() && quiet.stdout.is_empty());
    let bad = stage("complete", &["--task", path.to_str().unwrap()]).env("MILLRACE_LOG", "a=b=c").output().unwrap();
    assert!(bad.stderr.starts_with(b"error: the environment variable \"MILLRACE_LOG\" is not a log filter\nhint: "));
    std::fs::remove_file(path).unwrap();
}

//! Stage handles, with the shell as the process under test.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::PathBuf;
use std::time::Duration;

use millrace_testkit::{Stage, StageCommand, built_binary, poll_until, unique_name};

const LIMIT: Duration = Duration::from_secs(20);

fn log() -> PathBuf {
    std::env::temp_dir().join(format!("{}.log", unique_name("testkit_stage")))
}

fn shell(script: &str) -> (Stage, PathBuf) {
    let log = log();
    let command = StageCommand::new("/bin/sh").argument("-c").argument(script).environment("WORD", "hello");
    (command.spawn(&log).unwrap(), log)
}

async fn printed(stage: &Stage, text: &str) {
    poll_until(LIMIT, text, async || Ok(stage.log()?.contains(text))).await.unwrap();
}

#[tokio::test]
async fn output_and_exit_code_are_kept() {
    let (mut stage, log) = shell("echo $WORD; echo to-stderr >&2; exit 3");
    assert_eq!(stage.wait(LIMIT).await.unwrap().code(), Some(3));
    assert_eq!(stage.log().unwrap(), "hello\nto-stderr\n");
    let failed = stage.wait_for_success(LIMIT).await.expect_err("it ended with 3").to_string();
    assert!(failed.contains("to-stderr"), "{failed}");
    std::fs::remove_file(log).unwrap();
}

#[tokio::test]
async fn a_request_to_end_can_be_handled() {
    let (mut stage, log) = shell("trap 'echo ending; exit 0' TERM; echo ready; while :; do :; done");
    printed(&stage, "ready").await;
    stage.terminate().unwrap();
    stage.wait_for_success(LIMIT).await.unwrap();
    printed(&stage, "ending").await;
    assert!(stage.terminate().is_err(), "it has ended");
    std::fs::remove_file(log).unwrap();
}

#[tokio::test]
async fn a_suspended_process_stands_still_until_resumed() {
    let (mut stage, log) = shell("echo ready; exec cat /dev/zero > /dev/null");
    printed(&stage, "ready").await;
    let state = |stage: &Stage| {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", stage.id())).unwrap();
        status.rsplit(") ").next().unwrap().chars().next().unwrap()
    };
    stage.suspend().unwrap();
    poll_until(LIMIT, "standing still", async || Ok(state(&stage) == 'T')).await.unwrap();
    stage.resume().unwrap();
    poll_until(LIMIT, "going on", async || Ok(state(&stage) != 'T')).await.unwrap();
    stage.kill().unwrap();
    assert!(!stage.is_running().unwrap());
    std::fs::remove_file(log).unwrap();
}

#[tokio::test]
async fn a_process_that_does_not_end_is_an_error_and_dies_with_its_handle() {
    let (mut stage, log) = shell("echo ready; exec cat /dev/zero > /dev/null");
    printed(&stage, "ready").await;
    let waited = stage.wait(Duration::from_millis(50)).await;
    assert!(format!("{:?}", waited.expect_err("it runs on")).contains("ready"));
    let process = PathBuf::from(format!("/proc/{}", stage.id()));
    assert!(process.exists());
    drop(stage);
    assert!(!process.exists());
    std::fs::remove_file(log).unwrap();
}

#[test]
fn a_binary_that_is_not_built_is_named() {
    assert!(built_binary("no-such-stage").expect_err("there is none").to_string().contains("no-such-stage"));
}

//! Wrong calls and wrong task files: exit code, message, hint, and no secret.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::world::millrace;

#[test]
fn wrong_usage_ends_with_two() -> Result<()> {
    for arguments in [
        &["chekc"][..],
        &[],
        &["check"],
        &["plan", "x.toml", "--sql", "--json"],
        &["status", "x.toml", "--at", "nowhere"],
        &["status", "x.toml", "--every", "0"],
        &["completions", "tcsh"],
    ] {
        let ended = millrace(arguments)?;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}");
        assert!(!ended.err.is_empty());
    }
    let ended = millrace(&["check", "x.toml", "--accept", "no_such_check"])?;
    assert_eq!(ended.code, 2);
    assert!(
        ended.err.starts_with("error: there is no check \"no_such_check\" to accept\nhint: checks are "),
        "{ended:?}"
    );
    Ok(())
}

#[test]
fn a_wrong_task_file_is_an_error_with_its_place() -> Result<()> {
    let folder = std::env::temp_dir().join(millrace_testkit::unique_name("ctl_usage"));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("task.toml");
    let path = path.to_str().unwrap();
    std::fs::write(path, "name = \"shop\"\nphase = [\"full\"]\n[source]\nurl = \"mysql://u:hunter2@h\"\n")?;
    for command in ["check", "plan", "status"] {
        let ended = millrace(&[command, path])?;
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{command}");
        let expected = format!("error: {path}:2:1: \"phase\": unknown key\nhint: did you mean \"phases\"?");
        assert!(ended.err.starts_with(&expected), "{ended:?}");
        assert!(!ended.err.contains("hunter2"));
    }
    let missing = millrace(&["plan", "/no/such/task.toml"])?;
    assert_eq!(missing.code, 1);
    assert!(missing.err.contains("cannot read the task file"), "{missing:?}");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[test]
fn a_server_that_is_not_there_ends_with_three() -> Result<()> {
    let folder = std::env::temp_dir().join(millrace_testkit::unique_name("ctl_nobody"));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("task.toml");
    let text = "name = \"shop\"\nsource.url = \"mysql://u@127.0.0.1:1\"\n\
                destination.url = \"postgres://u@127.0.0.1:1/d\"\nobjects = [{ table = \"shop.*\" }]\n\
                http = { capture = \"127.0.0.1:0\", transform = \"127.0.0.1:0\", apply = \"127.0.0.1:0\" }\n";
    std::fs::write(&path, text)?;
    let path = path.to_str().unwrap();
    for command in ["plan", "run"] {
        let ended = millrace(&[command, path])?;
        assert_eq!(ended.code, 3, "{command}: {ended:?}");
        assert!(ended.err.contains("error: ") && ended.err.contains("hint: "), "{command}: {ended:?}");
        assert!(!ended.out.contains("\"progress\""), "no server has answered: {ended:?}");
    }
    // On a terminal, where log and standard error are one, it is said once.
    for more in ["", " --log-format text"] {
        let program = format!("'{}' run '{path}'{more}", env!("CARGO_BIN_EXE_millrace"));
        let seen = Command::new("script").args(["-qec", &program, "/dev/null"]).stdin(Stdio::null()).output()?;
        let text = String::from_utf8(seen.stdout)?;
        assert_eq!((seen.status.code(), text.matches("Connection refused").count()), (Some(3), 1), "{text}");
    }
    let checked = millrace(&["check", path])?;
    assert!(checked.code == 3 && checked.out.contains("BLOCKS    source_connection"), "{checked:?}");
    // Its result is what it found.
    assert_eq!(millrace(&["status", path])?.code, 1);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[test]
fn help_teaches_and_scripts_are_printed() -> Result<()> {
    let help = millrace(&["--help"])?;
    assert_eq!(help.code, 0);
    for command in ["check", "plan", "status", "schema", "completions"] {
        assert!(help.out.contains(command), "{command}");
        assert!(millrace(&[command, "--help"])?.out.contains("xample") || command == "schema");
    }
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef millrace"), ("fish", "complete -c millrace")] {
        let script = millrace(&["completions", shell])?;
        assert!(script.out.contains(word), "{shell}");
        assert!(script.out.contains("status") && script.out.contains("accept"), "{shell}");
    }
    let schema = millrace(&["schema"])?.json();
    assert_eq!(schema["properties"]["source"]["type"], "object");
    Ok(())
}

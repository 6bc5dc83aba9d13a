//! Asks a stage for its status: one small HTTP request, whose answer is bounded in time and size.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest time for an answer.
const LIMIT: Duration = Duration::from_secs(3);

/// Largest answer.
const SIZE: u64 = 64 << 20;

/// The status of the stages at an address: one, or several that share a process.
///
/// # Errors
/// Why there is none, in a few words.
pub async fn ask(address: &str, token: Option<&SecretString>) -> Result<Vec<Value>, String> {
    let answer = tokio::time::timeout(LIMIT, get(address, token)).await;
    let answer = answer.map_err(|_| format!("no answer within {} s", LIMIT.as_secs()))??;
    statuses(&answer)
}

async fn get(address: &str, token: Option<&SecretString>) -> Result<Vec<u8>, String> {
    let refused = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        _ => error.to_string(),
    };
    let mut stream = TcpStream::connect(address).await.map_err(refused)?;
    let authorization = token.map(|token| format!("Authorization: Bearer {}\r\n", token.expose_secret()));
    let authorization = authorization.unwrap_or_default();
    let request = format!(
        "GET /status HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\nAccept: application/json\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(refused)?;
    let mut answer = Vec::new();
    stream.take(SIZE).read_to_end(&mut answer).await.map_err(refused)?;
    Ok(answer)
}

/// The statuses in an answer. A server that says `Connection: close` gives the whole body and closes.
fn statuses(answer: &[u8]) -> Result<Vec<Value>, String> {
    let stranger = || "something else listens there".to_owned();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(stranger)?;
    let head = String::from_utf8_lossy(&answer[..end]);
    if head.lines().next().is_some_and(|line| line.contains(" 401")) {
        return Err("the stage there asks for another http.token".to_owned());
    }
    if !head.lines().next().is_some_and(|line| line.contains(" 200")) {
        return Err(stranger());
    }
    let body: Value = serde_json::from_slice(&answer[end + 4..]).map_err(|_| stranger())?;
    let several = match body.get("stages").and_then(Value::as_array) {
        Some(stages) => stages.clone(),
        None => vec![body],
    };
    if several.is_empty() || several.iter().any(|status| status["stage"].as_str().is_none()) {
        return Err(stranger());
    }
    Ok(several)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_or_several_stages_are_understood() {
        let one = b"HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{\"stage\":\"capture\"}";
        assert_eq!(statuses(one).unwrap()[0]["stage"], "capture");
        let several = b"HTTP/1.1 200 OK\r\n\r\n{\"stages\":[{\"stage\":\"capture\"},{\"stage\":\"apply\"}]}";
        assert_eq!(statuses(several).unwrap().len(), 2);
    }

    #[test]
    fn strangers_are_no_stage() {
        for answer in [
            "",
            "HTTP/1.1 404 Not Found\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\n\r\n<html>",
            "SSH-2.0",
        ] {
            assert!(statuses(answer.as_bytes()).is_err(), "{answer}");
        }
    }
}

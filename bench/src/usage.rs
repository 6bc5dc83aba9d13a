//! What processes have used: CPU seconds and peak memory, from `/proc` (proc(5)).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Clock ticks of `/proc/PID/stat` in a second: 100 on every Linux of today (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

/// CPU seconds, user and system, of a process and the children that it has waited for.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("\"{path}\" cannot be read"))?;
    ticks(&text).map(|(_, ticks)| ticks as f64 / TICKS).with_context(|| format!("\"{path}\" has another form"))
}

/// The same with the children that live.
pub(crate) fn cpu_seconds_with_children(pid: u32) -> Result<f64> {
    let mut sum = cpu_seconds(pid)?;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if name.to_string_lossy().parse::<u32>().is_err() {
            continue;
        }
        // A process may end while we look.
        let text = fs::read_to_string(Path::new("/proc").join(&name).join("stat")).unwrap_or_default();
        if let Some((parent, ticks)) = ticks(&text)
            && parent == pid
        {
            sum += ticks as f64 / TICKS;
        }
    }
    Ok(sum)
}

/// Parent and ticks (user, system, and those of children waited for) of a line of `/proc/PID/stat`. The name in
/// parentheses may hold anything, so that counting begins behind the last one.
fn ticks(stat: &str) -> Option<(u32, u64)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let sum = (11..15).map(number).sum::<Option<u64>>()?;
    Some((u32::try_from(number(1)?).ok()?, sum))
}

/// The most memory that a process has had resident, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("\"{path}\" cannot be read"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes << 10)
}

/// Bytes of all files of a topic's partitions in the broker's folder.
pub(crate) fn topic_bytes(data: &Path, topic: &str) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(data).with_context(|| format!("\"{}\" cannot be read", data.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let of_topic = name.rsplit_once('-').is_some_and(|(before, _)| before == topic);
        if !of_topic {
            continue;
        }
        for file in fs::read_dir(entry.path())? {
            let file = file?;
            if file.file_name().to_string_lossy().ends_with(".log") {
                sum += file.metadata()?.len();
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 9 0 77";
        assert_eq!(ticks(line), Some((7, 124)));
        assert_eq!(ticks("42 (a"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let pid = std::process::id();
        assert!(peak_memory(pid).is_ok_and(|bytes| bytes > 1 << 16));
        assert!(cpu_seconds_with_children(pid).is_ok());
    }
}

//! Which process has a connection: the kernel's own tables (proc(5), `/proc/net/tcp` and `/proc/<pid>/fd`).

use std::fs;

use anyhow::{Context, Result};

/// Whether the process has the end of a TCP connection of IPv4 that has this port.
pub fn process_has_port(process: u32, port: u16) -> Result<bool> {
    let table = fs::read_to_string("/proc/net/tcp").context("/proc/net/tcp cannot be read")?;
    let local = format!(":{port:04X}");
    // Fields of a line: number, local address, remote address, state, ..., and the inode as the tenth.
    let lines = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let inodes: Vec<String> = lines
        .filter(|fields| fields.get(1).is_some_and(|address| address.ends_with(&local)))
        .filter_map(|fields| fields.get(9).map(|inode| format!("socket:[{inode}]")))
        .collect();
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return Ok(false) };
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    Ok(targets.into_iter().any(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str())))
}

//! A process of its own: the allocator's thresholds are those of a process.

#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::hint::black_box;

use millrace_service::keep_freed_memory;

/// Page faults of this process so far that read nothing: field 10 of `/proc/self/stat` (proc_pid_stat(5)).
fn page_faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(7).unwrap().parse().unwrap()
}

/// What it costs to take 20 MiB in pieces, to write to them, and to give them back, ten times.
fn faults_of_ten_rounds() -> u64 {
    let before = page_faults();
    for _ in 0..10 {
        let blocks: Vec<Vec<u8>> = (0..20).map(|_| vec![1; 1 << 20]).collect();
        black_box(blocks);
    }
    page_faults() - before
}

#[test]
fn what_was_freed_is_taken_again_without_the_kernel() {
    keep_freed_memory();
    // The first round takes the memory: 5,120 pages.
    let faults = faults_of_ten_rounds();
    assert!(faults < 10_000, "{faults} page faults");
}

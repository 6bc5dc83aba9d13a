//! A limit on the CPU time of a process, so that it and not the machine is what limits a run: a control group of its own
//! whose quota the kernel enforces (cgroups(7); CFS bandwidth control). That needs root and a hierarchy with the `cpu`
//! controller that can be written: version 1 or 2.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

/// The kernel counts in periods of so many microseconds: short, so that a process that used its share stands still briefly.
const PERIOD: u32 = 20_000;

/// Where the `cpu` controller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// Mounted alone or with others (cgroups v1).
    First(PathBuf),
    /// In the unified hierarchy (cgroups v2).
    Second(PathBuf),
}

/// A group with a limit; removed when this is dropped, after its processes ended.
#[derive(Debug)]
pub(crate) struct CpuLimit {
    group: PathBuf,
    /// Hundredths of one processor.
    percent: u32,
}

impl Hierarchy {
    /// The one of this machine; an error that says what is missing.
    pub(crate) fn find() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let has_cpu = |root: &Path| {
            let controllers = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
            controllers.split_whitespace().any(|name| name == "cpu")
        };
        let found = Self::among(&mounts, has_cpu).context("no control groups with the cpu controller are mounted")?;
        found.try_out().context("limiting a stage's CPU needs root and control groups that can be written")?;
        Ok(found)
    }

    fn among(mounts: &str, has_cpu: impl Fn(&Path) -> bool) -> Option<Self> {
        mounts.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let [_, root, kind, options, ..] = fields[..] else { return None };
            match kind {
                "cgroup" if options.split(',').any(|option| option == "cpu") => Some(Self::First(root.into())),
                "cgroup2" if has_cpu(Path::new(root)) => Some(Self::Second(root.into())),
                _ => None,
            }
        })
    }

    fn try_out(&self) -> Result<()> {
        CpuLimit::new(self, 100).map(drop)
    }

    /// Names and contents of the files of a group that may use so many hundredths of a processor.
    fn settings(&self, percent: u32) -> Vec<(&'static str, String)> {
        let quota = PERIOD * percent / 100;
        match self {
            Self::First(_) => {
                vec![("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota.to_string())]
            }
            Self::Second(_) => vec![("cpu.max", format!("{quota} {PERIOD}"))],
        }
    }
}

impl CpuLimit {
    /// A group for one process.
    pub(crate) fn new(hierarchy: &Hierarchy, percent: u32) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let root = match hierarchy {
            Hierarchy::First(root) => root,
            Hierarchy::Second(root) => {
                let all = root.join("cgroup.subtree_control");
                fs::write(&all, "+cpu").with_context(|| format!("\"{}\" cannot be written", all.display()))?;
                root
            }
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let group = root.join(format!("millrace-bench-{}-{number}", std::process::id()));
        fs::create_dir(&group).with_context(|| format!("\"{}\" cannot be made", group.display()))?;
        let limit = Self { group, percent };
        for (file, content) in hierarchy.settings(percent) {
            let path = limit.group.join(file);
            fs::write(&path, content).with_context(|| format!("\"{}\" cannot be written", path.display()))?;
        }
        Ok(limit)
    }

    /// The command that starts a program inside of the group: no moment of it is outside.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        let script = "echo $$ >\"$0\" && exec \"$@\"";
        command.args(["-c", script]).arg(self.group.join("cgroup.procs")).arg(program);
        command
    }

    /// Fails if the process used more than it may have: then something else was measured.
    pub(crate) fn ensure_kept(&self, cpu_seconds: f64, seconds: f64) -> Result<()> {
        let allowed = seconds * f64::from(self.percent) / 100.0;
        // A twentieth for the ticks in which CPU seconds are counted, and the periods at both ends.
        ensure!(
            cpu_seconds <= allowed * 1.05 + 0.1,
            "a process used {cpu_seconds:.2} CPU seconds in {seconds:.2} s, limited to {allowed:.2}"
        );
        Ok(())
    }
}

impl Drop for CpuLimit {
    fn drop(&mut self) {
        // A group whose process still ends cannot be removed: it is empty, and does no harm.
        let _ = fs::remove_dir(&self.group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_is_found_in_both_versions() {
        let first = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n\
                     cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n";
        let found = Hierarchy::among(first, |_| false);
        assert_eq!(found, Some(Hierarchy::First("/sys/fs/cgroup/cpu,cpuacct".into())));
        let second = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        assert_eq!(Hierarchy::among(second, |_| true), Some(Hierarchy::Second("/sys/fs/cgroup".into())));
        assert_eq!(Hierarchy::among(second, |_| false), None);
        assert_eq!(Hierarchy::among("cgroup /c cgroup rw,cpuset,cpuacct 0 0", |_| true), None);
    }

    #[test]
    fn a_limit_is_a_quota_of_a_period() {
        let settings = Hierarchy::First("/c".into()).settings(10);
        assert_eq!(settings, [("cpu.cfs_period_us", "20000".to_owned()), ("cpu.cfs_quota_us", "2000".to_owned())]);
        assert_eq!(Hierarchy::Second("/c".into()).settings(150), [("cpu.max", "30000 20000".to_owned())]);
    }

    #[test]
    fn more_than_the_limit_is_no_measurement() {
        let limit = CpuLimit { group: PathBuf::from("/nowhere"), percent: 10 };
        assert!(limit.ensure_kept(1.0, 10.0).is_ok());
        assert!(limit.ensure_kept(1.5, 10.0).is_err());
    }
}

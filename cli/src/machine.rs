//! What the machine has: memory and disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Assumed where the operating system does not say.
const FALLBACK_MEMORY: u64 = 8_000_000_000;

/// Memory the process may use, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) bytes: u64,
    pub(crate) source: &'static str,
}

/// The smaller of the cgroup's limit and the machine's memory.
pub(crate) fn memory_limit() -> Memory {
    let machine = machine_memory().map_or(
        Memory {
            bytes: FALLBACK_MEMORY,
            source: "assumed",
        },
        |bytes| Memory {
            bytes,
            source: "machine",
        },
    );
    match cgroup_limit() {
        Some(bytes) if bytes < machine.bytes => Memory { bytes, source: "cgroup" },
        _ => machine,
    }
}

/// Bytes of memory that the process has in use; 0 where the operating system does not say.
#[cfg(feature = "cluster")]
pub(crate) fn memory_used() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

fn machine_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// The smallest limit of the process's cgroup and those above it, of either version.
fn cgroup_limit() -> Option<u64> {
    let membership = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut smallest = None;
    for line in membership.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let mut folder = PathBuf::from(root).join(path.trim_start_matches('/'));
        while folder.starts_with(root) {
            let limit = fs::read_to_string(folder.join(file))
                .ok()
                .and_then(|text| text.trim().parse::<u64>().ok());
            smallest = smallest.into_iter().chain(limit).min();
            folder.pop();
        }
    }
    smallest
}

/// Bytes free for this user on the disk of the nearest existing folder at or above `path`.
pub(crate) fn disk_free(path: &Path) -> io::Result<u64> {
    let absolute = std::path::absolute(path)?;
    let existing = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let stat = rustix::fs::statvfs(existing)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_some_memory_and_some_disk() {
        assert!(memory_limit().bytes > 100_000_000);
        assert!(disk_free(Path::new("a/folder/that/is/not")).unwrap() > 0);
    }
}

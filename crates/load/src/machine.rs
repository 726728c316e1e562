//! The machine that was measured on, as Linux describes it.

use std::fs;

use serde::Serialize;

/// What a figure depends on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub cpu: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
}

impl Machine {
    /// This one; empty or zero where it does not say.
    #[must_use]
    pub fn here() -> Machine {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: field(&cpus, "model name").unwrap_or_default().to_owned(),
            memory_mib: kib(&memory, "MemTotal").unwrap_or_default() / 1_024,
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// The memory that this process holds now, in MiB, where the system says.
#[must_use]
pub fn resident_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    kib(&status, "VmRSS").map(|kib| kib / 1_024)
}

fn kib(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.split_whitespace().next()?.parse().ok()
}

/// What stands after the colon of the first line with this name.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_linux_writes_them() {
        let text = "processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nVmRSS:\t   12288 kB\n";
        assert_eq!(field(text, "model name"), Some("A CPU @ 2 GHz"));
        assert_eq!(kib(text, "VmRSS"), Some(12_288));
        assert_eq!(field(text, "flags"), None);
    }
}

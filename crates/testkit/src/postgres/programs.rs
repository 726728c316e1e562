//! Where PostgreSQL's programs are, and the account that may run them.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) struct Programs {
    /// `None`: they are found along the PATH.
    folder: Option<PathBuf>,
    /// User and group to drop to.
    account: Option<(u32, u32)>,
}

impl Programs {
    pub(super) fn find() -> Programs {
        let configured = answer("pg_config", &["--bindir"]).map(PathBuf::from);
        let folder = configured.into_iter().chain(debian()).find(|f| f.join("initdb").exists());
        let id = |arguments: &[&str]| answer("id", arguments).and_then(|id| id.parse().ok());
        let account = (id(&["-u"]) == Some(0)).then(|| {
            id(&["-u", "postgres"])
                .zip(id(&["-g", "postgres"]))
                .expect("PostgreSQL refuses root and there is no account `postgres` to drop to")
        });
        Programs { folder, account }
    }

    pub(super) fn exist(&self) -> bool {
        let initdb = self.path("initdb");
        initdb.to_str().is_some_and(|initdb| answer(initdb, &["--version"]).is_some())
    }

    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.folder.as_deref().unwrap_or(Path::new("")).join(program)
    }

    /// A program under the account, in a process group of its own, so that an interrupt from
    /// the terminal does not reach it.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.process_group(0);
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    /// A new folder that belongs to the account.
    pub(super) fn folder(&self) -> PathBuf {
        let folder = crate::sqlite::folder().keep();
        if let Some((user, group)) = self.account {
            chown(&folder, Some(user), Some(group)).expect("root may give a folder away");
        }
        folder
    }
}

/// Debian keeps every version's programs apart; the newest first.
fn debian() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

//! Folders and small files that are there after a power cut, wholly or not at all.
//!
//! What was written to a file is lost with the file, and a file with its folder, unless each was
//! synced where it stands. `tests/it/faults/power_cut.rs` cuts the power between any two steps.
//!
//! **Absent from this crate:** databases, which see to it themselves; locks; what the files mean.
//!
//! ```
//! # let above = tempfile::TempDir::new()?;
//! let folder = above.path().join("book/keys");
//! quipu_files::make_folder(&folder, 0o700)?;
//! quipu_files::replace_file(&folder.join("signed"), &folder.join("signed.new"), b"17")?;
//! assert_eq!(std::fs::read(folder.join("signed"))?, b"17");
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes a folder, and those that it lies in, where they are not there. All of them are durable
/// when this returns. `mode` is what `chmod` takes, less what the process's umask takes away.
pub fn make_folder(path: &Path, mode: u32) -> Result<()> {
    let path = std::path::absolute(path)?;
    let missing = path.ancestors().take_while(|folder| !folder.exists()).count();
    DirBuilder::new().recursive(true).mode(mode).create(&path)?;
    // One that is there may have been made a moment ago, by somebody who was killed then.
    for above in path.ancestors().skip(1).take(missing.max(1)) {
        match sync_folder(above) {
            // Whoever made it keeps us out of the folder above, and has seen to it.
            Err(error) if missing == 0 && error.kind() == ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Puts a file in the place of the one of that name, if there is any, for its owner only. It is
/// durable when this returns; before that, and for good after an error, the old one stands.
/// `draft` is the path in the same folder that a crash may leave something at.
pub fn replace_file(path: &Path, draft: &Path, bytes: &[u8]) -> Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes durable which files and folders there are in a folder.
pub fn sync_folder(path: &Path) -> Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn makes_what_is_missing_and_leaves_what_is_there() {
        let above = TempDir::new().unwrap();
        let folder = above.path().join("a/b");
        make_folder(&folder, 0o700).unwrap();
        fs::write(folder.join("file"), "stays").unwrap();
        make_folder(&folder, 0o755).unwrap();
        assert_eq!(fs::read(folder.join("file")).unwrap(), b"stays");
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let error = make_folder(&folder.join("file/below"), 0o700).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn replaces_a_file_over_what_a_crash_has_left() {
        let folder = TempDir::new().unwrap();
        let (path, draft) = (folder.path().join("key"), folder.path().join("key.new"));
        fs::write(&path, "old").unwrap();
        fs::write(&draft, "longer than what is to come").unwrap();
        replace_file(&path, &draft, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!draft.exists());
        let nowhere = folder.path().join("none/key.new");
        assert!(replace_file(&path, &nowhere, b"newer").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}

//! Files that are put back, or moved along with a book.

use std::fs;
use std::path::Path;

/// Copies the files of one folder into another, which is made where there is none. A folder is
/// its own copy already.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    if from == to {
        return;
    }
    fs::create_dir_all(to).expect("a folder can be made there");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("it is copied");
        }
    }
}

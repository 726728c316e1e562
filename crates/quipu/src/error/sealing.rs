//! Keys of subjects that do not open, are another book's, or cannot be destroyed.

use quipu_sealing::SealingError;

use super::CliError;

impl From<SealingError> for CliError {
    fn from(error: SealingError) -> CliError {
        let hint = match error {
            SealingError::AnotherBook { .. } | SealingError::InUse { .. } => {
                "each book has keys of its own: name its folder with --subject-keys, or a new one where \
                 it has none yet"
            }
            _ => "check the folder's permissions, or name another one with --subject-keys",
        };
        CliError::Unusable { what: error.to_string(), hint: hint.into() }
    }
}

//! Personal texts, sealed under a key of their subject that lies outside the book (rules P1 to P5).
//!
//! The journal is for ever and its backups are everywhere, so what must be forgotten is never in
//! it: a name or a reason is sealed at the edge, before a command is decided, and opened again
//! where an answer is rendered. Between the two, in journal, views, snapshots and logs, there is
//! only the sealed text. To destroy the key is to erase the person, while every hash, proof and
//! balance stays as it is.
//!
//! ```
//! use quipu_sealing::{Opened, SubjectKeys};
//! # let folder = tempfile::TempDir::new()?;
//! let keys = SubjectKeys::open(folder.path())?;
//! keys.claim(None)?; // the book has no event yet
//! let (acme, name) = ("t_acme".parse()?, "Acme".parse()?);
//! let sealed = keys.seal(&acme, &name)?;
//! assert_eq!(keys.open_text(&sealed), Opened::Text("Acme".to_owned()));
//!
//! let doomed = keys.retire(&acme, [])?;
//! keys.destroy(&acme, &doomed)?;
//! assert_eq!(keys.open_text(&sealed), Opened::Erased);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A text is sealed with XChaCha20-Poly1305 under a random nonce, with its subject and key named
//! as associated data, so that it cannot be passed off as another subject's.
//!
//! What must hold: a key is durable before anything that was sealed with it leaves this crate,
//! no key is written anywhere but into the folder, and a folder serves one book.
//!
//! **Absent from this crate:** the journal, HTTP, and which texts are personal (`quipu-domain`
//! says so by their type, [`Personal`](quipu_domain::Personal)). It cannot promise that a file
//! system or a disk keeps no old copy of an overwritten file: where that matters, the folder
//! belongs on an encrypted volume, and its backups must expire.

mod cipher;
mod error;
mod folder;
mod json;
mod keys;

pub use error::SealingError;
pub use keys::{Digests, Opened, SubjectKeys};

//! What `quipu` tells the shell when it ends. Scripts may rely on these numbers; they never change.

/// Everything that was asked for was done: `verify` found nothing, `diff` no difference, and every
/// assertion holds.
pub const OK: u8 = 0;
/// `verify` found something wrong with the book, an explanation does not add up, an assertion does
/// not hold, or the book does not lead to what was to be proved.
pub const NOT_VERIFIED: u8 = 1;
/// `diff` found a difference.
pub const DIFFERENT: u8 = 1;
/// The command line or an input file is not well-formed; what came before the bad line was done.
pub const MALFORMED: u8 = 2;
/// The book refused at least one thing that was asked of it.
pub const REFUSED: u8 = 3;
/// The server or the store cannot be reached; the same command may succeed later.
pub const UNAVAILABLE: u8 = 4;
/// The store is there but cannot be used as it is: damaged, of another version, or set up so
/// that it would lose acknowledged writes.
pub const UNUSABLE: u8 = 5;
/// Interrupted before the work in hand was finished: by a second signal, or because nobody reads
/// the output any more.
pub const INTERRUPTED: u8 = 130;

/// The table that `quipu --help` closes with.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done; for verify and assert: the book holds; for diff: both are the same
  1    verify found something wrong, diff a difference; an explanation does not add up; an
       assertion or a proof does not hold
  2    the command line or an input file is malformed
  3    the book refused something
  4    the server or the store cannot be reached; try again
  5    the store cannot be used as it is
  130  interrupted before the work in hand was finished";

//! Whatever it is given, it gives a verdict.

use proptest::prelude::*;
use quipu_verify::{Checkpoint, Trust, VerifierKey, verify_event, verify_growth};

use crate::support::{BOOK, CHECKPOINT, audit, trust};

const PIECES: &[&str] = &[
    "{\"quipu_journal\":1,\"position\":0,\"root\":\"",
    "{\"commit\":{\"first_position\":",
    "{\"end\":{\"position\":",
    "{\"position\":1,\"stream\":\"a\",\"version\":1,\"id\":\"01a1f92c-85fe-7fb0-bfc8-fa8100000001\",",
    "\"recorded_at\":\"2026-11-20T12:00:00Z\"}",
    "18446744073709551615",
    "\u{2014} ",
    "quipu.example/t/acme",
    "c2sp.org/tlog-proof@v1",
    "index ",
    "old ",
    "group g any ",
    "quorum ",
    "witness ",
    "log ",
    "none",
    "+",
    "\n",
    "\n\n",
    " ",
    "\u{e9}",
    "\0",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "}",
    "\"",
];

/// Pieces of the formats in any order, and bytes of any value between them.
fn material() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_material_never_holds_and_never_panics(bytes in material()) {
        prop_assert!(!audit(&bytes).holds);
        prop_assert!(Checkpoint::open(&bytes, &trust()).is_err());
        prop_assert!(verify_event(&bytes, &bytes, &trust()).is_err());
        prop_assert!(verify_growth(CHECKPOINT.as_bytes(), &bytes, &trust()).is_err());
        let text = String::from_utf8_lossy(&bytes);
        drop(Trust::from_policy(&text));
        drop(text.parse::<VerifierKey>());
    }

    #[test]
    fn a_part_of_the_book_replaced_by_anything_never_holds(
        at in 0..BOOK.len(),
        length in 0..400_usize,
        bytes in material(),
    ) {
        let end = (at + length).min(BOOK.len());
        let changed = [&BOOK.as_bytes()[..at], &bytes, &BOOK.as_bytes()[end..]].concat();
        prop_assert_eq!(audit(&changed).holds, changed == BOOK.as_bytes());
    }
}

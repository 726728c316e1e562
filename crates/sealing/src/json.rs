//! Sealed texts within JSON.

use std::ops::Range;

use memchr::{memchr, memmem};
use quipu_domain::personal::SealedText;

/// How a JSON string begins that may be a sealed text. Neither it nor what follows has a
/// character that JSON escapes, so it is found without parsing.
const MARK: &str = "\"sealed:";

/// Whether there may be one. Every answer is asked this, so it must cost nothing.
pub(crate) fn has_mark(body: &[u8]) -> bool {
    memmem::find(body, MARK.as_bytes()).is_some()
}

/// Replaces every string that is a sealed text.
pub(crate) fn replace_sealed(
    body: Vec<u8>,
    replacement: impl Fn(&SealedText<'_>) -> String,
) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&body) else { return body };
    let (mut replaced, mut copied) = (String::new(), 0);
    for (place, sealed) in sealed_texts(text) {
        replaced.push_str(&text[copied..place.start]);
        let opened = serde_json::to_string(&replacement(&sealed)).expect("a string is always JSON");
        replaced.push_str(&opened);
        copied = place.end;
    }
    if copied == 0 {
        return body;
    }
    replaced.push_str(&text[copied..]);
    replaced.into_bytes()
}

/// Every string that is a sealed text, and where it stands with its quotes. No label has that form
/// (P2), so every one that is found was sealed here; one inside a longer string has its closing
/// quote escaped, and is none.
pub(crate) fn sealed_texts(
    text: &str,
) -> impl Iterator<Item = (Range<usize>, SealedText<'_>)> + use<'_> {
    let mut from = 0;
    let strings = std::iter::from_fn(move || {
        let start = from + memmem::find(&text.as_bytes()[from..], MARK.as_bytes())?;
        let end = start + 1 + memchr(b'"', &text.as_bytes()[start + 1..])?;
        from = end + 1;
        Some((start..from, &text[start + 1..end]))
    });
    strings.filter_map(|(place, string)| Some((place, SealedText::parse(string)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "sealed:t_acme:00ff00ff00ff00ff:AAEC";

    fn replaced(body: &str) -> String {
        let replacement = |sealed: &SealedText<'_>| format!("<\"{}\">", sealed.ciphertext);
        String::from_utf8(replace_sealed(body.as_bytes().to_vec(), replacement)).unwrap()
    }

    #[test]
    fn whole_strings_are_replaced_and_written_as_json() {
        let body = format!(r#"{{"a":"{SEALED}","b":["{SEALED}","x"],"c":"sealed: no"}}"#);
        let expected = r#"{"a":"<\"AAEC\">","b":["<\"AAEC\">","x"],"c":"sealed: no"}"#;
        assert_eq!(replaced(&body), expected);
    }

    #[test]
    fn what_somebody_wrote_into_a_text_stays() {
        let quoted = serde_json::to_string(&format!("he said \"{SEALED}\" and left")).unwrap();
        for body in ["", "{}", "\"sealed:", &quoted, &format!("\"x {SEALED}\"")] {
            assert_eq!(replaced(body), body);
        }
    }
}

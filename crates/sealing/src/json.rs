//! Sealed texts within JSON.

use memchr::memmem;
use quipu_domain::personal::SealedText;

/// How a JSON string begins that may be a sealed text. Neither it nor what follows has a
/// character that JSON escapes, so it is found without parsing.
const MARK: &str = "\"sealed:";

/// Whether there may be one. Every answer is asked this, so it must cost nothing.
pub(crate) fn has_mark(body: &[u8]) -> bool {
    memmem::find(body, MARK.as_bytes()).is_some()
}

/// Replaces every string that is a sealed text. No label has that form (P2), so every one that is
/// found was sealed here; one inside a longer string has its closing quote escaped, and is none.
pub(crate) fn replace_sealed(
    body: Vec<u8>,
    replacement: impl Fn(&SealedText<'_>) -> String,
) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&body) else { return body };
    let mut rest = text;
    let mut replaced = String::new();
    while let Some(start) = rest.find(MARK) {
        let string = &rest[start + 1..];
        let Some(end) = string.find('"') else { break };
        match SealedText::parse(&string[..end]) {
            Some(sealed) => {
                let opened =
                    serde_json::to_string(&replacement(&sealed)).expect("a string is always JSON");
                replaced.push_str(&rest[..start]);
                replaced.push_str(&opened);
            }
            None => replaced.push_str(&rest[..start + 1 + end + 1]),
        }
        rest = &string[end + 1..];
    }
    if rest.len() == text.len() {
        return body;
    }
    replaced.push_str(rest);
    replaced.into_bytes()
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

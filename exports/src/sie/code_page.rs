//! Code page 437, the only character set that SIE allows (`#FORMAT PC8`).

/// Its characters from 128 on.
const UPPER_HALF: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
    └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The text's bytes, or its first character that the code page lacks.
pub(super) fn encoded(text: &str) -> Result<Vec<u8>, char> {
    let byte = |letter: char| {
        let upper = || UPPER_HALF.chars().position(|other| other == letter);
        match u8::try_from(letter) {
            Ok(ascii) if ascii.is_ascii() => Ok(ascii),
            _ => upper().and_then(|index| u8::try_from(index + 128).ok()).ok_or(letter),
        }
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_half_is_complete_and_other_letters_are_named() {
        assert_eq!(UPPER_HALF.chars().count(), 128);
        assert_eq!(encoded("Åäö é A").unwrap(), [0x8f, 0x84, 0x94, 0x20, 0x82, 0x20, 0x41]);
        assert_eq!(encoded("\u{a0}").unwrap(), [0xff]);
        assert_eq!(encoded("5 €"), Err('€'));
    }
}

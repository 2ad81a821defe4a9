//! Texts that stand for others.

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};

/// The shortest text that is looked into, in bytes: an image does not fit into less.
const LENGTH_MIN: usize = 12;

/// What an encoded text is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unpacked {
    /// A text.
    Text(String),
    /// Compressed bytes.
    Packed,
    /// It is not encoded.
    Nothing,
}

/// How often a text was encoded at most for what it stands for to be looked at: more counts as packed.
const LAYERS_MAX: usize = 16;

/// Returns what a text stands for in base64 of any alphabet, over several lines too, or as a `data:` URL; also where that was encoded
/// several times.
pub(super) fn unpacked(text: &str) -> Unpacked {
    let mut found = Unpacked::Nothing;
    for _ in 0..LAYERS_MAX {
        let text = if let Unpacked::Text(inner) = &found { inner } else { text };
        match if text.len() < LENGTH_MIN { Unpacked::Nothing } else { once(text) } {
            Unpacked::Nothing => return found,
            Unpacked::Packed => return Unpacked::Packed,
            deeper => found = deeper,
        }
    }
    Unpacked::Packed
}

fn once(text: &str) -> Unpacked {
    let (is_plain, body) = match text.trim().strip_prefix("data:").and_then(|url| url.split_once(',')) {
        Some((kind, body)) => (!kind.ends_with("base64"), body),
        None => (false, text),
    };
    if is_plain {
        return percent_encoding::percent_decode_str(body)
            .decode_utf8()
            .map_or(Unpacked::Nothing, |text| Unpacked::Text(text.into_owned()));
    }
    // Texts for people have other letters soon.
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_= \t\r\n".contains(&byte);
    if !body.bytes().all(is_letter) {
        return Unpacked::Nothing;
    }
    let letters = body.chars().filter(|c| !c.is_whitespace() && *c != '=');
    let letters = letters.map(|c| match c {
        '-' => '+',
        '_' => '/',
        other => other,
    });
    match BASE64_STANDARD_NO_PAD.decode(letters.collect::<String>()) {
        Ok(bytes) if bytes.starts_with(&[0x1f, 0x8b]) => Unpacked::Packed,
        Ok(bytes) => String::from_utf8(bytes).map_or(Unpacked::Nothing, Unpacked::Text),
        Err(_) => Unpacked::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    #[test]
    fn texts_are_found_however_often_they_were_encoded() {
        let mut text = "image: nginx:1.27".to_owned();
        for _ in 0..5 {
            text = BASE64_STANDARD.encode(&text);
            assert_eq!(unpacked(&text), Unpacked::Text("image: nginx:1.27".to_owned()), "{text}");
        }
        assert_eq!(unpacked("data:,image:%20nginx:1.27"), Unpacked::Text("image: nginx:1.27".to_owned()));
        // However small what it gets is.
        let layers = |count: usize| format!("{}image: nginx:1.27", "data:,".repeat(count));
        assert_eq!(unpacked(&layers(9)), Unpacked::Text("image: nginx:1.27".to_owned()));
        assert_eq!(unpacked(&layers(100_000)), Unpacked::Packed);
        assert_eq!(unpacked("H4sIAAAAAAAAAA=="), Unpacked::Packed);
        for plain in ["image: nginx:1.27", "just some words", "deployment"] {
            assert_eq!(unpacked(plain), Unpacked::Nothing, "{plain}");
        }
    }
}

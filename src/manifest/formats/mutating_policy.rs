//! Kubernetes' own policies that change objects: their containers stand in expressions of CEL.

use super::finder::Finder;
use crate::manifest::site::{State, classify};
use crate::manifest::syntax::tree::NodeId;

/// Says which images the expression at `node` names: behind `image:` in a text (KEP-3962).
pub(super) fn find(finder: &mut Finder<'_, '_>, node: NodeId) {
    for image in images(finder.tree.text_of(node).unwrap_or_default()) {
        finder.add_in_other_language(node, "", image);
    }
}

/// Returns the texts behind `image:`, or behind it in quotes, as far as they are images.
fn images(text: &str) -> impl Iterator<Item = &str> {
    let values = text.match_indices("image").filter_map(|(at, word)| {
        let is_word = !text[..at].ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_');
        let rest = text[at + word.len()..].trim_start_matches(['"', '\'']).trim_start();
        let value = rest.strip_prefix(':').filter(|_| is_word)?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        value[1..].split(quote).next()
    });
    values.filter(|value| matches!(classify(value).0, State::Floating | State::Pinned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_behind_image_are_said() {
        let text = r#"{name: "jitter", image: "busybox:1", imagePullPolicy: "Always", "image" : 'a/b', myimage: "c", image: x}"#;
        assert_eq!(images(text).collect::<Vec<_>>(), ["busybox:1", "a/b"]);
    }
}

//! The names that have a digest somewhere, in whatever language.

use std::collections::HashSet;

/// How many bytes before a digest are looked at.
const BEFORE_MAX: usize = 500;

/// Names that have a digest somewhere.
#[derive(Clone, Debug, Default)]
pub struct PinnedNames {
    /// Those that stand before it.
    pub(super) names: HashSet<String>,
    /// Those of inputs and variables whose default has it.
    pub(super) defaults: HashSet<String>,
}

impl PinnedNames {
    /// Adds those of a text, whatever it is written in; not those that say nothing.
    pub fn add(&mut self, bytes: &[u8]) {
        const GENERIC: [&str; 6] = ["default", "from", "image", "key", "name", "value"];
        for at in memchr::memmem::find_iter(bytes, b"sha256:") {
            // What names it stands near; a line may be as long as the file.
            let near = at.saturating_sub(BEFORE_MAX);
            let start = memchr::memrchr(b'\n', &bytes[near..at]).map_or(near, |end| near + end + 1);
            let line = String::from_utf8_lossy(&bytes[start..at]);
            let Some(end) = line.rfind(": ").or_else(|| line.rfind('=')) else { continue };
            let (before, name) = last_word(&line[..end]);
            match name {
                "default" => {
                    let inner = before.trim_end().strip_suffix('{').unwrap_or_default();
                    let inner = inner.trim_end().trim_end_matches([':', '=']);
                    let holder = Some(last_word(inner).1).filter(|name| !name.is_empty());
                    let holder = holder.map(str::to_owned).or_else(|| holder_of(bytes, start));
                    self.defaults.extend(holder);
                }
                name if !name.is_empty() && !GENERIC.contains(&name) => {
                    self.names.insert(name.to_owned());
                }
                _ => {}
            }
        }
    }
}

/// Returns the last word of a text, and what stands before it.
fn last_word(text: &str) -> (&str, &str) {
    let text = text.trim_end_matches(['"', '\'', ' ']);
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.split_at(text.trim_end_matches(is_word).len())
}

/// Returns the name of what holds the line that starts at `start`: the last word of the nearest line before it that stands less deep.
fn holder_of(bytes: &[u8], start: usize) -> Option<String> {
    /// How many lines are looked through.
    const LINES_MAX: usize = 50;
    let depth = |line: &[u8]| line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let own = depth(&bytes[start..]);
    let near = start.saturating_sub(BEFORE_MAX * 8);
    let before = bytes[near..start].rsplit(|byte| *byte == b'\n').skip(1).take(LINES_MAX);
    let holder = before.filter(|line| !line.trim_ascii().is_empty()).find(|line| depth(line) < own)?;
    let holder = String::from_utf8_lossy(holder);
    let name = last_word(holder.trim_end().trim_end_matches(['{', ' ', ':', '='])).1.to_owned();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_of_what_holds_it() {
        let digest = format!("1@sha256:{}", "a".repeat(64));
        for text in [
            "inputs:\n  tag:\n    description: x\n    default: \"DIGEST\"\n",
            "inputs:\n  tag: {default: \"DIGEST\"}\n",
            "variable \"tag\" {\n  type    = string\n  default = \"DIGEST\"\n}\n",
            "variable \"tag\" { default = \"DIGEST\" }\n",
            "{\"variable\": {\"tag\": {\n  \"default\": \"DIGEST\"}}}\n",
        ] {
            let mut pinned = PinnedNames::default();
            pinned.add(text.replace("DIGEST", &digest).as_bytes());
            assert_eq!(pinned.defaults, HashSet::from(["tag".to_owned()]), "{text}");
            assert!(pinned.names.is_empty(), "{text}");
        }
        let mut pinned = PinnedNames::default();
        pinned.add(format!("WEB_TAG={digest}\nname: {digest}\n").as_bytes());
        assert_eq!(pinned.names, HashSet::from(["WEB_TAG".to_owned()]));
    }
}

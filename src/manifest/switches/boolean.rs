//! What the head of a condition in a chart's template asks: `and`, `or`, `not` and `empty` taken apart (text/template, "Functions").

/// A head, taken apart as far as it is of truth values.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Boolean<'t> {
    /// All of them.
    And(Vec<Self>),
    /// One of them.
    Or(Vec<Self>),
    Not(Box<Self>),
    /// Something else, as it is written.
    Other(&'t str),
}

/// How deep parentheses are followed.
const DEPTH_MAX: usize = 20;

/// Returns what a head asks.
pub(super) fn boolean(head: &str) -> Boolean<'_> {
    let is_plain = !head.contains([':', '=']) || head.contains('"');
    let mut parser = HeadParser { text: head, at: 0 };
    let parsed = is_plain.then(|| parser.pipeline(DEPTH_MAX)).flatten();
    parsed.filter(|_| parser.rest().is_empty()).unwrap_or(Boolean::Other(head))
}

struct HeadParser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> HeadParser<'t> {
    fn rest(&mut self) -> &'t str {
        self.at = self.text.len() - self.text[self.at..].trim_start().len();
        &self.text[self.at..]
    }

    /// Reads commands with `|` between them; `None` where they are not understood.
    fn pipeline(&mut self, depth: usize) -> Option<Boolean<'t>> {
        let start = self.text.len() - self.rest().len();
        let mut found = self.command(depth)?;
        while self.rest().starts_with('|') {
            self.at += 1;
            let function = self.rest().split(|c: char| c.is_whitespace() || ")|".contains(c)).next()?;
            let begin = self.at;
            let other = self.command(depth)?;
            found = match (function, self.text[begin..self.at].trim() == function) {
                ("not" | "empty", true) => Boolean::Not(Box::new(found)),
                _ => match other {
                    // What a function makes of it.
                    Boolean::Other(_) => Boolean::Other(self.text[start..self.at].trim()),
                    _ => return None,
                },
            };
        }
        Some(found)
    }

    fn command(&mut self, depth: usize) -> Option<Boolean<'t>> {
        let start = self.text.len() - self.rest().len();
        let mut operands: Vec<Boolean<'t>> = Vec::new();
        while !self.rest().is_empty() && !self.rest().starts_with([')', '|']) {
            operands.push(self.operand(depth)?);
        }
        let whole = self.text[start..self.at].trim();
        let mut all = operands.into_iter();
        let first = all.next()?;
        let rest: Vec<Boolean<'t>> = all.collect();
        Some(match (&first, rest.len()) {
            (_, 0) => first,
            (Boolean::Other("and"), _) => Boolean::And(rest),
            (Boolean::Other("or"), _) => Boolean::Or(rest),
            (Boolean::Other("not" | "empty"), 1) => Boolean::Not(Box::new(rest.into_iter().next()?)),
            _ => Boolean::Other(whole),
        })
    }

    fn operand(&mut self, depth: usize) -> Option<Boolean<'t>> {
        let rest = self.rest();
        if let Some(inner) = rest.strip_prefix('(') {
            self.at = self.text.len() - inner.len();
            let found = self.pipeline(depth.checked_sub(1)?)?;
            self.at = self.text.len() - self.rest().strip_prefix(')')?.len();
            // A field of what stands in them.
            return (!self.text[self.at..].starts_with('.')).then_some(found);
        }
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '`'));
        let length = match quote {
            Some(quote) => rest[1..].find(quote)? + 2,
            None => rest.find(|c: char| c.is_whitespace() || "()|".contains(c)).unwrap_or(rest.len()),
        };
        self.at += length;
        Some(Boolean::Other(&rest[..length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_taken_apart() {
        let other = Boolean::Other;
        let not = |inner| Boolean::Not(Box::new(inner));
        for (head, expected) in [
            (".Values.a", other(".Values.a")),
            (
                "and .Values.a (not .Values.b)",
                Boolean::And(vec![other(".Values.a"), not(other(".Values.b"))]),
            ),
            ("or (empty .a) .b", Boolean::Or(vec![not(other(".a")), other(".b")])),
            ("not (not .a)", not(not(other(".a")))),
            (".a | not", not(other(".a"))),
            (".a | default false", other(".a | default false")),
            ("eq .a \"b c\"", other("eq .a \"b c\"")),
            ("and (eq .a \"(\") .b", Boolean::And(vec![other("eq .a \"(\""), other(".b")])),
            ("(.Values.a).b", other("(.Values.a).b")),
            ("and (.a", other("and (.a")),
            ("$x := .a", other("$x := .a")),
            ("", other("")),
        ] {
            assert_eq!(boolean(head), expected, "{head}");
        }
        let deep = "(".repeat(10_000);
        assert_eq!(boolean(&deep), other(&deep));
    }
}

//! What the functions of templates are given, and which of them change it.

use super::template::{Token, closing};

/// Something that a function is given.
pub(super) struct Operand<'s, 't> {
    pub(super) token: &'s Token<'t>,
    /// What stands in its parentheses.
    pub(super) inner: &'s [Token<'t>],
    /// The fields behind it.
    pub(super) of: &'s [&'t str],
}

impl<'s, 't> Operand<'s, 't> {
    /// Returns the fields that it names.
    pub(super) fn names(&self) -> &'s [&'t str] {
        match self.token {
            Token::Field(names) | Token::Of(names) => names,
            _ => self.of,
        }
    }
}

pub(super) fn operands<'s, 't>(tokens: &'s [Token<'t>]) -> Vec<Operand<'s, 't>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(token) = tokens.get(at) {
        at += 1;
        let mut inner: &[Token<'t>] = &[];
        if *token == Token::Open {
            let end = at + closing(&tokens[at..]);
            inner = &tokens[at..end];
            at = (end + 1).min(tokens.len());
        }
        let mut of: &[&str] = &[];
        if let (Some(Token::Of(names)), false) =
            (tokens.get(at), matches!(token, Token::Of(_) | Token::Field(_)))
        {
            of = names;
            at += 1;
        }
        found.push(Operand { token, inner, of });
    }
    found
}

pub(super) fn is_mutator(token: &Token<'_>) -> bool {
    matches!(
        token,
        Token::Word("set" | "unset" | "merge" | "mergeOverwrite" | "mustMerge" | "mustMergeOverwrite")
    )
}

/// Returns whether an action writes into the values that all templates see.
pub(super) fn mutates_values(tokens: &[Token<'_>]) -> bool {
    let of_all = |token: &Token<'_>| match token {
        Token::Field(names) | Token::Of(names) => names.is_empty() || names.contains(&"Values"),
        Token::Variable(name) => name.is_empty(),
        _ => false,
    };
    let at = tokens.iter().position(is_mutator);
    at.and_then(|at| tokens.get(at + 1)).is_some_and(of_all)
}

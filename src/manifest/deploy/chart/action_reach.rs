//! What an action of a template is made of: its own texts, and what its variables and the blocks around it say.

use std::collections::HashSet;

use super::sources::Placed;
use super::template::{Piece, Token};

/// How far variables and blocks are followed for one action.
const REACH_MAX: usize = 400;
const TOKENS_MAX: usize = 10_000;

/// Functions whose arguments do not come out.
const ASKING: [&str; 22] = [
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "contains",
    "hasPrefix",
    "hasSuffix",
    "regexMatch",
    "semverCompare",
    "has",
    "hasKey",
    "kindIs",
    "typeIs",
    "fail",
    "lookup",
    "index",
    "get",
    "dig",
    "pluck",
    "include",
];

/// Functions whose first argument does not come out.
const ASKING_FIRST: [&str; 15] = [
    "replace",
    "trimSuffix",
    "trimPrefix",
    "trimAll",
    "split",
    "splitList",
    "splitn",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "regexFind",
    "regexSplit",
    "mustRegexReplaceAll",
    "mustRegexFind",
    "required",
    "template",
];

/// Returns the texts of an action that may come out.
pub(super) fn written<'s>(tokens: &'s [Token<'_>]) -> Vec<&'s str> {
    let (mut found, mut open): (Vec<&str>, Vec<(&str, usize)>) = (Vec::new(), vec![("", 0)]);
    let mut is_first = true;
    for token in tokens {
        match token {
            Token::Open => {
                if let Some((_, given)) = open.last_mut() {
                    *given += 1;
                }
                open.push(("", 0));
                is_first = true;
                continue;
            }
            Token::Close => {
                if open.len() > 1 {
                    open.pop();
                }
            }
            Token::Pipe | Token::Declare | Token::Assign => {
                if let Some(last) = open.last_mut() {
                    *last = ("", 0);
                }
                is_first = true;
                continue;
            }
            Token::Word(word) if is_first => {
                if let Some(last) = open.last_mut() {
                    *last = (word, 0);
                }
            }
            Token::Text(text) => {
                if let Some((word, given)) = open.last_mut() {
                    let is_asked = ASKING.contains(word) || (ASKING_FIRST.contains(word) && *given == 0);
                    *given += 1;
                    // What is not rendered again is no key.
                    if !(is_asked || text.starts_with("{{") || text.ends_with("}}")) {
                        found.push(text.as_str());
                    }
                }
            }
            _ => {
                if let Some((_, given)) = open.last_mut() {
                    *given += 1;
                }
            }
        }
        is_first = false;
    }
    found
}

/// Returns the tokens of an action, of what its variables were set to, and of the blocks that say what its fields are of.
pub(super) fn reach<'p, 't>(placed: &'p Placed<'t>, at: usize) -> Vec<&'p [Token<'t>]> {
    let own = &placed[at];
    let (mut found, mut length): (Vec<&[Token<'t>]>, usize) = (Vec::new(), 0);
    let mut open = vec![at];
    let (mut seen, mut named) = (HashSet::from([at]), HashSet::new());
    while let Some(next) = open.pop() {
        let Piece::Action(tokens) = &placed[next].piece else { continue };
        found.push(tokens);
        length += tokens.len();
        if found.len() > REACH_MAX || length > TOKENS_MAX {
            break;
        }
        for token in tokens {
            match token {
                Token::Variable(name) if !name.is_empty() && named.insert(*name) => {
                    let setters = placed.setters(own.definition, name).iter().take(REACH_MAX);
                    open.extend(setters.filter(|at| seen.insert(**at)));
                }
                Token::Field(names)
                    if !names.first().is_some_and(|first| {
                        matches!(
                            *first,
                            "Values" | "Release" | "Chart" | "Capabilities" | "Files" | "Template"
                        )
                    }) =>
                {
                    let is_context = |at: &&usize| {
                        matches!(&placed[**at].piece,
                        Piece::Action(tokens) if matches!(tokens.first(), Some(Token::Word("with" | "range"))))
                    };
                    let around = placed[next].around.iter().filter(is_context);
                    open.extend(around.filter(|at| seen.insert(**at)));
                }
                _ => {}
            }
        }
    }
    found
}

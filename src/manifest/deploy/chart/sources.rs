//! The templates of a chart as they stand: what is where, which blocks are around it, and which definitions there are.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::{Deref, Range};

use super::template::{Piece, Token, pieces};

/// How deep blocks are followed.
const DEPTH_MAX: usize = 100;

/// A text or an action of a template.
pub(in crate::manifest) struct PlacedPiece<'t> {
    /// Where it stands in the file, braces included; of a text without the blanks that an action beside it cuts off.
    pub(in crate::manifest) place: Range<usize>,
    pub(super) piece: Piece<'t>,
    /// The actions that open the blocks around it, the outermost first.
    pub(super) around: Vec<usize>,
    /// The `define` around it.
    pub(in crate::manifest) definition: Option<usize>,
}

/// A template by its pieces.
pub(in crate::manifest) struct Placed<'t> {
    pieces: Vec<PlacedPiece<'t>>,
    /// The actions that set a variable, by the `define` around them and its name.
    setters: HashMap<Option<usize>, HashMap<&'t str, Vec<usize>>>,
}

impl<'t> Deref for Placed<'t> {
    type Target = [PlacedPiece<'t>];

    fn deref(&self) -> &Self::Target {
        &self.pieces
    }
}

impl Placed<'_> {
    /// Returns the actions that set a variable in a definition.
    pub(super) fn setters(&self, definition: Option<usize>, name: &str) -> &[usize] {
        self.setters.get(&definition).and_then(|named| named.get(name)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The templates of some charts that share their definitions.
pub(in crate::manifest) struct ChartSources<'t> {
    /// The paths and the pieces of the files; `None` of one that is not a template.
    pub(in crate::manifest) files: Vec<(&'t str, Option<Placed<'t>>)>,
    /// The files with a definition of each name, and where it begins there.
    pub(super) definitions: HashMap<String, Vec<(usize, usize)>>,
    /// What changes values for all templates, and the files that say so, once that was asked.
    pub(super) mutations: OnceCell<Vec<(String, String)>>,
}

impl<'t> ChartSources<'t> {
    /// Returns the templates with these paths and texts.
    pub(in crate::manifest) fn of(texts: &'t [(String, String)]) -> Self {
        let files: Vec<_> = texts.iter().map(|(path, text)| (path.as_str(), placed(text))).collect();
        let mut definitions: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (file, (_, placed)) in files.iter().enumerate() {
            for (at, piece) in placed.iter().flat_map(|placed| placed.iter()).enumerate() {
                if let Piece::Action(tokens) = &piece.piece
                    && let [Token::Word("define" | "block"), Token::Text(name), ..] = tokens.as_slice()
                {
                    definitions.entry(name.clone()).or_default().push((file, at));
                }
            }
        }
        Self { files, definitions, mutations: OnceCell::new() }
    }

    /// Returns what stands at `span` of a file, texts and the keys of values, in lower case, that are written out as they are;
    /// `None` where there is something else.
    pub(in crate::manifest) fn plain(
        &self,
        file: usize,
        span: &Range<usize>,
    ) -> Option<Vec<Result<&'t str, Vec<String>>>> {
        let placed = self.files[file].1.as_ref()?;
        let declares = |piece: &PlacedPiece<'_>| {
            matches!(&piece.piece, Piece::Action(tokens)
                if matches!(tokens.as_slice(), [Token::Variable(""), Token::Declare | Token::Assign, ..]))
        };
        if placed.iter().any(declares) {
            return None;
        }
        let mut found = Vec::new();
        for piece in
            placed.iter().filter(|piece| piece.place.start < span.end && span.start < piece.place.end)
        {
            let is_in_block = piece.around.iter().any(|at| match &placed[*at].piece {
                Piece::Action(tokens) => !matches!(tokens.first(), Some(Token::Word("if"))),
                Piece::Text(_) => true,
            });
            match &piece.piece {
                Piece::Text(text) => {
                    // What stands before and behind the image is cut off.
                    let from = span.start.saturating_sub(piece.place.start);
                    let to = span.end.saturating_sub(piece.place.start).min(text.len());
                    found.push(Ok(text.get(from..to)?));
                }
                Piece::Action(tokens) => {
                    // What stands in for a value that is empty does not where it is not: who asks takes no empty one.
                    let tokens = match tokens.as_slice() {
                        [field, Token::Pipe, Token::Word("default"), ..] => std::slice::from_ref(field),
                        tokens => tokens,
                    };
                    let names: &[&str] = match tokens {
                        [Token::Field(names)] if !is_in_block => names,
                        [Token::Variable(""), Token::Of(names)] if piece.definition.is_none() => names,
                        _ => return None,
                    };
                    let [first, keys @ ..] = names else { return None };
                    if *first != "Values" || keys.is_empty() {
                        return None;
                    }
                    found.push(Err(keys.iter().map(|key| key.to_lowercase()).collect()));
                }
            }
        }
        Some(found)
    }

    /// Returns what a definition says, blanks and comments aside.
    pub(super) fn body(&self, (file, at): (usize, usize)) -> String {
        let pieces = self.files[file].1.iter().flat_map(|placed| placed.iter());
        let own = pieces.filter(|piece| piece.definition == Some(at));
        own.map(|piece| said(&piece.piece)).collect()
    }
}

/// Returns what a piece says, blanks and comments aside.
pub(super) fn said(piece: &Piece<'_>) -> String {
    match piece {
        // The line that it ends is the only blank that counts.
        Piece::Text(text) => {
            let lines = text.split('\n').map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
        }
        Piece::Action(tokens) if tokens.is_empty() => String::new(),
        Piece::Action(tokens) => format!("{tokens:?}"),
    }
}

/// Returns the pieces of a text; `None` where it is not a template.
fn placed(text: &str) -> Option<Placed<'_>> {
    let (mut found, mut open): (Vec<PlacedPiece<'_>>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut setters: HashMap<Option<usize>, HashMap<&str, Vec<usize>>> = HashMap::new();
    for (place, piece) in pieces(text)? {
        let at = found.len();
        let place = match &piece {
            Piece::Text(kept) => {
                let start = kept.as_ptr() as usize - text.as_ptr() as usize;
                start..start + kept.len()
            }
            Piece::Action(_) => place,
        };
        let word = match &piece {
            Piece::Action(tokens) => match tokens.first() {
                Some(Token::Word(word)) => *word,
                _ => "",
            },
            Piece::Text(_) => "",
        };
        if word == "end" {
            open.pop()?;
        }
        let is_definition = |at: &&usize| {
            let opens = &found[**at].piece;
            matches!(opens, Piece::Action(tokens) if matches!(tokens.first(), Some(Token::Word("define" | "block"))))
        };
        let definition = open.iter().rev().find(is_definition).copied();
        for name in set_by(&piece) {
            setters.entry(definition).or_default().entry(name).or_default().push(at);
        }
        found.push(PlacedPiece { place, piece, around: open.clone(), definition });
        if matches!(word, "if" | "with" | "range" | "define" | "block") {
            open.push(at);
        }
        if open.len() > DEPTH_MAX {
            return None;
        }
    }
    open.is_empty().then_some(Placed { pieces: found, setters })
}

/// Returns the variables that a piece sets.
fn set_by<'t>(piece: &Piece<'t>) -> Vec<&'t str> {
    let Piece::Action(tokens) = piece else { return Vec::new() };
    let at = tokens.iter().position(|token| matches!(token, Token::Declare | Token::Assign));
    let changed = if tokens.contains(&Token::Word("set")) { tokens.len() } else { at.unwrap_or_default() };
    let variables = tokens[..changed].iter().filter_map(|token| match token {
        Token::Variable(name) => Some(*name),
        _ => None,
    });
    variables.collect()
}

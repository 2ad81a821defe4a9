//! What decides what an image of a template becomes: the definitions that it reaches, the fields of its `Chart.yaml`, files, and
//! the values that are not just written out.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use super::operands::{Operand, is_mutator, mutates_values, operands};
use super::sources::{ChartSources, Placed, said};
use super::template::{Piece, Token, split};

/// What a template asks of a value that it does not write out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::manifest) enum ValueAsk {
    /// Whether it is there and says something.
    Truth,
    /// Which keys it has.
    Keys,
    /// What a comparison with a text says.
    Holds(String, String),
    /// What it is.
    Text,
}

/// What decides about an image.
#[derive(Debug, Default)]
pub(in crate::manifest) struct ImageSlice {
    /// The files with definitions that it reaches, and what these say; the empty name is for its own file.
    pub(in crate::manifest) said: BTreeSet<(String, String)>,
    /// The fields of `Chart.yaml`; an empty name stands for all.
    pub(in crate::manifest) chart: BTreeSet<String>,
    /// Whether it asks for the release or the cluster, of which deployers say what they are.
    pub(in crate::manifest) asks_release: bool,
    /// The files of the chart that are named.
    pub(in crate::manifest) files: BTreeSet<String>,
    /// The patterns of files of the chart that are named.
    pub(in crate::manifest) patterns: BTreeSet<String>,
    /// Whether it takes files by names that are not written there.
    pub(in crate::manifest) any_file: bool,
    /// The keys that lead to values, in lower case, and what is asked of each.
    pub(in crate::manifest) asks: BTreeSet<(Vec<String>, ValueAsk)>,
    /// The same of what stands somewhere among `bases`: only the last key is known.
    pub(in crate::manifest) asks_below: BTreeSet<(String, ValueAsk)>,
    /// The keys of the values that it takes something of.
    pub(in crate::manifest) bases: BTreeSet<Vec<String>>,
}

/// What becomes of what stands somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum OperandRole {
    /// It is written out, and judged where the value stands.
    Output,
    /// The same, if it is a list that is written there.
    Items,
    Asked(ValueAsk),
}

/// How much is followed for one image.
const STEPS_MAX: usize = 20_000;

/// Functions that leave a value what it is.
const VERBATIM: [&str; 19] = [
    "quote", "squote", "toString", "trim", "nospace", "default", "tpl", "required", "print", "dict", "list",
    "tuple", "nindent", "indent", "lower", "template", "include", "block", "int",
];

impl ChartSources<'_> {
    /// Returns what decides about the image that stands at `span` of a file.
    pub(in crate::manifest) fn slice(&self, file: usize, span: &Range<usize>) -> ImageSlice {
        let mut slicer = Slicer {
            sources: self,
            found: ImageSlice::default(),
            seen: HashSet::new(),
            printed: BTreeSet::new(),
            passed: BTreeSet::new(),
            of_dot: BTreeSet::new(),
            file,
            definition: None,
            steps: 0,
        };
        let Some(placed) = &self.files[file].1 else {
            slicer.everything();
            return slicer.found;
        };
        let overlaps = |place: &Range<usize>| place.start < span.end && span.start < place.end;
        let own = placed.iter().enumerate().filter(|(_, piece)| overlaps(&piece.place));
        let own: Vec<usize> = own.map(|(at, _)| at).collect();
        slicer.definition = own.first().and_then(|at| placed[*at].definition);
        let around: BTreeSet<usize> = own.iter().flat_map(|at| &placed[*at].around).copied().collect();
        for at in around.into_iter().filter(|at| !own.contains(at)) {
            // Whether it comes out at all is told by what keeps it from running.
            if matches!(word_of(&placed[at].piece), "with" | "range") {
                slicer.note(at);
                slicer.action(placed, at);
            }
        }
        for at in own {
            slicer.action(placed, at);
        }
        slicer.mutations();
        slicer.finish()
    }
}

fn word_of<'t>(piece: &Piece<'t>) -> &'t str {
    match piece {
        Piece::Action(tokens) => match tokens.first() {
            Some(Token::Word(word)) => word,
            _ => "",
        },
        Piece::Text(_) => "",
    }
}

struct Slicer<'s, 't> {
    sources: &'s ChartSources<'t>,
    found: ImageSlice,
    seen: HashSet<(usize, Option<usize>, String, OperandRole)>,
    /// The values that are written out.
    printed: BTreeSet<Vec<String>>,
    /// The values that definitions are given.
    passed: BTreeSet<Vec<String>>,
    /// What is asked of whatever a definition is given.
    of_dot: BTreeSet<ValueAsk>,
    /// Where it is: the file, and the definition in it.
    file: usize,
    definition: Option<usize>,
    steps: usize,
}

impl<'s, 't> Slicer<'s, 't> {
    fn finish(mut self) -> ImageSlice {
        for ask in &self.of_dot {
            self.found.asks.extend(self.passed.iter().map(|key| (key.clone(), ask.clone())));
        }
        let printed = &self.printed;
        // What is written out where it is there is judged where it stands.
        self.found.asks.retain(|(key, ask)| *ask != ValueAsk::Truth || !printed.contains(key));
        let is_printed = |name: &String| printed.iter().any(|key| key.last() == Some(name));
        self.found.asks_below.retain(|(name, ask)| *ask != ValueAsk::Truth || !is_printed(name));
        self.found
    }

    /// Notes that anything of the chart may decide.
    fn everything(&mut self) {
        self.found.chart.insert(String::new());
        self.found.any_file = true;
        self.found.asks.insert((Vec::new(), ValueAsk::Text));
        for (name, all) in &self.sources.definitions {
            for at in all {
                let path = self.sources.files[at.0].0.to_owned();
                self.found.said.insert((path, format!("{name}: {}", self.sources.body(*at))));
            }
        }
    }

    /// Notes what an action of the current file says as something that decides.
    fn note(&mut self, at: usize) {
        let piece = self.sources.files[self.file].1.as_ref().and_then(|placed| placed.get(at));
        if let Some(piece) = piece {
            self.found.said.insert((String::new(), said(&piece.piece)));
        }
    }

    /// Notes what changes values for all templates.
    fn mutations(&mut self) {
        let all = self.sources.mutations.get_or_init(|| {
            let pieces = self.sources.files.iter().flat_map(|(path, placed)| {
                placed.iter().flat_map(|placed| placed.iter()).map(move |piece| (*path, &piece.piece))
            });
            let mutating =
                pieces.filter(|(_, piece)| matches!(piece, Piece::Action(tokens) if mutates_values(tokens)));
            mutating.map(|(path, piece)| (path.to_owned(), said(piece))).collect()
        });
        self.found.said.extend(all.iter().cloned());
    }

    fn action(&mut self, placed: &'s Placed<'t>, at: usize) {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return self.everything();
        }
        let Piece::Action(tokens) = &placed[at].piece else { return };
        let (head, rest) = match tokens.as_slice() {
            [Token::Word("else"), Token::Word(word), rest @ ..] => (*word, rest),
            [Token::Word(word @ ("if" | "with" | "range" | "define" | "end" | "else")), rest @ ..] => {
                (*word, rest)
            }
            [Token::Word("block"), ..] => ("", &tokens[1..]),
            all => ("", all),
        };
        let start = rest.iter().position(|token| matches!(token, Token::Declare | Token::Assign));
        let value = start.map_or(rest, |start| &rest[start + 1..]);
        match head {
            "define" | "end" | "else" => {}
            "if" => self.pipeline(value, &OperandRole::Asked(ValueAsk::Truth)),
            "with" => {
                self.pipeline(value, &OperandRole::Asked(ValueAsk::Truth));
                self.pipeline(value, &OperandRole::Output);
            }
            // What a variable is matters where it is used.
            "" if start.is_some() => {}
            "" if matches!(tokens.first(), Some(Token::Word("block"))) => self.include(&tokens[1..]),
            _ => self.pipeline(value, &OperandRole::Output),
        }
    }

    fn pipeline(&mut self, tokens: &'s [Token<'t>], role: &OperandRole) {
        let mut role = role.clone();
        for command in split(tokens).into_iter().rev() {
            role = self.command(command, &role);
        }
    }

    /// Follows a command whose result has a role; returns that of what is piped into it.
    fn command(&mut self, tokens: &'s [Token<'t>], role: &OperandRole) -> OperandRole {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.everything();
            return OperandRole::Output;
        }
        let (word, rest) = match tokens.first() {
            Some(Token::Word(word)) => (*word, &tokens[1..]),
            _ => ("", tokens),
        };
        let text = OperandRole::Asked(ValueAsk::Text);
        let operands = operands(rest);
        let all =
            |it: &mut Self, role: &OperandRole| operands.iter().for_each(|operand| it.operand(operand, role));
        match word {
            "" => {
                if let Some((first, more)) = operands.split_first()
                    && let names = first.names()
                    && let Some(at) = names.iter().position(|name| *name == "Files")
                {
                    self.files(&names[at + 1..], more);
                    return text;
                }
                all(self, role);
                text
            }
            "include" | "template" => {
                self.include(rest);
                OperandRole::Output
            }
            "printf" => {
                let (format, rest) = operands.split_at(1.min(operands.len()));
                format.iter().for_each(|operand| self.operand(operand, &text));
                rest.iter().for_each(|operand| self.operand(operand, role));
                role.clone()
            }
            "list" | "tuple" if *role == OperandRole::Items => {
                all(self, &OperandRole::Output);
                OperandRole::Output
            }
            "join" => {
                let items = if matches!(role, OperandRole::Output) { OperandRole::Items } else { text };
                all(self, &items);
                items
            }
            word if VERBATIM.contains(&word) => {
                let role = if *role == OperandRole::Items { &text } else { role };
                all(self, role);
                role.clone()
            }
            "index" | "get" | "dig" => {
                self.index(&operands, role);
                text
            }
            "not" | "empty" => {
                all(self, &OperandRole::Asked(ValueAsk::Truth));
                OperandRole::Asked(ValueAsk::Truth)
            }
            "and" | "or" | "coalesce" => {
                let role = match role {
                    OperandRole::Asked(ask) => OperandRole::Asked(ask.clone()),
                    OperandRole::Output | OperandRole::Items => text,
                };
                all(self, &role);
                role
            }
            "eq" | "ne" | "contains" | "hasPrefix" | "hasSuffix" => {
                let texts = operands.iter().filter_map(|operand| match operand.token {
                    Token::Text(text) => Some(text.clone()),
                    _ => None,
                });
                let holds: Vec<OperandRole> =
                    texts.map(|text| OperandRole::Asked(ValueAsk::Holds(word.to_owned(), text))).collect();
                for role in holds.iter().chain(holds.is_empty().then_some(&text)) {
                    all(self, role);
                }
                holds.into_iter().next().unwrap_or(text)
            }
            "hasKey" | "keys" | "len" => {
                all(self, &OperandRole::Asked(ValueAsk::Keys));
                OperandRole::Asked(ValueAsk::Keys)
            }
            "ternary" => {
                for (index, operand) in operands.iter().enumerate() {
                    let truth = OperandRole::Asked(ValueAsk::Truth);
                    self.operand(operand, if index < 2 { &text } else { &truth });
                }
                OperandRole::Asked(ValueAsk::Truth)
            }
            _ => {
                all(self, &text);
                text
            }
        }
    }

    fn operand(&mut self, operand: &Operand<'s, 't>, role: &OperandRole) {
        match operand.token {
            Token::Field(names) | Token::Of(names) => self.field(names, role),
            Token::Variable(name) => {
                if name.is_empty() {
                    self.field(operand.of, role);
                } else if operand.of.is_empty() {
                    self.variable(name, role);
                } else {
                    self.field(operand.of, role);
                    self.variable(name, &OperandRole::Output);
                }
            }
            Token::Open => {
                if operand.of.is_empty() {
                    self.pipeline(operand.inner, role);
                } else {
                    self.field(operand.of, role);
                    self.pipeline(operand.inner, &OperandRole::Output);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, names: &[&str], role: &OperandRole) {
        let at = |wanted: &str| names.iter().position(|name| *name == wanted);
        if let Some(at) = at("Chart") {
            self.found.chart.insert(names.get(at + 1).copied().unwrap_or_default().to_owned());
        } else if at("Files").is_some() {
            self.found.any_file = true;
        } else if let Some(at) = at("Values") {
            self.value(&names[at + 1..], role);
        } else if names.is_empty() {
            if let OperandRole::Asked(ask) = role {
                self.of_dot.insert(ask.clone());
            }
        } else if matches!(names[0], "Release" | "Capabilities") {
            self.found.asks_release = true;
        } else if names[0] != "Template" {
            // What it is a part of is not known.
            let name = names[names.len() - 1].to_lowercase();
            match role {
                OperandRole::Output => drop(self.printed.insert(vec![name])),
                OperandRole::Items => drop(self.found.asks_below.insert((name, ValueAsk::Text))),
                OperandRole::Asked(ask) => drop(self.found.asks_below.insert((name, ask.clone()))),
            }
        }
    }

    fn value(&mut self, names: &[&str], role: &OperandRole) {
        let key: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        self.found.bases.insert(key.clone());
        match role {
            OperandRole::Output => drop(self.printed.insert(key)),
            OperandRole::Items => drop(self.found.asks.insert((key, ValueAsk::Text))),
            OperandRole::Asked(ask) => drop(self.found.asks.insert((key, ask.clone()))),
        }
    }

    /// Follows what a variable was set to, here and there in its definition.
    fn variable(&mut self, name: &str, role: &OperandRole) {
        let role =
            if *role == OperandRole::Items { OperandRole::Asked(ValueAsk::Text) } else { role.clone() };
        if !self.seen.insert((self.file, self.definition, name.to_owned(), role.clone())) {
            return;
        }
        let Some(placed) = &self.sources.files[self.file].1 else { return };
        let definition = self.definition;
        for (at, piece) in placed.iter().enumerate().filter(|(_, piece)| piece.definition == definition) {
            let Piece::Action(tokens) = &piece.piece else { continue };
            let names_it = |tokens: &[Token<'_>]| tokens.contains(&Token::Variable(name));
            let set = tokens.iter().position(|token| matches!(token, Token::Declare | Token::Assign));
            let is_set = set.is_some_and(|set| names_it(&tokens[..set]));
            let is_changed = !is_set && names_it(tokens) && tokens.iter().any(is_mutator);
            if !(is_set || is_changed) {
                continue;
            }
            self.note(at);
            let is_block = matches!(word_of(&piece.piece), "range" | "with" | "if" | "else");
            let role =
                if is_block && word_of(&piece.piece) == "range" { OperandRole::Output } else { role.clone() };
            let value = &tokens[set.map_or(0, |set| set + 1)..];
            self.pipeline(value, &role);
        }
    }

    fn index(&mut self, operands: &[Operand<'s, 't>], role: &OperandRole) {
        let text = OperandRole::Asked(ValueAsk::Text);
        let Some((base, keys)) = operands.split_first() else { return };
        let literal = |operand: &Operand<'s, 't>| match operand.token {
            Token::Text(text) => Some(text.as_str()),
            _ => None,
        };
        let known: Option<Vec<&str>> = keys.iter().map(literal).collect();
        let names: Option<&[&str]> = match base.token {
            Token::Field(names) | Token::Of(names) => Some(names),
            Token::Variable("") => Some(base.of),
            _ => None,
        };
        match (names, known) {
            (Some(names), Some(keys)) => {
                let names: Vec<&str> = names.iter().copied().chain(keys).collect();
                self.field(&names, role);
            }
            // Whatever is there may be meant.
            (Some(names), None) if !names.contains(&"Values") && names.len() < 2 => self.everything(),
            _ => operands.iter().for_each(|operand| self.operand(operand, &text)),
        }
    }

    fn files(&mut self, method: &[&str], arguments: &[Operand<'s, 't>]) {
        match (method, arguments) {
            (["Get" | "GetBytes" | "Lines"], [Operand { token: Token::Text(name), .. }]) => {
                self.found.files.insert(name.clone());
            }
            (["Glob", ..], [Operand { token: Token::Text(pattern), .. }]) => {
                self.found.patterns.insert(pattern.clone());
            }
            // One of those that a pattern was for.
            (["Get" | "GetBytes" | "Lines"], [Operand { token: Token::Variable(name), of: [], .. }])
                if !name.is_empty() && self.ranges_over_pattern(name) =>
            {
                self.variable(name, &OperandRole::Output);
            }
            _ => {
                self.found.any_file = true;
                let text = OperandRole::Asked(ValueAsk::Text);
                arguments.iter().for_each(|argument| self.operand(argument, &text));
            }
        }
    }

    /// Returns whether a variable is a name of a file that a pattern is for.
    fn ranges_over_pattern(&self, name: &str) -> bool {
        let placed = self.sources.files[self.file].1.as_ref();
        let mut set = placed
            .into_iter()
            .flat_map(|placed| placed.iter())
            .filter(|piece| piece.definition == self.definition)
            .filter_map(|piece| match &piece.piece {
                Piece::Action(tokens) => {
                    let at = tokens.iter().position(|it| matches!(it, Token::Declare | Token::Assign))?;
                    tokens[..at].contains(&Token::Variable(name)).then_some(tokens)
                }
                Piece::Text(_) => None,
            });
        let of_pattern = |tokens: &Vec<Token<'_>>| {
            let glob = tokens.iter().position(|token| match token {
                Token::Field(names) | Token::Of(names) => names.ends_with(&["Files", "Glob"]),
                _ => false,
            });
            matches!(tokens.first(), Some(Token::Word("range")))
                && glob.is_some_and(|at| matches!(tokens.get(at + 1), Some(Token::Text(_))))
        };
        set.all(of_pattern)
    }

    fn include(&mut self, tokens: &'s [Token<'t>]) {
        let operands = operands(tokens);
        let Some((name, given)) = operands.split_first() else { return };
        let before = std::mem::take(&mut self.printed);
        given.iter().for_each(|operand| self.operand(operand, &OperandRole::Output));
        let passed = std::mem::replace(&mut self.printed, before);
        self.passed.extend(passed);
        let sources = self.sources;
        let reached: Vec<(usize, usize)> = match name.token {
            Token::Text(name) => sources.definitions.get(name).cloned().unwrap_or_default(),
            _ => {
                self.operand(name, &OperandRole::Asked(ValueAsk::Text));
                sources.definitions.values().flatten().copied().collect()
            }
        };
        for (file, at) in reached {
            if !self.seen.insert((file, Some(at), String::new(), OperandRole::Output)) {
                continue;
            }
            let Some(placed) = &sources.files[file].1 else { continue };
            self.found.said.insert((sources.files[file].0.to_owned(), sources.body((file, at))));
            let outer = (std::mem::replace(&mut self.file, file), self.definition.replace(at));
            for (index, _) in placed.iter().enumerate().filter(|(_, piece)| piece.definition == Some(at)) {
                self.action(placed, index);
            }
            (self.file, self.definition) = outer;
        }
    }
}

//! Where the values of a chart go: its templates, run on names instead of values, both branches of every condition.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::template::{Part, Token, closing, split};
use super::terms::{
    DEPTH_MAX, Path, Term, Terms, WIDTH_MAX, add, elements, formatted, joined, pairs, stripped, strips,
    trimmed, union,
};

/// How many parts are run in one chart.
const STEPS_MAX: usize = 200_000;

/// Helpers of library charts that are not in the tree, and what they make of the map under a key of their argument:
/// an image whose `digest`, where it is there, stands behind `@` (bitnami/charts, common 2.x, `_images.tpl`).
const HELPERS: [(&str, &str); 1] = [("common.images.image", "imageRoot")];

/// What stands before a value in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Preceding {
    /// `@`
    At,
    /// `sha256:`
    Algorithm,
    /// It is written without its algorithm behind `sha256:`, whichever way it is given.
    Stripped,
    Other,
}

/// Where the values of a chart go.
#[derive(Clone, Debug, Default)]
pub(super) struct ValueFlow {
    /// What stands before each value that comes out.
    pub(super) uses: BTreeMap<Path, BTreeSet<Preceding>>,
    /// What goes somewhere as a whole, unseen.
    pub(super) escapes: BTreeSet<Path>,
    /// The first keys that the chart's own templates ask for.
    pub(super) keys: BTreeSet<String>,
    /// The values that come out together in one image.
    pub(super) images: BTreeSet<BTreeSet<Path>>,
    /// The values of images in which a part of the reference stands as it is between two values.
    pub(super) extended: BTreeSet<Path>,
    /// Whether a template asks whether a value starts with `sha256:`.
    pub(super) asks_for_algorithm: bool,
    /// Whether everything was run.
    pub(super) is_complete: bool,
}

/// The image that is being written.
struct OpenImage {
    /// How deep in definitions it was begun.
    depth: usize,
    /// The values that have come out of it.
    values: BTreeSet<Path>,
    /// Whether a part of the reference stands between them as it is.
    is_extended: bool,
}

/// A template of a chart, below `charts/NAME` for each of `base`.
pub(super) struct ChartTemplate<'t> {
    pub(super) base: Path,
    pub(super) parts: Vec<Part<'t>>,
}

/// Returns where the values go in `templates`, with the `definitions` of all of them.
pub(super) fn follow<'t>(
    templates: &[ChartTemplate<'t>],
    definitions: &HashMap<String, Vec<Part<'t>>>,
) -> ValueFlow {
    let mut run = Run {
        definitions,
        base: Vec::new(),
        variables: Vec::new(),
        depth: 0,
        steps: 0,
        image: None,
        flow: ValueFlow { is_complete: true, ..ValueFlow::default() },
    };
    for template in templates {
        run.base.clone_from(&template.base);
        run.variables = vec![("", vec![Term::Root])];
        let mut out = Vec::new();
        run.parts(&template.parts, &vec![Term::Root], &mut out);
        run.record(&out, vec![String::new()], 0);
        run.end_image();
    }
    run.flow
}

struct Run<'r, 't> {
    definitions: &'r HashMap<String, Vec<Part<'t>>>,
    base: Path,
    variables: Vec<(&'r str, Terms)>,
    depth: usize,
    steps: usize,
    image: Option<OpenImage>,
    flow: ValueFlow,
}

impl<'r, 't> Run<'r, 't> {
    fn parts(&mut self, parts: &'r [Part<'t>], dot: &Terms, out: &mut Vec<Terms>) {
        for part in parts {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                self.flow.is_complete = false;
                return;
            }
            match part {
                Part::Text(text) => out.push(vec![Term::Text((*text).to_owned())]),
                Part::Action(tokens) => self.action(tokens, dot, out),
                Part::Block { word, head, body, otherwise } => {
                    let known = self.variables.len();
                    let inner = self.head(word, head, dot);
                    self.parts(body, &inner, out);
                    self.variables.truncate(known);
                    self.parts(otherwise, dot, out);
                    self.variables.truncate(known);
                }
            }
        }
    }

    /// Returns the context inside a block.
    fn head(&mut self, word: &str, head: &'r [Token<'t>], dot: &Terms) -> Terms {
        let declared: Vec<&'r str> = match head.iter().position(|token| *token == Token::Declare) {
            Some(at) => head[..at].iter().filter_map(variable).collect(),
            None => Vec::new(),
        };
        let start = head.iter().position(|token| *token == Token::Declare).map_or(0, |at| at + 1);
        let mut value = self.pipeline(&head[start..], dot);
        if word == "range" {
            value = elements(value);
        }
        // Of two variables the first is the key.
        if let Some(name) = declared.last() {
            self.variables.push((*name, value.clone()));
        }
        if declared.len() > 1 {
            self.variables.push((declared[0], vec![Term::Unknown]));
        }
        if word == "if" { dot.clone() } else { value }
    }

    fn action(&mut self, tokens: &'r [Token<'t>], dot: &Terms, out: &mut Vec<Terms>) {
        match tokens {
            [Token::Variable(name), Token::Declare, rest @ ..] => {
                let value = self.pipeline(rest, dot);
                self.variables.push((*name, value));
            }
            [Token::Variable(name), Token::Assign, rest @ ..] => {
                let value = self.pipeline(rest, dot);
                // In one branch; in the other it is what it was.
                if let Some((_, known)) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
                    add(known, value);
                }
            }
            _ => out.push(self.pipeline(tokens, dot)),
        }
    }

    fn pipeline(&mut self, tokens: &'r [Token<'t>], dot: &Terms) -> Terms {
        let mut piped = None;
        for command in split(tokens) {
            piped = Some(self.command(command, dot, piped));
        }
        piped.unwrap_or_default()
    }

    fn command(&mut self, tokens: &'r [Token<'t>], dot: &Terms, piped: Option<Terms>) -> Terms {
        let (word, rest) = match tokens.first() {
            Some(Token::Word(word)) => (Some(*word), &tokens[1..]),
            _ => (None, tokens),
        };
        let mut arguments = self.operands(rest, dot);
        arguments.extend(piped);
        match word {
            None => arguments.into_iter().next().unwrap_or_default(),
            Some(word) => self.call(word, arguments),
        }
    }

    fn operands(&mut self, tokens: &'r [Token<'t>], dot: &Terms) -> Vec<Terms> {
        let mut operands: Vec<Terms> = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            let mut value = match token {
                Token::Field(names) => self.fields(dot.clone(), names),
                Token::Variable(name) => {
                    let known = self.variables.iter().rev().find(|(known, _)| known == name);
                    known.map(|(_, value)| value.clone()).unwrap_or_else(|| vec![Term::Unknown])
                }
                Token::Text(text) => vec![Term::Text(text.clone())],
                Token::Open => {
                    let end = at + closing(&tokens[at..]);
                    let value = self.pipeline(&tokens[at..end], dot);
                    at = end + 1;
                    value
                }
                _ => vec![Term::Unknown],
            };
            if let Some(Token::Of(names)) = tokens.get(at) {
                value = self.fields(value, names);
                at += 1;
            }
            operands.push(value);
        }
        operands
    }

    fn fields(&mut self, from: Terms, names: &[&str]) -> Terms {
        names.iter().fold(from, |values, name| {
            let mut found = Vec::new();
            for value in values {
                add(&mut found, self.field(value, name));
            }
            found
        })
    }

    fn field(&mut self, value: Term, name: &str) -> Terms {
        match value {
            Term::Root if name == "Values" => vec![Term::Of(self.base.clone())],
            Term::Of(path) => {
                // Global values are those of the chart above.
                let is_global = path == self.base && name == "global";
                let mut path = if is_global { Vec::new() } else { path };
                if path.is_empty() {
                    self.flow.keys.insert(name.to_owned());
                }
                path.push(name.to_owned());
                vec![Term::Of(path)]
            }
            Term::Map(entries) => {
                let found = entries.into_iter().find(|(key, _)| key == name);
                found.map_or_else(|| vec![Term::Unknown], |(_, value)| value)
            }
            _ => vec![Term::Unknown],
        }
    }

    fn call(&mut self, word: &str, mut arguments: Vec<Terms>) -> Terms {
        match word {
            "include" | "template" => self.include(arguments),
            "printf" => formatted(arguments),
            "print" | "println" | "cat" => vec![Term::Joined(arguments)],
            "dict" => vec![Term::Map(pairs(arguments))],
            "list" | "tuple" => vec![Term::List(arguments)],
            "join" => joined(arguments),
            "index" | "get" | "dig" => self.index(word, arguments),
            "default" | "coalesce" | "or" | "and" | "merge" | "mergeOverwrite" | "mustMerge"
            | "mustMergeOverwrite" => union(arguments),
            "ternary" => union(arguments.into_iter().take(2).collect()),
            "tpl" => arguments.into_iter().next().unwrap_or_default(),
            "trimPrefix" | "replace" | "regexReplaceAll" | "mustRegexReplaceAll" if strips(&arguments) => {
                stripped(arguments.pop().unwrap_or_default())
            }
            "hasPrefix" | "contains" | "regexMatch" => {
                self.flow.asks_for_algorithm |= strips(&arguments);
                vec![Term::Unknown]
            }
            "eq" | "ne" | "not" | "lt" | "le" | "gt" | "ge" | "empty" | "hasKey" | "kindIs" | "typeIs"
            | "len" | "fail" | "semverCompare" | "has" | "keys" | "lookup" | "sha256sum" | "until" => {
                vec![Term::Unknown]
            }
            "toYaml" | "toJson" | "toPrettyJson" | "toRawJson" | "toToml" | "values" | "pick" | "omit" => {
                arguments.iter().for_each(|values| self.escape(values, 0));
                vec![Term::Unknown]
            }
            "required" | "quote" | "squote" | "toString" | "trim" | "lower" | "nospace" | "trimSuffix"
            | "trimAll" | "trunc" | "indent" | "nindent" | "deepCopy" | "first" | "last" | "fromYaml"
            | "replace" | "trimPrefix" => arguments.pop().unwrap_or_default(),
            _ => union(arguments),
        }
    }

    fn include(&mut self, arguments: Vec<Terms>) -> Terms {
        let mut arguments = arguments.into_iter();
        let names = arguments.next().unwrap_or_default();
        let argument = arguments.next().unwrap_or_default();
        let mut found = Vec::new();
        for name in &names {
            let Term::Text(name) = name else {
                self.escape(&argument, 0);
                continue;
            };
            match self.definitions.get(name) {
                Some(parts) if self.depth < DEPTH_MAX => {
                    let outer = std::mem::replace(&mut self.variables, vec![("", argument.clone())]);
                    self.depth += 1;
                    let mut out = Vec::new();
                    self.parts(parts, &argument, &mut out);
                    self.depth -= 1;
                    self.variables = outer;
                    add(&mut found, vec![Term::Joined(trimmed(out))]);
                }
                Some(_) => self.flow.is_complete = false,
                None => match HELPERS.iter().find(|(known, _)| known == name) {
                    Some((_, key)) => {
                        let image = self.fields(argument.clone(), &[*key]);
                        // All of one image: what is right for its name is right for nothing else.
                        let [name, tag, digest] =
                            ["repository", "tag", "digest"].map(|field| self.fields(image.clone(), &[field]));
                        let text = |text: &str| vec![Term::Text(text.to_owned())];
                        add(&mut found, vec![Term::Joined(vec![name, text(":"), tag, text("@"), digest])]);
                    }
                    None => self.escape(&argument, 0),
                },
            }
        }
        found
    }

    fn index(&mut self, word: &str, mut arguments: Vec<Terms>) -> Terms {
        let (from, keys) = if word == "dig" {
            let from = arguments.pop().unwrap_or_default();
            arguments.pop();
            (from, arguments)
        } else {
            let keys = arguments.split_off(1.min(arguments.len()));
            (arguments.pop().unwrap_or_default(), keys)
        };
        keys.into_iter().fold(from, |from, key| {
            let key = match key.as_slice() {
                [Term::Text(key)] => key.clone(),
                _ => "*".to_owned(),
            };
            self.fields(from, &[key.as_str()])
        })
    }

    /// Notes whether a text ends the image that is being written, or begins one.
    fn note_line(&mut self, text: &str, depth: usize) {
        // What a definition puts into an image may have lines of its own, which are folded.
        let ends = self.image.as_ref().is_none_or(|image| depth <= image.depth);
        if ends
            && text.contains([' ', '"', '\'', ','])
            && self.image.as_ref().is_some_and(|it| !it.values.is_empty())
        {
            self.end_image();
        }
        let Some((_, line)) = text.rsplit_once('\n').or(self.image.is_none().then_some(("", text))) else {
            return;
        };
        if ends {
            self.end_image();
            self.image =
                begins_image(line).then(|| OpenImage { depth, values: BTreeSet::new(), is_extended: false });
        }
    }

    fn end_image(&mut self) {
        if let Some(image) = self.image.take().filter(|image| !image.values.is_empty()) {
            if image.is_extended {
                self.flow.extended.extend(image.values.iter().cloned());
            }
            self.flow.images.insert(image.values);
        }
    }

    /// Notes that values go somewhere as a whole.
    fn escape(&mut self, values: &Terms, depth: usize) {
        for value in values.iter().filter(|_| depth < DEPTH_MAX) {
            match value {
                Term::Of(path) | Term::Stripped(path) => drop(self.flow.escapes.insert(path.clone())),
                Term::Root => drop(self.flow.escapes.insert(self.base.clone())),
                Term::Map(entries) => entries.iter().for_each(|(_, values)| self.escape(values, depth + 1)),
                Term::List(items) | Term::Joined(items) => {
                    items.iter().for_each(|values| self.escape(values, depth + 1));
                }
                Term::Text(_) | Term::Unknown => {}
            }
        }
    }

    /// Notes what stands before each value that comes out; returns the ends of what has come out by then.
    fn record(&mut self, out: &[Terms], before: Vec<String>, depth: usize) -> Vec<String> {
        let mut ends = before;
        for values in out {
            self.steps += 1;
            if depth > 2 * DEPTH_MAX || self.steps > 2 * STEPS_MAX {
                self.flow.is_complete = false;
                return ends;
            }
            let mut next: Vec<String> = Vec::new();
            for value in values {
                if let (Term::Of(path) | Term::Stripped(path), Some(image)) = (value, &mut self.image) {
                    let is_more =
                        |end: &String| !end.ends_with("sha256:") && end.contains(char::is_alphanumeric);
                    image.is_extended |= !image.values.is_empty() && ends.iter().any(is_more);
                    image.values.insert(path.clone());
                }
                let more = match value {
                    Term::Text(text) => {
                        self.note_line(text, depth);
                        ends.iter().map(|end| tail(&format!("{end}{text}"))).collect()
                    }
                    Term::Of(path) => {
                        let uses = self.flow.uses.entry(path.clone()).or_default();
                        uses.extend(ends.iter().map(|end| before_of(end)));
                        vec![String::new()]
                    }
                    Term::Stripped(path) => {
                        self.flow.uses.entry(path.clone()).or_default().insert(Preceding::Stripped);
                        vec![String::new()]
                    }
                    Term::Joined(parts) => self.record(parts, ends.clone(), depth + 1),
                    Term::Map(_) | Term::List(_) | Term::Root => {
                        self.escape(&vec![value.clone()], 0);
                        vec![String::new()]
                    }
                    Term::Unknown => vec![String::new()],
                };
                for end in more {
                    if next.len() < WIDTH_MAX && !next.contains(&end) {
                        next.push(end);
                    }
                }
            }
            // What stands for nothing lets what was before it stand.
            if !next.is_empty() {
                ends = next;
            }
        }
        ends
    }
}

/// Returns whether the value that a line ends before is that of an image, or a part of the reference stands there as it is.
fn begins_image(line: &str) -> bool {
    let separators = line.match_indices([':', '=']);
    separators.map(|(at, _)| at).any(|at| {
        let value = line[at + 1..].trim_start_matches([' ', '"', '\'']);
        ends_in_image(&line[..at]) && !value.contains([' ', ',', '"', '\''])
    })
}

fn ends_in_image(key: &str) -> bool {
    let key = key.trim_end_matches(['"', '\'']);
    key.len() >= 5
        && key.is_char_boundary(key.len() - 5)
        && key[key.len() - 5..].eq_ignore_ascii_case("image")
}

fn variable<'t>(token: &Token<'t>) -> Option<&'t str> {
    match token {
        Token::Variable(name) => Some(name),
        _ => None,
    }
}

fn before_of(end: &str) -> Preceding {
    match end {
        end if end.ends_with("sha256:") => Preceding::Algorithm,
        end if end.ends_with('@') => Preceding::At,
        _ => Preceding::Other,
    }
}

/// Returns as much of the end of a text as matters.
fn tail(text: &str) -> String {
    let start = text.char_indices().rev().nth("@sha256:".len()).map_or(0, |(at, _)| at);
    text[start..].to_owned()
}

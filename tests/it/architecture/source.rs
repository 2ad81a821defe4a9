//! What each module of a crate declares and which paths it writes, read from its tokens, those inside macro calls included.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The names of a module from the root of the crate.
pub(super) type ModulePath = Vec<String>;

/// One module, in a file or in braces.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The file, below `src`.
    pub(super) file: String,
    pub(super) children: BTreeSet<String>,
    /// Everything with a name that is not a module.
    pub(super) definitions: BTreeSet<String>,
    /// Structs, enums, unions, traits and aliases.
    pub(super) types: Vec<String>,
    /// Imported paths by their name here.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    /// Every path of more than one name, imports included.
    pub(super) paths: BTreeSet<Vec<String>>,
}

/// The modules of a crate, without those that are compiled for tests only.
#[derive(Debug, Default)]
pub(super) struct Modules(pub(super) BTreeMap<ModulePath, Module>);

impl Modules {
    /// Reads a crate: `main.rs` stands beside the library, which it calls by its name.
    pub(super) fn read(src: &Path) -> Self {
        let mut modules = Self::default();
        modules.read_file(src, "lib.rs", Vec::new());
        if src.join("main.rs").is_file() {
            modules.read_file(src, "main.rs", vec!["main".to_owned()]);
        }
        modules
    }

    fn read_file(&mut self, src: &Path, file: &str, path: ModulePath) {
        let text = fs_err::read_to_string(src.join(file)).unwrap();
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        self.read_module(src, file, path, tokens);
    }

    fn read_module(&mut self, src: &Path, file: &str, path: ModulePath, tokens: TokenStream) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items(tokens) {
            let Some(name) = module.add(&item) else { continue };
            module.children.insert(name.clone());
            let child = [&path[..], &[name]].concat();
            match item.last() {
                Some(TokenTree::Group(body)) => self.read_module(src, file, child, body.stream()),
                _ => {
                    let flat = format!("{}.rs", child.join("/"));
                    let nested = format!("{}/mod.rs", child.join("/"));
                    let file = if src.join(&flat).is_file() { flat } else { nested };
                    self.read_file(src, &file, child);
                }
            }
        }
        self.0.insert(path, module);
    }
}

impl Module {
    /// Adds what an item declares and names; returns the name of a module.
    fn add(&mut self, item: &[TokenTree]) -> Option<String> {
        let at = item.iter().position(|token| KEYWORDS.contains(&word(token).as_str()))?;
        let keyword = word(&item[at]);
        let name = item.get(at + 1).map(word).unwrap_or_default();
        match keyword.as_str() {
            "mod" => return Some(name),
            "macro_rules" => drop(self.definitions.insert(item.get(at + 2).map(word).unwrap_or_default())),
            "use" | "impl" => {}
            _ => drop(self.definitions.insert(name.clone())),
        }
        if ["struct", "enum", "union", "trait", "type"].contains(&keyword.as_str()) {
            self.types.push(name);
        }
        self.add_paths(item);
        None
    }

    /// Adds every path that stands in `tokens`, and the imports among them, those of functions too.
    fn add_paths(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => self.add_paths(&group.stream().into_iter().collect::<Vec<_>>()),
                TokenTree::Ident(ident)
                    if ident == "use" && !tokens.get(at).is_some_and(|next| is(next, '<')) =>
                {
                    at = self.add_import(tokens, at, &[]);
                }
                TokenTree::Ident(ident) => {
                    let mut path = vec![ident.to_string()];
                    while let Some(next) = follows(tokens, at) {
                        path.push(next);
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.paths.insert(path);
                    }
                }
                // Neither a lifetime nor what follows `<T as Trait>` starts a path.
                TokenTree::Punct(punct) if punct.as_char() == '\'' => at += 1,
                TokenTree::Punct(_) if at > 1 && is(token, ':') && is(&tokens[at - 2], ':') => {
                    at += usize::from(matches!(tokens.get(at), Some(TokenTree::Ident(_))));
                }
                _ => {}
            }
        }
    }

    /// Adds one branch of an import, which starts at `at`; returns where it ends.
    fn add_import(&mut self, tokens: &[TokenTree], mut at: usize, prefix: &[String]) -> usize {
        let mut path = prefix.to_vec();
        let mut alias = None;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                TokenTree::Ident(ident) if ident == "as" => {
                    alias = tokens.get(at + 1).map(word);
                    at += 1;
                }
                TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let branches: Vec<_> = group.stream().into_iter().collect();
                    let mut branch = 0;
                    while branch < branches.len() {
                        branch = self.add_import(&branches, branch, &path) + 1;
                    }
                    return at + 1;
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => {
                    panic!("{}: spell out what is imported from {}", self.file, path.join("::"));
                }
                _ => break,
            }
            at += 1;
        }
        if let Some(last) = path.last() {
            self.imports.insert(alias.unwrap_or_else(|| last.clone()), path.clone());
            self.paths.insert(path);
        }
        at
    }
}

const KEYWORDS: [&str; 13] = [
    "mod",
    "use",
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "fn",
    "static",
    "const",
    "impl",
    "macro_rules",
    "extern",
];

fn word(token: &TokenTree) -> String {
    if let TokenTree::Ident(ident) = token { ident.to_string() } else { String::new() }
}

fn is(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

/// Returns the name after `::` at `at`.
fn follows(tokens: &[TokenTree], at: usize) -> Option<String> {
    let [first, second, TokenTree::Ident(name)] = tokens.get(at..at + 3)? else { return None };
    (is(first, ':') && is(second, ':')).then(|| name.to_string())
}

/// Splits a module into its items, without attributes, visibility and qualifiers, and without what is for tests only.
fn items(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut items = Vec::new();
    let (mut item, mut is_test) = (Vec::new(), false);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if item.is_empty() && is(&token, '#') {
            let inner = tokens.next_if(|next| is(next, '!')).is_some();
            let attribute = tokens.next().map(|attribute| attribute.to_string()).unwrap_or_default();
            let attribute = attribute.replace(' ', "");
            is_test |=
                !inner && ["[cfg(test", "[cfg(all(test"].iter().any(|test| attribute.starts_with(test));
            continue;
        }
        if item.is_empty() && (word(&token) == "pub" || QUALIFIERS.contains(&word(&token).as_str())) {
            tokens.next_if(
                |next| matches!(next, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis),
            );
            continue;
        }
        if item.is_empty() && word(&token) == "const" && tokens.peek().is_some_and(|next| word(next) == "fn")
        {
            continue;
        }
        let keyword = item.first().map(word).unwrap_or_default();
        let closes = !["use", "static", "const", "type"].contains(&keyword.as_str());
        let braces = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        let is_end = is(&token, ';') || closes && braces;
        item.push(token);
        if is_end {
            let item = std::mem::take(&mut item);
            if !std::mem::take(&mut is_test) {
                items.push(item);
            }
        }
    }
    items
}

const QUALIFIERS: [&str; 4] = ["unsafe", "async", "default", "auto"];

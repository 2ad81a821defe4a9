//! Reads the texts of a file, and the texts inside of them.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;

use super::commands::{self, ImageUse, runs_by_name};
use super::image_like::{
    Likeness, asked_for, assigned, has_version, is_called_open, is_known, is_of_images, is_setting_of_image,
    likeness, put_together, queried, says_image, without_scheme, words,
};
use super::left_out::{is_prose, is_query, set_aside};
use super::mapping;
use super::mention::{Mentioned, ValueForm, WRITTEN};
use super::names;
use super::outline;
use super::read_by_name::{is_program, is_recipe};
use super::remote;
use super::rewrites;
use super::sections;
use super::steps;
use super::unpacked::{Unpacked, unpacked};
use super::written_values::written_values;
use crate::manifest::content;
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::partial_image::{PartialImage, ends_in_digest};
use crate::manifest::scan;
use crate::manifest::site::State;
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::source::SourceText;
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};

/// How deep texts inside of texts are read.
const DEPTH_MAX: usize = 3;

/// The longest value that something may ask for by its name, in bytes.
pub(super) const VALUE_MAX: usize = 200;

/// The kind of Flux that names a repository of images, of which nothing runs, and its group.
const SCANNED: (&str, &str) = ("ImageRepository", "image.toolkit.fluxcd.io/");

/// Keys of texts for people.
const PROSE: [&str; 8] =
    ["description", "summary", "title", "message", "displayName", "help", "documentation", "deprecated"];

/// Keys that hold what a named item of a list is.
const VALUES: [&str; 6] = ["value", "default", "values", "image", "tag", "version"];

/// Keys by which a tool changes images while they run: annotations of Argo CD Image Updater, Keel, OpenShift, WUD and Watchtower,
/// triggers of OpenShift, what Velero changes as it restores.
const UPDATERS: [&str; 7] = [
    "argocd-image-updater.argoproj.io/",
    "com.centurylinklabs.watchtower.",
    "image.openshift.io/triggers",
    "imageChangeParams",
    "keel.sh/",
    "velero.io/change-image-name",
    "wud.",
];

/// Keys of the name of what stands below a key that says that it is an image.
const NAMING: [&str; 6] = ["default", "name", "ref", "reference", "uri", "url"];

/// Keys that name an item of a list.
const NAMES: [&str; 2] = ["name", "key"];

/// Takes what is mentioned, the text that it stands in, its JSON pointer and its place in the file.
pub(super) type Take<'t> = dyn FnMut(Mentioned, &Text<'_>, String, Range<usize>) + 't;

/// Reads what a file mentions.
pub(super) struct Reader<'r, 't> {
    pub(super) path: &'r str,
    catalogue: &'r Catalogue,
    take: &'r mut Take<'t>,
    /// How many texts what is read stands in.
    depth: usize,
    /// What the settings say is not an image, of the document that is read.
    set_aside: HashSet<NodeId>,
    /// What the builds of the file make.
    pub(super) made: HashSet<String>,
}

/// A text that is read: the file's, or one inside of it.
pub(super) struct Text<'a> {
    pub(super) tree: &'a SyntaxTree<'a>,
    /// How many texts it stands in.
    pub(super) depth: usize,
    /// The document in the file.
    pub(super) document: usize,
    /// Whether it is a Kubernetes object, or stands in one.
    pub(super) in_object: bool,
    /// Whether what is taken stands in a command that runs it.
    pub(super) is_run: Cell<bool>,
    /// Where the outermost text stands in the file that it is in, and its pointer.
    outer: Option<(Range<usize>, &'a str)>,
}

impl<'a> Text<'a> {
    /// Returns what stands in the first document of a file and in no object.
    fn of_file(tree: &'a SyntaxTree<'a>, depth: usize) -> Self {
        Self { tree, depth, document: 0, in_object: false, is_run: Cell::default(), outer: None }
    }
}

impl<'r, 't> Reader<'r, 't> {
    pub(super) fn new(path: &'r str, catalogue: &'r Catalogue, take: &'r mut Take<'t>) -> Self {
        Self { path, catalogue, take, depth: 0, set_aside: HashSet::new(), made: HashSet::new() }
    }

    /// Has it read what something else takes a text from.
    pub(super) fn inside(self) -> Self {
        Self { depth: 1, ..self }
    }

    /// Reads a whole file.
    pub(super) fn read(&mut self, text: &str) {
        self.made = commands::made(text);
        // What no language claims is values, in one of the two that these are written in.
        let paths = match Language::of(self.path) {
            Some(_) => vec![self.path],
            None if is_recipe(self.path) => Vec::new(),
            None => vec!["values.yaml", "values.tf"],
        };
        for path in paths {
            let source = SourceText::new(text, path);
            let tree = source.parse();
            let is_whole = |root: &NodeId| Language::of(self.path).is_some() || tree.is_mapping(*root);
            for (document, parsed) in tree.documents.iter().enumerate() {
                if let Some(root) = parsed.root.filter(is_whole) {
                    let in_object = is_object(&tree, root);
                    self.set_aside = set_aside(self.catalogue, &tree, root, path);
                    let text = Text { document, in_object, ..Text::of_file(&tree, self.depth) };
                    if Language::of(self.path).is_none() && Language::of(path) == Some(Language::Yaml) {
                        let value = tree.source_of(document);
                        self.images(&text, is_object(&tree, root), value, &tree.nodes[root].span(), "");
                    }
                    self.walk(&text, root);
                }
            }
        }
        // Nomad's own settings are written in what was HCL before.
        let is_old = || {
            let source = SourceText::new(text, self.path);
            Language::of(self.path) == Some(Language::Hcl)
                && source.parse().documents.iter().all(|document| document.root.is_none())
        };
        if Language::of(self.path).is_none() || is_old() {
            let source = SourceText::new("x", "values.yaml");
            let tree = source.parse();
            let at = Text { outer: Some((0..text.len(), "")), ..Text::of_file(&tree, self.depth) };
            if let Some(root) = tree.documents.first().and_then(|document| document.root) {
                self.runs(&at, root, text);
                if !is_recipe(self.path) {
                    text.lines().for_each(|line| self.line(&at, root, line.trim()));
                }
                self.names(&at, root, commands::files(text));
                if is_program(self.path) {
                    self.names(&at, root, vec![commands::quoted_paths(text)]);
                }
            }
        }
        for (place, word) in written_values(self.path, text) {
            let source = SourceText::new("x", "values.yaml");
            let tree = source.parse();
            let at = Text { outer: Some((place, "")), ..Text::of_file(&tree, self.depth) };
            if let Some(root) = tree.documents.first().and_then(|document| document.root) {
                self.emit(&at, root, Mentioned::Name { word, target: String::new() });
            }
        }
        let word = text.trim();
        if Language::of(self.path).is_none() && word.len() <= VALUE_MAX && !word.contains(char::is_whitespace)
        {
            let source = SourceText::new(text, "values.yaml");
            let tree = source.parse();
            for (document, root) in
                tree.documents.iter().enumerate().filter_map(|(at, it)| Some((at, it.root?)))
            {
                let text = Text { document, ..Text::of_file(&tree, self.depth) };
                self.value(&text, "", root, ValueForm::Key);
            }
        }
    }

    /// Takes the images of a text that is read as objects or values and that nobody pinned.
    fn images(&mut self, text: &Text<'_>, is_object: bool, value: &str, span: &Range<usize>, path: &str) {
        let name = if is_object { "inner.yaml" } else { "values.yaml" };
        for image in floating(name, value, self.catalogue) {
            (self.take)(Mentioned::Image(image), text, path.to_owned(), span.clone());
        }
    }

    fn walk(&mut self, text: &Text<'_>, node: NodeId) {
        let tree = text.tree;
        if text.depth == self.depth && text.outer.is_none() && self.set_aside.contains(&node) {
            return;
        }
        match tree.kind(node) {
            NodeKind::Scalar { value, .. } if is_query(tree, node, value) => {}
            NodeKind::Scalar { value, .. } => self.scalar(text, node, value),
            NodeKind::Sequence { items, .. } => {
                self.command(text, node);
                items.iter().for_each(|item| self.walk(text, *item));
            }
            NodeKind::Mapping { entries, .. } => {
                let name = NAMES.iter().find_map(|key| tree.get_str(node, key));
                self.patched(text, node);
                for (key_node, value) in entries {
                    let Some(key) = tree.text_of(*key_node) else {
                        // As an action of a template reads where it is taken for YAML.
                        self.walk(text, *key_node);
                        self.walk(text, *value);
                        continue;
                    };
                    if PROSE.contains(&key) && tree.text_of(*value).is_some_and(is_prose) {
                        continue;
                    }
                    self.line(text, *key_node, key);
                    if text.in_object && names::is_variable(key) {
                        // Which key it is, the deployer decides.
                        self.emit(text, *key_node, Mentioned::packed(key));
                    }
                    if let Some(name) = name.filter(|_| VALUES.contains(&key)) {
                        self.value(text, name, *value, ValueForm::Item);
                    }
                    if UPDATERS.iter().any(|prefix| key.starts_with(prefix)) {
                        self.emit(text, *value, Mentioned::Updater(key.to_owned()));
                    }
                    if !(text.outer.is_none() && self.set_aside.contains(value)) {
                        self.value(text, key, *value, ValueForm::Key);
                    }
                    self.walk(text, *value);
                }
            }
            // What it leads to is read where it stands.
            NodeKind::Alias(_) => {}
        }
    }

    pub(super) fn emit(&mut self, text: &Text<'_>, node: NodeId, what: Mentioned) {
        if let Mentioned::Value { name, value, .. } = &what
            && let Some(variable) = names::given_by_environment(name)
        {
            if says_image(variable) && is_called_open(value) {
                self.emit(text, node, Mentioned::Image(value.clone()));
            }
            let (name, value) = (variable.to_owned(), value.clone());
            self.emit(text, node, Mentioned::Value { name, value, form: ValueForm::Given });
        }
        let outer = text.outer.clone().map(|(span, path)| (span, path.to_owned()));
        let (span, path) = outer.unwrap_or_else(|| (text.tree.nodes[node].span(), text.tree.pointer(node)));
        (self.take)(what, text, path, span);
    }

    /// Takes what an operation of a JSON patch writes, what a replacement writes, and what a mapping says as a whole.
    fn patched(&mut self, text: &Text<'_>, node: NodeId) {
        let tree = text.tree;
        if let (Some(_), Some(path)) = (tree.get_str(node, "op"), tree.get_str(node, "path")) {
            let name = path.rsplit('/').next().unwrap_or(path);
            self.value(text, name, tree.get(node, "value").unwrap_or(node), ValueForm::Key);
        }
        let fields = tree.get(node, "fieldPaths").map(|paths| tree.items(paths)).unwrap_or_default();
        for field in fields {
            let path = tree.string_of(*field).unwrap_or_default();
            let (name, value) = (path.rsplit('.').next().unwrap_or(path).to_owned(), WRITTEN.to_owned());
            self.emit(text, *field, Mentioned::Value { name, value, form: ValueForm::Key });
        }
        for (at, image) in mapping::images(tree, node, text.in_object) {
            self.emit(text, at, Mentioned::Image(image));
        }
        for (at, word) in sections::jobs(tree, node) {
            self.emit(text, at, Mentioned::Name { word, target: String::new() });
        }
    }

    /// Takes a value that has a name; of a list, from which a loop or a matrix takes one after another, each.
    fn value(&mut self, text: &Text<'_>, name: &str, value: NodeId, form: ValueForm) {
        for item in text.tree.items(value) {
            if let Some(said) = text.tree.string_of(*item).filter(|said| said.len() <= VALUE_MAX) {
                let (name, value) = (name.to_owned(), said.to_owned());
                self.emit(text, *item, Mentioned::Value { name, value, form });
            }
        }
        // An expression is one value, however it is spaced.
        let source = || text.tree.original.get(text.tree.nodes[value].span()).unwrap_or_default();
        let expression = || source().replace(char::is_whitespace, "");
        let is_expression = text.tree.tag(value) == EXPRESSION || text.tree.text_of(value).is_none();
        // What is said of a variable is said by its own keys.
        let is_block = text.tree.nodes[value].parent().and_then(|of| text.tree.key_of(of))
            == Some("variable")
            && text.tree.is_mapping(value);
        let said = match text.tree.text_of(value) {
            _ if is_block && text.tree.language != Language::Yaml => None,
            _ if is_expression && text.tree.language != Language::Yaml => Some(Cow::Owned(expression())),
            said => said.map(Cow::Borrowed),
        };
        if let Some(said) = said.filter(|said| said.len() <= VALUE_MAX && !said.contains('\n')) {
            // As charts take them from a command line.
            let is_tag = name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("tag"))
                && name.contains('.');
            // Those of a deployer's objects are known.
            let is_open = text.depth > 0 || form != ValueForm::Item;
            let is_inner = || text.depth > 0 && rewrites::is_tag_of_image(text.tree, value);
            // As those of a chart are taken away from outside of it.
            let is_gone = name.ends_with(".digest") && matches!(&*said, "" | "null");
            if is_gone {
                self.emit(text, value, Mentioned::Image(format!("{name}: (nothing)")));
            }
            if (is_tag && is_open || is_inner()) && !said.is_empty() && !ends_in_digest(&said) {
                self.emit(text, value, Mentioned::Image(format!("{name}: {said}")));
            }
            let root = names::above(text.tree, value).last();
            let says = |key, it: &str| {
                root.and_then(|root| text.tree.get_str(root, key)).is_some_and(|said| said.starts_with(it))
            };
            let is_scanned = says("kind", SCANNED.0) && says("apiVersion", SCANNED.1);
            let holder =
                text.tree.nodes[value].parent().and_then(|map| text.tree.key_of(map)).unwrap_or_default();
            // `image: {name: …}`, and what a schema says an image is where nobody says it.
            let is_named = says_image(holder) && NAMING.iter().any(|it| name.eq_ignore_ascii_case(it));
            let is_list = is_of_images(holder) || name == "images" || name == "containers" && is_known(&said);
            if !is_scanned && (says_image(name) || is_named || is_list) && is_called_open(&said) {
                self.emit(text, value, Mentioned::Image(said.to_string()));
            }
            let what = Mentioned::Value { name: name.to_owned(), value: said.into_owned(), form };
            self.emit(text, value, what);
        }
    }

    fn scalar(&mut self, text: &Text<'_>, node: NodeId, value: &str) {
        let sections = sections::words(text.tree, node, value);
        for word in names::words(text.tree, node, value).into_iter().chain(sections) {
            let target = text.tree.nodes[node].parent().and_then(|parent| text.tree.get(parent, "target"));
            let target = target.map(|target| content::of_node(text.tree, target)).unwrap_or_default();
            let target = target + &outline::before(text.tree, node) + names::looked_at(text.tree, node);
            self.emit(text, node, Mentioned::Name { word, target });
        }
        self.names(text, node, steps::paths(text.tree, node, value));
        let told = [remote::revision, remote::source, remote::deployed_source];
        for what in told.into_iter().filter_map(|told| told(text.tree, node, value)) {
            self.emit(text, node, Mentioned::Remote(what));
        }
        // A label of a list, or what a command sets.
        let is_updater = |word: &&str| {
            word.contains('=')
                && UPDATERS.iter().any(|prefix| word.trim_start_matches('"').starts_with(prefix))
        };
        if let Some(label) = value.split_whitespace().find(is_updater) {
            self.emit(text, node, Mentioned::Updater(label.to_owned()));
        }
        if rewrites::is_one(text.tree, node, value) {
            self.emit(text, node, Mentioned::Updater(value.trim().to_owned()));
        }
        if text.tree.is_masked(node) {
            // What an action makes is not known, but what stands around it, and what is written in it.
            self.inner(text, node, value);
            let written = text.tree.original.get(text.tree.nodes[node].span()).unwrap_or_default();
            self.lines(text, node, written);
            return;
        }
        let is_text = value.contains(['\n', '{', '[']) && value.contains(':');
        if is_text && text.depth < DEPTH_MAX && self.inner(text, node, value) {
            return;
        }
        self.lines(text, node, value);
        if text.depth < DEPTH_MAX && value.len() >= 12 {
            match unpacked(value) {
                Unpacked::Text(inner) if inner.contains(':') && !self.inner(text, node, &inner) => {
                    inner.lines().for_each(|line| self.line(text, node, line));
                }
                Unpacked::Packed => self.emit(text, node, Mentioned::packed(value)),
                _ => {}
            }
        }
    }

    /// Reads a text line by line. Of a script, a program, only what is called an image is one, or what has a version.
    fn lines(&mut self, text: &Text<'_>, node: NodeId, value: &str) {
        let value = &*steps::command(text.tree, node, value);
        let is_one = !value.contains('\n');
        let is_wanted = |line: &&str| {
            is_one
                || line.to_ascii_lowercase().contains("image")
                || words(line).any(has_version)
                || is_setting_of_image(line)
                || runs_by_name(line)
                || line.contains("_tag")
                || line.contains("docker://")
        };
        value.lines().filter(is_wanted).for_each(|line| self.line(text, node, line));
        self.runs(text, node, value);
    }

    fn line(&mut self, text: &Text<'_>, node: NodeId, line: &str) {
        let mut found: Option<Vec<Vec<String>>> = None;
        for word in words(line) {
            if likeness(word).is_none() {
                continue;
            }
            let commands = found.get_or_insert_with(|| commands::of_line(line));
            let by = commands::uses(commands, word);
            if by == ImageUse::LookedAt {
                continue;
            }
            text.is_run.set(by == ImageUse::Run);
            let said = without_scheme(word).to_owned();
            let is_local =
                || line.contains("kind load") || ["docker ", "podman "].iter().any(|it| line.contains(it));
            if self.made.contains(word) && is_local() && !line.contains("pull") {
                continue;
            }
            match likeness(word) {
                Some(Likeness::Image) => self.emit(text, node, Mentioned::Image(said)),
                Some(Likeness::Perhaps) => self.emit(text, node, Mentioned::Perhaps(said)),
                None => {}
            }
        }
        text.is_run.set(false);
        let whole = commands::squeezed(line);
        let put_together = put_together(&whole).filter(|image| !self.made.contains(*image));
        let asked = asked_for(line).chain(put_together).chain(assigned(line)).map(str::to_owned);
        let asked: Vec<String> = asked.chain(queried(line)).collect();
        asked.into_iter().for_each(|image| self.emit(text, node, Mentioned::Image(image)));
        // As generators of kustomize and environments have it.
        let named = line.split_once('=').map(|(name, value)| (name.trim_end(), value.trim_start()));
        if let Some((name, value)) = named.filter(|(name, _)| names::is_name(name)) {
            let lower = name.to_ascii_lowercase();
            let is_tag = (lower.ends_with("_tag") || lower.ends_with(".tag"))
                && (lower.contains("image") || lower.contains("container"));
            let is_gone = lower.ends_with(".digest") && matches!(value, "" | "null");
            // Of what a container is given, and of a unit inside of another text.
            let is_given = |key| matches!(key, "Environment" | "environment" | "labels");
            let is_said = || {
                name == "Image" || name.contains('.') || names::key_of(text.tree, node).is_some_and(is_given)
            };
            if says_image(name) && is_called_open(value) && is_said() {
                self.emit(text, node, Mentioned::Image(value.to_owned()));
            }
            if is_tag && !value.is_empty() && !ends_in_digest(value) || is_gone {
                self.emit(text, node, Mentioned::Image(format!("{name}={value}")));
            }
            if value.contains([':', '\n']) && value.contains(['{', '\n']) && text.depth < DEPTH_MAX {
                self.inner(text, node, value);
            }
            let (name, value) = (name.to_owned(), value.to_owned());
            if value.len() <= VALUE_MAX {
                self.emit(text, node, Mentioned::Value { name, value, form: ValueForm::Assignment });
            }
        }
    }

    /// Reads a text inside of another one as manifests or values; returns whether it is that.
    pub(super) fn inner(&mut self, text: &Text<'_>, node: NodeId, value: &str) -> bool {
        let source = SourceText::new(value, "inner.yaml");
        let tree = source.parse();
        let roots: Vec<NodeId> = tree.documents.iter().filter_map(|document| document.root).collect();
        if roots.is_empty() || !roots.iter().any(|root| tree.is_mapping(*root) || tree.is_sequence(*root)) {
            return false;
        }
        let pointer = text.tree.pointer(node);
        let (span, path) = text.outer.clone().unwrap_or((text.tree.nodes[node].span(), &pointer));
        let is_object = roots.iter().any(|root| is_object(&tree, *root));
        self.images(text, is_object, value, &span, path);
        for root in roots {
            let (outer, depth, document) = (Some((span.clone(), path)), text.depth + 1, text.document);
            let in_object = text.in_object || is_object;
            self.walk(
                &Text { tree: &tree, depth, document, in_object, is_run: Cell::default(), outer },
                root,
            );
        }
        // What cannot be read as YAML is read line by line, and so are actions of templates.
        !tree.has_actions() && tree.documents.iter().all(|document| document.error.is_none())
    }
}

/// Returns the images, and parts of some, that nobody pinned in a text that is read as the file of that name.
pub(super) fn floating(name: &str, text: &str, catalogue: &Catalogue) -> Vec<String> {
    let found = scan::scan_strictly(name, text.as_bytes(), catalogue, true);
    let sites = found.sites.iter().filter(|located| located.site.state == State::Floating);
    // A tag that stands under no name may be anybody's.
    let is_open =
        |partial: &&PartialImage| !partial.parts.has_digest() && partial.key.matches('/').count() > 1;
    let parts = found.partials.iter().filter(is_open).map(|partial| partial.parts.written());
    sites.map(|located| located.site.image.clone()).chain(parts).collect()
}

fn is_object(tree: &SyntaxTree<'_>, root: NodeId) -> bool {
    tree.get(root, "kind").is_some() && tree.get(root, "apiVersion").is_some()
}

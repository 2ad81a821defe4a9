//! Dockerfiles: an image may be a stage of the file, or stand in the default of an argument.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::finder::Finder;
use crate::manifest::build_file::{ArgumentUse, BuildFile};
use crate::manifest::site::{Skip, State, Write, classify};
use crate::manifest::syntax::build::EXPRESSION;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};
use crate::manifest::variable_text::with_defaults;
use crate::platform::Platform;
use crate::reference::Digest;

/// What BuildKit sets by itself (Dockerfile reference, "Automatic platform ARGs in the global scope").
const AUTOMATIC: [&str; 8] = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
];

/// Sets the stages aside, and adds the defaults of arguments that are images. What else stands in `FROM`,
/// `COPY --from=` and `RUN --mount=from=` is an image.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    let stages: Vec<NodeId> =
        tree.get(root, "stages").map(|stages| tree.items(stages).to_vec()).unwrap_or_default();
    let arguments = Arguments::of(tree, root, &stages);
    let mut names = HashSet::new();
    for stage in &stages {
        if let Some(from) = tree.get(*stage, "from") {
            let platform = tree.get_str(*stage, "platform").and_then(Platform::parse);
            finder.runs_on(from, platform.filter(Platform::is_known));
            add_base(finder, &arguments, from, &names);
        }
        names.extend(tree.get_str(*stage, "name").map(str::to_ascii_lowercase));
    }
    for stage in &stages {
        let is_stage = |kind: &str, name: &str| match name.parse::<i64>() {
            Ok(_) if kind == "copy" => true,
            Ok(index) => usize::try_from(index).is_ok_and(|index| index < stages.len()),
            Err(_) => names.contains(&name.to_ascii_lowercase()),
        };
        for (kind, node) in sources(tree, *stage) {
            if tree.string_of(node).is_some_and(|name| is_stage(kind, name)) {
                finder.ignored.insert(node);
            }
        }
        let Some(on_build) = tree.get(*stage, "onbuild") else { continue };
        for (_, node) in sources(tree, on_build) {
            let Some(name) = tree.string_of(node) else { continue };
            // A name alone may be a stage of the file that builds on this one.
            let (state, reference) = classify(name);
            if name.parse::<i64>().is_ok() {
                finder.ignored.insert(node);
            } else if state == State::Floating && reference.is_some_and(|reference| reference.tag().is_none())
            {
                let skip = State::Skipped(Skip::TagElsewhere);
                finder.push(node, BTreeMap::new(), name.to_owned(), None, skip, None);
            }
        }
    }
}

/// Returns what a stage, or what others do with its image, takes files from: `copy` or `mount`, and the scalar.
fn sources<'t>(
    tree: &'t SyntaxTree<'_>,
    of: NodeId,
) -> impl Iterator<Item = (&'static str, NodeId)> + use<'t> {
    let lists = ["copy", "mount"].into_iter().filter_map(move |kind| Some((kind, tree.get(of, kind)?)));
    lists.flat_map(move |(kind, list)| {
        tree.items(list).iter().filter_map(move |item| Some((kind, tree.get(*item, "from")?)))
    })
}

/// Adds what a stage builds on where a variable says it, and sets it aside where it is a stage above.
fn add_base(finder: &mut Finder<'_, '_>, arguments: &Arguments<'_>, from: NodeId, above: &HashSet<String>) {
    let tree = finder.tree;
    let Some(text) = tree.string_of(from).filter(|_| tree.tag(from) != EXPRESSION) else { return };
    if above.contains(&text.to_ascii_lowercase()) || chooses_stage(text, above) {
        finder.ignored.insert(from);
        return;
    }
    let Some(pieces) = pieces(text).filter(|_| text.contains('$')) else { return };
    // Whatever is filled in before it, the digest says what is pulled.
    if let Some((before, digest)) = text.rsplit_once('@')
        && !before.contains('@')
        && Digest::parse(digest).is_some()
    {
        finder.push(from, BTreeMap::new(), text.to_owned(), None, State::Skipped(Skip::DigestOnly), None);
        return;
    }
    if let [Piece::Variable { name, .. }] = pieces.as_slice()
        && let Some(default) = arguments.only_here(name)
    {
        let is_stage = tree.string_of(default).is_some_and(|name| above.contains(&name.to_ascii_lowercase()));
        finder.ignored.insert(from);
        if !is_stage {
            finder.add_image(default);
        }
        return;
    }
    if let [Piece::Text(prefix), Piece::Variable { name, .. }] = pieces.as_slice()
        && let Some((default, tag)) = arguments.only_tag_of(prefix, name)
    {
        let image = format!("{prefix}{tag}");
        let (state, reference) = classify(&image);
        if let State::Floating | State::Pinned = state {
            finder.ignored.insert(from);
            let fields = finder.spans(&[("tag", Some(default))]);
            finder.push(default, fields, image, reference, state, Some(Write::Tag { node: default }));
            return;
        }
    }
    let spelled = arguments.spell_out(&pieces);
    if with_defaults(&spelled).is_some_and(|name| above.contains(&name.to_ascii_lowercase())) {
        finder.ignored.insert(from);
    } else if spelled != text {
        finder.push(from, BTreeMap::new(), spelled, None, State::Skipped(Skip::Variable), None);
    }
}

/// Returns what the Dockerfile makes of the arguments that a build gives it.
pub(in crate::manifest) fn build_file(tree: &SyntaxTree<'_>, root: NodeId) -> BuildFile {
    let mut file = BuildFile::default();
    let declared = tree.get(root, "args").map(|list| tree.entries(list)).unwrap_or_default();
    let is_declared = |name: &str| declared.iter().any(|(key, _)| tree.text_of(*key) == Some(name));
    let stages = tree.get(root, "stages").map(|stages| tree.items(stages)).unwrap_or_default();
    let note = |text: &str, into: &mut BTreeMap<String, ArgumentUse>| {
        // What has a digest is the same, whatever else is filled in.
        if !text.contains('$') || text.rsplit_once('@').is_some_and(|(_, it)| Digest::parse(it).is_some()) {
            return;
        }
        let pieces = pieces(text).unwrap_or_default();
        for piece in &pieces {
            let Piece::Variable { name, .. } = piece else { continue };
            let used = match pieces.as_slice() {
                [_] => ArgumentUse::Image,
                [Piece::Text(before), _] if before.ends_with(':') => ArgumentUse::Tag((*before).to_owned()),
                _ => ArgumentUse::Part(text.to_owned()),
            };
            if is_declared(name) {
                let known = into.entry((*name).to_owned()).or_insert_with(|| used.clone());
                if *known != used {
                    *known = ArgumentUse::Part(text.to_owned());
                }
            }
        }
    };
    for stage in stages {
        if let Some(text) = tree.get_str(*stage, "from") {
            note(text, &mut file.arguments);
        }
        file.stages.extend(tree.get_str(*stage, "name").map(str::to_ascii_lowercase));
    }
    // What the default of one is made of stands above it.
    for (key, value) in declared.iter().rev() {
        let is_used = tree.text_of(*key).is_some_and(|name| file.arguments.contains_key(name));
        if let Some(default) = tree.get_str(*value, "default").filter(|_| is_used) {
            note(default, &mut file.arguments);
        }
    }
    file
}

/// Returns whether a name with the platform in it can only be meant for one of the stages above: `FROM base-${TARGETARCH}`.
fn chooses_stage(text: &str, above: &HashSet<String>) -> bool {
    let Some(pieces) = pieces(text) else { return false };
    let is_automatic = |piece: &Piece<'_>| matches!(piece, Piece::Variable { name, default: None } if AUTOMATIC.contains(name));
    let (Some(at), Some(Piece::Text(prefix))) = (pieces.iter().position(is_automatic), pieces.first()) else {
        return false;
    };
    let rest_is_plain =
        pieces.iter().enumerate().all(|(index, piece)| index == at || matches!(piece, Piece::Text(_)));
    let suffix = match pieces.last() {
        Some(Piece::Text(suffix)) if at + 1 < pieces.len() => suffix,
        _ => "",
    };
    let (prefix, suffix) = (prefix.to_ascii_lowercase(), suffix.to_ascii_lowercase());
    rest_is_plain
        && pieces.len() <= 3
        && above.iter().any(|name| name.starts_with(&prefix) && name.ends_with(&suffix))
}

/// A part of a text with variables.
enum Piece<'t> {
    Text(&'t str),
    Variable {
        name: &'t str,
        /// What stands behind `:-` or `-`.
        default: Option<&'t str>,
    },
}

/// Cuts a text at its variables: `$X`, `${X}`, `${X:-y}`, `${X-y}`. `None` where another is written.
fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find('$') {
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        rest = &rest[at + 1..];
        let inner = rest.strip_prefix('{').unwrap_or(rest);
        let (name, behind) = inner.split_at(inner.find(|c| !is_letter(c)).unwrap_or(inner.len()));
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let mut default = None;
        if inner.len() < rest.len() {
            let (inside, behind) = behind.split_once('}')?;
            if !inside.is_empty() {
                let value = inside.strip_prefix(':').unwrap_or(inside).strip_prefix('-')?;
                default = Some(value).filter(|value| !value.contains(['$', '{']));
                default?;
            }
            rest = behind;
        } else {
            rest = behind;
        }
        pieces.push(Piece::Variable { name, default });
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Some(pieces)
}

/// The arguments above the first stage.
struct Arguments<'t> {
    /// What they are by default, where that is known: the last time that they are named counts.
    defaults: HashMap<&'t str, (NodeId, &'t str)>,
    /// Those that a `FROM` is, whole.
    bases: HashSet<&'t str>,
    /// Those that are the tag in a `FROM`, and what stands before them; `None` where that is not always the same.
    tags: HashMap<&'t str, Option<&'t str>>,
    /// Those that something else uses.
    used_elsewhere: HashSet<&'t str>,
}

impl<'t> Arguments<'t> {
    fn of(tree: &'t SyntaxTree<'_>, root: NodeId, stages: &[NodeId]) -> Self {
        let mut found = Self {
            defaults: HashMap::new(),
            bases: HashSet::new(),
            tags: HashMap::new(),
            used_elsewhere: HashSet::new(),
        };
        let entries = tree.get(root, "args").map(|list| tree.entries(list)).unwrap_or_default();
        for (key, value) in entries {
            let Some(name) = tree.text_of(*key) else { continue };
            let Some(default) = tree.get(*value, "default") else { continue };
            // A build may be given another value; without one it has this.
            if let Some(text) = tree.text_of(default) {
                found.uses(text);
                let is_known = tree.tag(default).is_empty() && !text.contains('$') && !text.is_empty();
                if is_known && found.defaults.insert(name, (default, text)).is_some() {
                    found.used_elsewhere.insert(name);
                } else if !is_known {
                    found.defaults.remove(name);
                }
            }
        }
        for stage in stages {
            let asked_for = tree.get(*stage, "args").map(|list| tree.items(list)).unwrap_or_default();
            found.used_elsewhere.extend(asked_for.iter().filter_map(|name| tree.text_of(*name)));
            let texts = [tree.get(*stage, "from"), tree.get(*stage, "platform")];
            for (index, text) in texts.into_iter().enumerate() {
                let Some(text) = text.and_then(|node| tree.text_of(node)) else { continue };
                match pieces(text).as_deref() {
                    Some([Piece::Variable { name, .. }]) if index == 0 => drop(found.bases.insert(name)),
                    Some([Piece::Text(prefix), Piece::Variable { name, .. }])
                        if index == 0 && prefix.ends_with(':') =>
                    {
                        let known = found.tags.entry(name).or_insert(Some(prefix));
                        *known = known.filter(|known| known == prefix);
                    }
                    _ => found.uses(text),
                }
            }
        }
        found
    }

    /// Notes that a text uses variables. One that cannot be cut may use any.
    fn uses(&mut self, text: &'t str) {
        for part in text.split('$').skip(1) {
            let part = part.strip_prefix('{').unwrap_or(part);
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            self.used_elsewhere.insert(&part[..end]);
        }
    }

    /// Returns the default of an argument that only whole `FROM`s use.
    fn only_here(&self, name: &str) -> Option<NodeId> {
        let is_other = self.used_elsewhere.contains(name) || self.tags.contains_key(name);
        let (node, _) = self.defaults.get(name).filter(|_| !is_other)?;
        Some(*node)
    }

    /// Returns the default of an argument that is the tag behind `prefix` and nothing else, and what it says.
    fn only_tag_of(&self, prefix: &str, name: &str) -> Option<(NodeId, &'t str)> {
        let is_other = self.used_elsewhere.contains(name) || self.bases.contains(name);
        let is_tag = self.tags.get(name).is_some_and(|known| *known == Some(prefix));
        self.defaults.get(name).copied().filter(|_| is_tag && !is_other)
    }

    /// Returns a text with the defaults of its variables beside them.
    fn spell_out(&self, pieces: &[Piece<'_>]) -> String {
        let spelled = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => (*text).to_owned(),
            Piece::Variable { name, default } => {
                match self.defaults.get(name).map(|(_, text)| *text).or(*default) {
                    Some(default) => format!("${{{name}:-{default}}}"),
                    None => format!("${{{name}}}"),
                }
            }
        });
        spelled.collect()
    }
}

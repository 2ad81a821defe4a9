//! What may stand at a place of a template, and what the functions of templates make of it.

/// The keys that lead to a value; `*` is any key.
pub(super) type Path = Vec<String>;

/// What stands where a value may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Text(String),
    /// What the values have at a path.
    Of(Path),
    /// The same without the algorithm of a digest, whether it is written there or not.
    Stripped(Path),
    /// The context that a template starts with.
    Root,
    Map(Vec<(String, Terms)>),
    List(Vec<Terms>),
    /// One after the other.
    Joined(Vec<Terms>),
    Unknown,
}

/// What may stand there: one of these.
pub(super) type Terms = Vec<Term>;

/// The most that is known of one place, and the deepest chain of definitions.
pub(super) const WIDTH_MAX: usize = 8;
pub(super) const DEPTH_MAX: usize = 12;

pub(super) fn add(values: &mut Terms, more: Terms) {
    for value in more {
        if values.len() < WIDTH_MAX && !values.contains(&value) {
            values.push(value);
        }
    }
}

pub(super) fn union(arguments: Vec<Terms>) -> Terms {
    let mut all = Vec::new();
    arguments.into_iter().for_each(|values| add(&mut all, values));
    all
}

pub(super) fn elements(values: Terms) -> Terms {
    let element = |value| match value {
        Term::Of(mut path) => {
            path.push("*".to_owned());
            vec![Term::Of(path)]
        }
        Term::List(items) => union(items),
        _ => vec![Term::Unknown],
    };
    union(values.into_iter().map(element).collect())
}

pub(super) fn pairs(arguments: Vec<Terms>) -> Vec<(String, Terms)> {
    let mut entries = Vec::new();
    let mut arguments = arguments.into_iter();
    while let (Some(key), Some(value)) = (arguments.next(), arguments.next()) {
        if let Some(Term::Text(key)) = key.into_iter().next() {
            entries.push((key, value));
        }
    }
    entries
}

/// `printf`: the texts between the verbs, and the arguments.
pub(super) fn formatted(arguments: Vec<Terms>) -> Terms {
    let mut arguments = arguments.into_iter();
    let formats = arguments.next().unwrap_or_default();
    let arguments: Vec<Terms> = arguments.collect();
    let of = |format: &str| {
        let (mut parts, mut given) = (Vec::new(), arguments.iter());
        let mut pieces = format.split('%');
        parts.extend(pieces.next().map(|text| vec![Term::Text(text.to_owned())]));
        for piece in pieces {
            let text = piece.trim_start_matches(|c: char| c.is_ascii_digit() || "+-#. ".contains(c));
            parts.extend(given.next().cloned());
            let text: String = text.chars().skip(1).collect();
            parts.push(vec![Term::Text(text)]);
        }
        Term::Joined(parts)
    };
    let known = formats.iter().map(|format| match format {
        Term::Text(format) => of(format),
        _ => Term::Joined(arguments.clone()),
    });
    known.collect()
}

pub(super) fn joined(mut arguments: Vec<Terms>) -> Terms {
    let list = arguments.pop().unwrap_or_default();
    let separator = arguments.pop().unwrap_or_default();
    let join = |value| match value {
        Term::List(items) => {
            let mut parts = Vec::new();
            for item in items {
                if !parts.is_empty() {
                    parts.push(separator.clone());
                }
                parts.push(item);
            }
            Term::Joined(parts)
        }
        other => other,
    };
    list.into_iter().map(join).collect()
}

/// Returns whether a function is told about the algorithm of a digest.
pub(super) fn strips(arguments: &[Terms]) -> bool {
    let is_algorithm = |value: &Term| matches!(value, Term::Text(text) if text.contains("sha256"));
    arguments.iter().flatten().any(is_algorithm)
}

pub(super) fn stripped(values: Terms) -> Terms {
    let strip = |value| match value {
        Term::Of(path) => Term::Stripped(path),
        other => other,
    };
    values.into_iter().map(strip).collect()
}

/// Most definitions start and end with a line of their own, which nothing that includes them keeps.
pub(super) fn trimmed(mut out: Vec<Terms>) -> Vec<Terms> {
    if let Some([Term::Text(text)]) = out.first_mut().map(Vec::as_mut_slice) {
        *text = text.trim_start().to_owned();
    }
    out
}

//! Settings that are for some paths and images only: as many as there are, found through one compiled set.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use globset::{Candidate, GlobSet};

use super::globs::Globs;

/// How many patterns are compiled into one set at most: what one list may have was compiled already.
const PATTERNS_MAX: usize = 512;

/// How many texts are remembered with what matches them.
const ANSWERS_MAX: usize = 4096;

/// A setting that is for some paths and images.
pub trait Scoped {
    /// Returns the files that it is for; `None` for every file.
    fn paths(&self) -> Option<&Globs>;

    /// Returns the images that it is for, as spelled or normalised; `None` for every image, and where there is none.
    fn images(&self) -> Option<&Globs>;
}

/// Scoped settings in their order. Which of them are for an image in a file takes about as long for thousands of them as
/// for one.
pub struct ScopedList<T> {
    all: Vec<T>,
    compiled: OnceLock<Arc<Compiled>>,
}

impl<T: Scoped> ScopedList<T> {
    /// Returns the settings for the file at `path` and an image that is called by any of `names`, in their order.
    pub fn matching<'l>(
        &'l self,
        path: &str,
        names: &[Cow<'_, str>],
    ) -> impl Iterator<Item = &'l T> + use<'l, T> {
        self.matching_indices(path, names).filter_map(|index| self.all.get(index))
    }

    /// Returns the indices of what [`ScopedList::matching`] returns, in order.
    pub fn matching_indices(
        &self,
        path: &str,
        names: &[Cow<'_, str>],
    ) -> impl Iterator<Item = usize> + use<T> {
        // Most lists are empty.
        let found = (!self.all.is_empty()).then(|| {
            let compiled = self.compiled.get_or_init(|| Arc::new(Compiled::new(&self.all)));
            (compiled.paths.matching(&[path.into()]), compiled.images.matching(names))
        });
        found.into_iter().flat_map(|(paths, images)| {
            (0..paths.len()).flat_map(move |word| {
                let both = paths[word] & images[word];
                // Without the lowest bit.
                let rest = |bits: &u64| Some(bits & bits.wrapping_sub(1));
                let bits = std::iter::successors(Some(both), rest).take_while(|bits| *bits != 0);
                bits.map(move |bits| word * 64 + bits.trailing_zeros() as usize)
            })
        })
    }

    /// Leaves out the settings that are not `wanted`.
    pub fn retain(&mut self, wanted: impl FnMut(&T) -> bool) {
        self.compiled = OnceLock::new();
        self.all.retain(wanted);
    }

    /// Returns the settings, to change them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.compiled = OnceLock::new();
        self.all.iter_mut()
    }
}

/// Which settings of a list match: a bit for each.
type Matches = Arc<[u64]>;

struct Compiled {
    paths: Axis,
    images: Axis,
}

impl Compiled {
    fn new<T: Scoped>(all: &[T]) -> Self {
        Self { paths: Axis::new(all.iter().map(T::paths)), images: Axis::new(all.iter().map(T::images)) }
    }
}

/// The globs of all settings on one of the two, compiled together.
struct Axis {
    /// The settings that match whatever is asked.
    always: Matches,
    sets: Vec<(Arc<GlobSet>, Vec<usize>)>,
    /// Files and images come again and again.
    answers: Mutex<HashMap<String, Matches>>,
}

impl Axis {
    fn new<'g>(globs: impl ExactSizeIterator<Item = Option<&'g Globs>>) -> Self {
        let mut always = vec![0; globs.len().div_ceil(64)];
        let mut limited = Vec::new();
        for (index, globs) in globs.enumerate() {
            match globs {
                Some(globs) => limited.push((index, globs)),
                None => set(&mut always, index),
            }
        }
        let mut sets = Vec::new();
        compile(&limited, &mut sets);
        Self { always: always.into(), sets, answers: Mutex::default() }
    }

    /// Returns what matches any of `texts`.
    fn matching(&self, texts: &[Cow<'_, str>]) -> Matches {
        let mut found = texts.iter().map(|text| self.answer(text));
        let Some(first) = found.next() else { return Arc::clone(&self.always) };
        found.fold(first, |all, more| all.iter().zip(more.iter()).map(|(a, b)| a | b).collect())
    }

    fn answer(&self, text: &str) -> Matches {
        if self.sets.is_empty() {
            return Arc::clone(&self.always);
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answers.get(text) {
            return Arc::clone(known);
        }
        let mut matches = self.always.to_vec();
        let (candidate, mut patterns) = (Candidate::new(text), Vec::new());
        for (set, owners) in &self.sets {
            set.matches_candidate_into(&candidate, &mut patterns);
            patterns.iter().for_each(|pattern| self::set(&mut matches, owners[*pattern]));
        }
        if answers.len() >= ANSWERS_MAX {
            answers.clear();
        }
        let matches: Matches = matches.into();
        answers.insert(text.to_owned(), Arc::clone(&matches));
        matches
    }
}

fn set(bits: &mut [u64], index: usize) {
    bits[index / 64] |= 1 << (index % 64);
}

/// Compiles the globs of many settings into few sets, each with the setting that a pattern belongs to. What is too large
/// together is compiled in halves; the globs of one setting are compiled already.
fn compile(limited: &[(usize, &Globs)], sets: &mut Vec<(Arc<GlobSet>, Vec<usize>)>) {
    let owners =
        || limited.iter().flat_map(|(index, globs)| globs.patterns().iter().map(|_| *index)).collect();
    match limited {
        [] => {}
        [(_, globs)] => sets.push((globs.compiled(), owners())),
        _ => {
            let patterns: usize = limited.iter().map(|(_, globs)| globs.patterns().len()).sum();
            let lists = limited.iter().map(|(_, globs)| *globs);
            match (patterns <= PATTERNS_MAX).then(|| Globs::compile(lists.flat_map(Globs::patterns))) {
                Some(Ok(set)) => sets.push((set.into(), owners())),
                Some(Err(_)) | None => {
                    let (first, second) = limited.split_at(limited.len() / 2);
                    compile(first, sets);
                    compile(second, sets);
                }
            }
        }
    }
}

impl<T> Deref for ScopedList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all
    }
}

impl<T> Default for ScopedList<T> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<T: Clone> Clone for ScopedList<T> {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), compiled: self.compiled.clone() }
    }
}

impl<T> From<Vec<T>> for ScopedList<T> {
    fn from(all: Vec<T>) -> Self {
        Self { all, compiled: OnceLock::new() }
    }
}

impl<T> FromIterator<T> for ScopedList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        Self::from(Vec::from_iter(all))
    }
}

impl<T> Extend<T> for ScopedList<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, more: I) {
        self.compiled = OnceLock::new();
        self.all.extend(more);
    }
}

impl<'l, T> IntoIterator for &'l ScopedList<T> {
    type Item = &'l T;
    type IntoIter = std::slice::Iter<'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

impl<T> IntoIterator for ScopedList<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<T: PartialEq> PartialEq for ScopedList<T> {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl<T: Eq> Eq for ScopedList<T> {}

impl<T: fmt::Debug> fmt::Debug for ScopedList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Entry(Option<Globs>, Option<Globs>);

    impl Scoped for Entry {
        fn paths(&self) -> Option<&Globs> {
            self.0.as_ref()
        }

        fn images(&self) -> Option<&Globs> {
            self.1.as_ref()
        }
    }

    fn globs(patterns: &[String]) -> Option<Globs> {
        (!patterns.is_empty()).then(|| Globs::new(patterns.to_vec()).unwrap())
    }

    #[test]
    fn the_compiled_set_says_what_each_glob_by_itself_says() {
        let mut entries = Vec::new();
        for number in 0..700 {
            let paths = match number % 5 {
                0 => vec![],
                1 => vec![format!("apps/{number}/**"), "shared/*.yaml".to_owned()],
                2 => vec![format!("**/{number}.yaml")],
                3 => vec![format!("apps/{{{number},x}}/[a-c]*.yaml")],
                _ => vec!["**".to_owned()],
            };
            let images = match number % 3 {
                0 => vec![],
                1 => vec![format!("ghcr.io/acme/{number}*")],
                _ => vec!["docker.io/library/*".to_owned(), format!("x{number}")],
            };
            entries.push(Entry(globs(&paths), globs(&images)));
        }
        let list = ScopedList::from(entries);
        for path in ["apps/6/a.yaml", "shared/x.yaml", "a/7.yaml", "apps/x/b.yaml", "", "apps/8/b/c"] {
            for names in [&["nginx", "docker.io/library/nginx"][..], &["ghcr.io/acme/13b"], &[]] {
                let names: Vec<Cow<'_, str>> = names.iter().map(|name| (*name).into()).collect();
                for _ in 0..2 {
                    let matches = |entry: &Entry| {
                        entry.paths().is_none_or(|globs| globs.matches(path))
                            && entry.images().is_none_or(|globs| names.iter().any(|name| globs.matches(name)))
                    };
                    let expected: Vec<usize> =
                        (0..list.len()).filter(|index| matches(&list[*index])).collect();
                    let found: Vec<usize> = list.matching_indices(path, &names).collect();
                    assert_eq!(found, expected, "{path} {names:?}");
                }
            }
        }
    }

    #[test]
    fn thousands_of_settings_are_a_few_sets_and_each_file_and_image_is_asked_once() {
        let entry = |i| Entry(globs(&[format!("**/x{i}*.yaml")]), globs(&[format!("b{i}/*")]));
        let list: ScopedList<Entry> = (0..5_463).map(entry).collect();
        for image in 0..2_000 {
            let (name, more) = (format!("a{}", image % 100), format!("docker.io/a{}", image % 100));
            assert_eq!(
                list.matching("apps/a.yaml", &[name.as_str().into(), more.as_str().into()]).count(),
                0
            );
        }
        assert_eq!(list.matching_indices("apps/x17.yaml", &["b17/c".into()]).collect::<Vec<_>>(), [17]);
        let Compiled { paths, images } = &**list.compiled.get().unwrap();
        assert!(paths.sets.len() <= 2 * list.len().div_ceil(PATTERNS_MAX), "{}", paths.sets.len());
        let asked = |axis: &Axis| axis.answers.lock().unwrap().len();
        assert_eq!((asked(paths), asked(images)), (2, 201));
    }

    #[test]
    fn what_is_too_large_to_compile_together_is_compiled_in_parts() {
        let large = |end: usize| Entry(globs(&vec![format!("{}{end}", "?".repeat(1000)); 50]), None);
        let mut list: ScopedList<Entry> = (0..40).map(large).collect();
        let path = |end: usize| format!("{}{end}", "x".repeat(1000));
        assert_eq!(list.matching_indices(&path(17), &[]).collect::<Vec<_>>(), [17]);
        list.extend([Entry(None, None)]);
        assert_eq!(list.matching_indices(&path(17), &[]).collect::<Vec<_>>(), [17, 40]);
        assert!(ScopedList::<Entry>::default().matching("a", &["b".into()]).next().is_none());
    }
}

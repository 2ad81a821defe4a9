//! Which files have another name now: git's measure, on the bytes of the files. Pure.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// How alike two files are at least, in hundredths of the larger one: git's default.
const ALIKE_MIN: usize = 50;

/// How many pairs are compared at most; of more, only equal files are found: git's limit too.
const PAIRS_MAX: usize = 1_000_000;

/// How many bytes are compared at most, over all pairs.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Returns the old name of each of the files `added` that has the content, or most of it, of one of the files `gone`. No
/// file has two new names.
pub fn renames(gone: &[(String, Vec<u8>)], added: &[(String, Vec<u8>)]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut taken: HashSet<usize> = HashSet::new();
    let mut by_content: HashMap<&[u8], OldFiles<'_>> = HashMap::new();
    for (old, (path, bytes)) in gone.iter().enumerate() {
        let files = by_content.entry(bytes).or_default();
        files.in_order.push_back(old);
        files.by_name.entry(name(path)).or_default().push_back(old);
    }
    for (path, bytes) in added {
        let Some(files) = by_content.get_mut(bytes.as_slice()) else { continue };
        let mut next = |files: &mut VecDeque<usize>| {
            while let Some(old) = files.pop_front() {
                if taken.insert(old) {
                    return Some(old);
                }
            }
            None
        };
        let same_name = files.by_name.get_mut(name(path)).and_then(&mut next);
        if let Some(old) = same_name.or_else(|| next(&mut files.in_order)) {
            found.insert(path.clone(), gone[old].0.clone());
        }
    }
    let left: Vec<usize> = (0..gone.len()).filter(|old| !taken.contains(old)).collect();
    let new: Vec<usize> = (0..added.len()).filter(|new| !found.contains_key(&added[*new].0)).collect();
    let lines: Vec<HashMap<&[u8], usize>> = left.iter().map(|old| weights(&gone[*old].1)).collect();
    let size = |files: &[(String, Vec<u8>)], which: &[usize]| -> usize {
        which.iter().map(|at| files[*at].1.len()).sum()
    };
    let work = size(added, &new).saturating_mul(left.len());
    if left.len().saturating_mul(new.len()) > PAIRS_MAX || work > BYTES_MAX {
        return found;
    }
    let mut pairs = Vec::new();
    for new in new {
        let (path, bytes) = &added[new];
        let now = weights(bytes);
        for (old, before) in left.iter().zip(&lines) {
            let common: usize =
                now.iter().map(|(line, n)| before.get(line).map_or(0, |m| (*m).min(*n))).sum();
            let larger = bytes.len().max(gone[*old].1.len());
            if larger > 0 && common * 100 >= larger * ALIKE_MIN {
                let is_other_name = name(path) != name(&gone[*old].0);
                pairs.push((std::cmp::Reverse(common * 100 / larger), is_other_name, new, *old));
            }
        }
    }
    pairs.sort_unstable();
    for (_, _, new, old) in pairs {
        let (new, is_free) = (&added[new].0, !taken.contains(&old));
        if is_free && !found.contains_key(new) {
            taken.insert(old);
            found.insert(new.clone(), gone[old].0.clone());
        }
    }
    found
}

/// Files that are gone and had one content: all of them, and those of one name.
#[derive(Default)]
struct OldFiles<'g> {
    in_order: VecDeque<usize>,
    by_name: HashMap<&'g str, VecDeque<usize>>,
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Returns how many bytes the lines of a text have, by line.
fn weights(bytes: &[u8]) -> HashMap<&[u8], usize> {
    let mut weights = HashMap::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        *weights.entry(line).or_default() += line.len();
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(gone: &[(&str, &str)], added: &[(&str, &str)]) -> Vec<(String, String)> {
        let files = |files: &[(&str, &str)]| -> Vec<(String, Vec<u8>)> {
            files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
        };
        renames(&files(gone), &files(added)).into_iter().collect()
    }

    #[test]
    fn a_file_is_known_by_most_of_its_lines() {
        let pair = |new: &str, old: &str| (new.to_owned(), old.to_owned());
        let text = "one\ntwo\nthree\nfour\n";
        assert_eq!(found(&[("a", text)], &[("b", text)]), [pair("b", "a")]);
        assert_eq!(found(&[("a", text)], &[("b", "one\ntwo\nthree\nfive\n")]), [pair("b", "a")]);
        assert_eq!(found(&[("a", text)], &[("b", "one\n5\n6\n7\n8\n9\n10\n")]), []);
        assert_eq!(found(&[("a", "")], &[("b", text)]), []);
        // One old file has one new name, and the same base name is preferred.
        assert_eq!(found(&[("x/a", text)], &[("y/b", text), ("z/c", text)]).len(), 1);
        let both = found(&[("x/a", text), ("x/b", text)], &[("y/b", text), ("y/a", text)]);
        assert_eq!(both, [pair("y/a", "x/a"), pair("y/b", "x/b")]);
    }
}

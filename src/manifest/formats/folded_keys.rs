//! Keys of a kustomization, or of a chart, that only its reader knows: Go matches the names of fields without case.

use super::kustomization;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// The fields that say what is built, and what happens to images (kustomize, `api/types`).
const FIELDS: [&str; 46] = [
    "apiVersion",
    "bases",
    "chartHome",
    "components",
    "configMapGenerator",
    "configurations",
    "crds",
    "data",
    "digest",
    "fieldPath",
    "fieldPaths",
    "fieldref",
    "generators",
    "group",
    "helmChartInflationGenerator",
    "helmCharts",
    "helmGlobals",
    "imageTags",
    "images",
    "kind",
    "name",
    "newName",
    "newTag",
    "objref",
    "openapi",
    "options",
    "patch",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "path",
    "reject",
    "replacements",
    "repo",
    "resources",
    "secretGenerator",
    "select",
    "source",
    "sourceValue",
    "tagSuffix",
    "target",
    "targets",
    "transformers",
    "validators",
    "vars",
    "version",
];

/// The fields of `Chart.yaml` that say what is deployed (Helm, `pkg/chart`).
const CHART_FIELDS: [&str; 9] =
    ["alias", "condition", "dependencies", "import-values", "name", "repository", "tags", "type", "version"];

/// A reader that folds letters.
struct FoldingReader {
    name: &'static str,
    fields: &'static [&'static str],
}

const KUSTOMIZE: FoldingReader = FoldingReader { name: "kustomize", fields: &FIELDS };
const HELM: FoldingReader = FoldingReader { name: "Helm", fields: &CHART_FIELDS };

/// Fields whose keys are the user's own.
const FREE: [&str; 7] =
    ["metadata", "commonLabels", "commonAnnotations", "labels", "annotations", "pairs", "valuesInline"];

/// Returns what is wrong with a kustomization, or a `Chart.yaml`, that has a field in another spelling than the one that tagpin reads.
pub(in crate::manifest) fn objection(tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> Option<String> {
    if path.rsplit('/').next() == Some("Chart.yaml") {
        return HELM.objection(tree, root);
    }
    // A kind in another spelling may be the one that counts.
    let may_be_one = kustomization::is_named(path) || kustomization::is_kustomization(tree, root, path);
    may_be_one.then(|| KUSTOMIZE.objection(tree, root)).flatten()
}

impl FoldingReader {
    /// The walk is as deep as the text, which is bounded; what an alias leads to is looked at where it stands.
    fn objection(&self, tree: &SyntaxTree<'_>, node: NodeId) -> Option<String> {
        if tree.resolve(node) != node {
            return None;
        }
        let of_items = tree.items(node).iter().find_map(|item| self.objection(tree, *item));
        of_items.or_else(|| {
            tree.entries(node).iter().find_map(|(key, value)| {
                let key = tree.text_of(*key)?;
                if let Some(field) = self.otherwise_spelled(key) {
                    let (at, name) = (tree.pointer(node), self.name);
                    return Some(format!("`{at}` has `{key}`, which {name} takes for `{field}`"));
                }
                if FREE.contains(&key) { None } else { self.objection(tree, *value) }
            })
        })
    }

    /// Returns the field that a key is to Go, which folds letters (`encoding/json`), and is not as it stands.
    fn otherwise_spelled(&self, key: &str) -> Option<&'static str> {
        let folded: String = key
            .chars()
            .map(|letter| match letter {
                '\u{17f}' => 's',
                '\u{212a}' => 'k',
                letter => letter.to_ascii_lowercase(),
            })
            .collect();
        let mut fields = self.fields.iter().copied();
        fields.find(|field| *field != key && field.eq_ignore_ascii_case(&folded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_spelling_of_a_field_is_odd() {
        for key in ["IMAGES", "newtag", "Patches", "patche\u{17f}", "\u{212a}ind", "dige\u{17f}t"] {
            assert!(KUSTOMIZE.otherwise_spelled(key).is_some(), "{key}");
        }
        for key in ["images", "newTag", "app", "Labels2", "x"] {
            assert_eq!(KUSTOMIZE.otherwise_spelled(key), None, "{key}");
        }
        assert!(HELM.otherwise_spelled("dependencie\u{17f}").is_some());
        assert_eq!(HELM.otherwise_spelled("dependencies"), None);
    }
}

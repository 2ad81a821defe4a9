//! Templates whose names say what they are rendered to: `compose.yaml.j2`, `values.yaml.gotmpl`, `Dockerfile.j2`, and Salt's states.

use super::language::Language;

/// What names of templates end in: Ansible and Salt, Go, Terraform, consul-template, Puppet, and what `envsubst` and `configure`
/// fill in.
const ENDINGS: [&str; 11] =
    ["ctmpl", "erb", "gotmpl", "in", "j2", "jinja", "jinja2", "template", "tftpl", "tmpl", "tpl"];

/// What Salt renders to YAML keeps its name.
const SALT: &str = ".sls";

/// Returns the name of what the file at `path` is rendered to, where that is YAML, JSON or a Dockerfile.
pub(in crate::manifest) fn rendered(path: &str) -> Option<&str> {
    if path.ends_with(SALT) {
        return Some(path);
    }
    let (stem, ending) = path.rsplit_once('.')?;
    let language = Language::of(stem).filter(|_| ENDINGS.contains(&ending))?;
    let is_one = match language {
        Language::Yaml => Language::of(path).is_none(),
        // What stands behind `Dockerfile.` is a part of its name, too.
        Language::Dockerfile => true,
        _ => false,
    };
    is_one.then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_templates_are_rendered_to() {
        for (path, expected) in [
            ("roles/web/templates/compose.yml.j2", Some("roles/web/templates/compose.yml")),
            ("task.json.tftpl", Some("task.json")),
            ("deploy.yaml.in", Some("deploy.yaml")),
            ("salt/web/init.sls", Some("salt/web/init.sls")),
            ("a/Dockerfile.j2", Some("a/Dockerfile")),
            ("Dockerfile-alpine.template", Some("Dockerfile-alpine")),
            ("api.dockerfile.erb", Some("api.dockerfile")),
            ("Dockerfile.prod", None),
            ("Dockerfile.yaml", None),
            ("api.nomad.tpl", None),
            ("nginx.conf.j2", None),
            ("values.yaml.example", None),
            ("values.yaml", None),
            ("templates/_helpers.tpl", None),
            ("a.in", None),
        ] {
            assert_eq!(rendered(path), expected, "{path}");
        }
    }
}

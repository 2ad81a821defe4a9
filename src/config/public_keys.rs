//! The files of the policy's public keys.

use super::ConfigError;
use super::diagnostic::Diagnostic;
use crate::policy::Policy;
use crate::registry::verify::PublicKey;

const HINT: &str = "`keys` of [policy] names files with a public key each: docs/provenance.md";

impl Policy {
    /// Reads the keys. `read` returns what is in a key's file.
    ///
    /// # Errors
    /// Those of `read`, or there is no key in a file.
    pub(super) fn read_keys(
        &mut self,
        read: impl Fn(&PublicKey) -> Result<Vec<u8>, ConfigError>,
    ) -> Result<(), ConfigError> {
        let of_rules = self.rules.iter_mut().filter_map(|rule| rule.keys.as_mut());
        for key in [&mut self.defaults.demand.keys].into_iter().chain(of_rules).flatten() {
            let bytes = read(key)?;
            *key = key.clone().with(&bytes).map_err(|error| {
                let problem = Diagnostic::whole(&key.path().display().to_string(), error.to_string());
                ConfigError::one(problem.hint(HINT))
            })?;
        }
        Ok(())
    }
}

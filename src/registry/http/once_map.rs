//! One shared value per key: the base of every "once per registry" and "once per repository".

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct OnceMap<V> {
    values: Mutex<HashMap<String, Arc<V>>>,
}

impl<V> Default for OnceMap<V> {
    fn default() -> Self {
        Self { values: Mutex::default() }
    }
}

impl<V> OnceMap<V> {
    pub(crate) fn get_or(&self, key: &str, make: impl FnOnce() -> V) -> Arc<V> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = values.get(key) {
            return Arc::clone(value);
        }
        let value = Arc::new(make());
        values.insert(key.to_owned(), Arc::clone(&value));
        value
    }

    /// Returns the value, where there is one.
    pub(crate) fn known(&self, key: &str) -> Option<Arc<V>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Forgets all values; who has one keeps it.
    pub(crate) fn clear(&self) {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl<V: Default> OnceMap<V> {
    pub(crate) fn get(&self, key: &str) -> Arc<V> {
        self.get_or(key, V::default)
    }
}

//! What few files have anything of.

use std::ops::{Deref, DerefMut};

/// What can be told to be nothing, and lent as that.
pub trait Blank: PartialEq + 'static {
    /// Nothing.
    const BLANK: &'static Self;
}

/// A value that is blank for most files: it takes room only where it is not. A tree has tens of thousands of files, and each would keep
/// half a kilobyte of empty lists.
#[derive(Clone)]
pub struct Rare<T>(Option<Box<T>>);

impl<T: Blank> Rare<T> {
    /// Adds what another part of the file says.
    pub(super) fn add(&mut self, other: Self, append: impl FnOnce(&mut T, T)) {
        match (&mut self.0, other.0) {
            (_, None) => {}
            (Some(own), Some(other)) => append(own, *other),
            (own, other) => *own = other,
        }
    }
}

impl<T: Default> Rare<T> {
    /// Returns the value, and leaves a blank one.
    pub(super) fn take(&mut self) -> T {
        self.0.take().map(|value| *value).unwrap_or_default()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Blank> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Self((value != *T::BLANK).then(|| Box::new(value)))
    }
}

impl<T: Blank> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::BLANK)
    }
}

impl<T: Blank + Default> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: Blank> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Blank + std::fmt::Debug> std::fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Blank + serde::Serialize> serde::Serialize for Rare<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Blank + serde::Deserialize<'de>> serde::Deserialize<'de> for Rare<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::from)
    }
}

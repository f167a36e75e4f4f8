//! A table in memory whose changes can be taken back.

use std::collections::BTreeMap;
use std::ops::Deref;

/// Rows by key. Reading is that of the map inside.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// What the changed rows were, oldest change first.
    before: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            before: Vec::new(),
        }
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.rows
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// Puts a row in place of the one with its key.
    pub(crate) fn put(&mut self, key: K, row: V) {
        let before = self.rows.insert(key.clone(), row);
        self.before.push((key, before));
    }

    /// Adds a row unless there is one with its key; whether it did.
    pub(crate) fn add(&mut self, key: K, row: V) -> bool {
        let new = !self.rows.contains_key(&key);
        if new {
            self.put(key, row);
        }
        new
    }

    /// A row about to be changed.
    pub(crate) fn change(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        self.before.push((key.clone(), Some(row.clone())));
        Some(row)
    }

    /// Removes a row.
    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(row) = self.rows.remove(key) {
            self.before.push((key.clone(), Some(row)));
        }
    }

    /// Removes rows.
    pub(crate) fn remove_where(&mut self, gone: impl Fn(&K, &V) -> bool) {
        let keys: Vec<K> = self.rows.iter().filter(|(k, v)| gone(k, v)).map(|(k, _)| k.clone()).collect();
        for key in &keys {
            self.remove(key);
        }
    }

    /// Makes the changes final, or takes them back.
    pub(crate) fn settle(&mut self, keep: bool) {
        for (key, row) in self.before.drain(..).rev() {
            match row {
                _ if keep => {}
                Some(row) => _ = self.rows.insert(key, row),
                None => _ = self.rows.remove(&key),
            }
        }
    }
}

//! Folders that are there for as long as somebody holds them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder laid out like a home, which stays as it is for as long as this is held. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Place {
    home: PathBuf,
    #[allow(dead_code, reason = "dropped with the last clone")]
    kept: Option<Arc<dyn Kept>>,
}

/// Whatever keeps a folder as it is.
trait Kept: std::fmt::Debug + Send + Sync {}

impl<T: std::fmt::Debug + Send + Sync> Kept for T {}

impl Place {
    /// A folder that stays by itself.
    pub fn folder(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            kept: None,
        }
    }

    /// A folder that stays with what keeps it.
    #[cfg(feature = "objects")]
    pub(crate) fn kept(home: PathBuf, kept: impl std::fmt::Debug + Send + Sync + 'static) -> Self {
        Self {
            home,
            kept: Some(Arc::new(kept)),
        }
    }

    /// The folder.
    pub fn home(&self) -> &Path {
        &self.home
    }
}

//! Questions and changes about users, data and plans: for whoever serves them, in office or not.

use std::collections::BTreeMap;

use assay_core::time::UtcNs;

use crate::access::{self, AuditEntry, KeyRecord, Submission};
use crate::datasets::{self, DatasetId, DatasetRecord};
use crate::error::StoreError;
use crate::schedules::{self, Schedule, ScheduledRun};
use crate::store::{Backend, Store};

impl Store {
    /// Adds a key; `false` if there is one of that name or secret.
    pub async fn add_key(&self, key: &KeyRecord) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Database(database) => access::add_key(database, key).await,
            Backend::Memory(memory) => Ok(memory.add_key(key)),
        }
    }

    /// Takes a key back; `false` if it is unknown or was taken back before.
    pub async fn revoke_key(&self, id: &str, at: UtcNs) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Database(database) => access::revoke_key(database, id, at).await,
            Backend::Memory(memory) => Ok(memory.revoke_key(id, at)),
        }
    }

    /// All keys, those that are over too, oldest first.
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => access::keys(database).await,
            Backend::Memory(memory) => Ok(memory.keys()),
        }
    }

    /// The key whose secret has this BLAKE3 hash, over or not.
    pub async fn key_by_hash(&self, hash: &[u8; 32]) -> Result<Option<KeyRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => access::key_by_hash(database, hash).await,
            Backend::Memory(memory) => Ok(memory.keys().into_iter().find(|key| key.hash == *hash)),
        }
    }

    /// Lines of the audit with their numbers, in order, after the one of that number.
    pub async fn audit(&self, after: u64, limit: usize) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        match &self.backend {
            Backend::Database(database) => access::audit(database, after, limit).await,
            Backend::Memory(memory) => Ok(memory.audit(after, limit)),
        }
    }

    /// What a user submitted under a key.
    pub async fn submission(&self, owner: &str, key: &str) -> Result<Option<Submission>, StoreError> {
        match &self.backend {
            Backend::Database(database) => access::submission(database, owner, key).await,
            Backend::Memory(memory) => Ok(memory.submission(owner, key)),
        }
    }

    /// Adds a schedule; `false` if there is one of that name.
    pub async fn add_schedule(&self, schedule: &Schedule) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Database(database) => schedules::add(database, schedule).await,
            Backend::Memory(memory) => Ok(memory.add_schedule(schedule)),
        }
    }

    /// All schedules, by name.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, StoreError> {
        match &self.backend {
            Backend::Database(database) => schedules::all(database).await,
            Backend::Memory(memory) => Ok(memory.schedules()),
        }
    }

    /// Lets a schedule run again, for times after `since`; `false` if it is unknown or runs already.
    pub async fn enable_schedule(&self, name: &str, since: UtcNs) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Database(database) => schedules::enable(database, name, since).await,
            Backend::Memory(memory) => Ok(memory.change_schedule(name, Some(since))),
        }
    }

    /// Lets a schedule rest; `false` if it is unknown or rests already.
    pub async fn disable_schedule(&self, name: &str) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Database(database) => schedules::disable(database, name).await,
            Backend::Memory(memory) => Ok(memory.change_schedule(name, None)),
        }
    }

    /// Removes a schedule and the record of its runs, not their jobs; `false` if it is unknown.
    pub async fn remove_schedule(&self, name: &str) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Database(database) => schedules::remove(database, name).await,
            Backend::Memory(memory) => Ok(memory.remove_schedule(name)),
        }
    }

    /// When the last run of each schedule was due.
    pub async fn last_runs(&self) -> Result<BTreeMap<String, UtcNs>, StoreError> {
        match &self.backend {
            Backend::Database(database) => schedules::last_runs(database).await,
            Backend::Memory(memory) => Ok(memory.last_runs()),
        }
    }

    /// Runs that became jobs and have no report yet.
    pub async fn unreported_runs(&self) -> Result<Vec<ScheduledRun>, StoreError> {
        match &self.backend {
            Backend::Database(database) => schedules::unreported(database).await,
            Backend::Memory(memory) => Ok(memory.unreported_runs()),
        }
    }

    /// The last runs of a schedule, latest first.
    pub async fn runs(&self, schedule: &str, limit: usize) -> Result<Vec<ScheduledRun>, StoreError> {
        match &self.backend {
            Backend::Database(database) => schedules::runs(database, schedule, limit).await,
            Backend::Memory(memory) => Ok(memory.runs(schedule, limit)),
        }
    }

    /// Records an uploaded dataset; `false` if it is there.
    pub async fn add_dataset(&self, dataset: &DatasetRecord) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Database(database) => datasets::add(database, dataset).await,
            Backend::Memory(memory) => Ok(memory.add_dataset(dataset)),
        }
    }

    /// All datasets, newest first.
    pub async fn datasets(&self) -> Result<Vec<DatasetRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => datasets::all(database).await,
            Backend::Memory(memory) => Ok(memory.datasets()),
        }
    }

    /// Whether a dataset is recorded.
    pub async fn has_dataset(&self, id: &DatasetId) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Database(database) => datasets::has(database, id).await,
            Backend::Memory(memory) => Ok(memory.datasets().iter().any(|dataset| dataset.id() == *id)),
        }
    }

    /// The dataset with these values.
    pub async fn dataset(&self, hash: &str) -> Result<Option<DatasetRecord>, StoreError> {
        match &self.backend {
            Backend::Database(database) => datasets::by_hash(database, hash).await,
            Backend::Memory(memory) => Ok(memory.datasets().into_iter().find(|dataset| dataset.hash == hash)),
        }
    }
}

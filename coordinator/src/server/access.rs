//! Who may do what: bearer keys, looked up by the hash of their secret.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assay_core::time::UtcNs;
use assay_core::{Domain, Explain};
use assay_proto::status;
use assay_store::{KeyRecord, Scope, Store, StoreError};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// How long a key that was looked up counts: so long a key that was revoked elsewhere may go on.
const FRESH: Duration = Duration::from_secs(5);
/// Secrets remembered; most of more are guesses.
const REMEMBERED: usize = 10_000;
/// What every secret begins with, so that scanners for secrets find those that got lost.
const PREFIX: &str = "assay_";
/// Bytes of a secret.
const SECRET: usize = 32;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Name of its key.
    pub key: String,
    /// Whose key it is.
    pub owner: String,
    /// What it allows.
    pub scope: Scope,
}

/// A caller who is not let in, or not let do what it wants.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No key.
    #[error("no key was given")]
    NoKey,
    /// A key that nobody knows.
    #[error("the key is not known here")]
    UnknownKey,
    /// A key that is over.
    #[error("key {id} has expired")]
    Expired {
        /// Its name.
        id: String,
    },
    /// A key that was taken back.
    #[error("key {id} was revoked")]
    Revoked {
        /// Its name.
        id: String,
    },
    /// A key for other things.
    #[error("a key of scope `{scope}` does not allow this")]
    Scope {
        /// What the key allows.
        scope: Scope,
        /// What would be needed.
        needed: &'static [Scope],
    },
    /// Too many requests.
    #[error("too many requests with key {id}: {limit} a second are allowed")]
    TooMany {
        /// Its name.
        id: String,
        /// How many are.
        limit: NonZeroU32,
    },
    /// An owner that cannot be one.
    #[error("`{0}` is not a name for an owner; expected letters, digits, `.`, `-`, `_`, `@`, at most 64")]
    Owner(String),
    /// No secret can be made.
    #[error("the operating system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for AccessError {
    fn domain(&self) -> Domain {
        match self {
            Self::NoKey
            | Self::UnknownKey
            | Self::Expired { .. }
            | Self::Revoked { .. }
            | Self::Scope { .. }
            | Self::TooMany { .. } => Domain::NotAllowed,
            Self::Owner(_) => Domain::Usage,
            Self::Random(_) => Domain::External,
            Self::Store(error) => error.domain(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoKey => "give one in ASSAY_KEY; an admin makes it with `assay key create`".to_owned(),
            Self::UnknownKey => "check ASSAY_KEY; keys belong to one cluster".to_owned(),
            Self::Expired { .. } | Self::Revoked { .. } => "ask an admin for another one: `assay key create`".to_owned(),
            Self::Scope { needed, .. } => {
                let names: Vec<&str> = needed.iter().map(|scope| scope.name()).collect();
                format!("use a key of scope {}", names.join(" or "))
            }
            Self::TooMany { .. } => "wait a second; to follow a job use `assay watch`".to_owned(),
            Self::Store(error) => return error.hint(),
            Self::Owner(_) | Self::Random(_) => return None,
        })
    }
}

impl AccessError {
    pub(super) fn status(&self) -> Status {
        let code = match self {
            Self::NoKey | Self::UnknownKey | Self::Expired { .. } | Self::Revoked { .. } => Code::Unauthenticated,
            Self::Scope { .. } => Code::PermissionDenied,
            Self::TooMany { .. } => Code::ResourceExhausted,
            _ => return status::of_error(self),
        };
        let told = status::of_error(self);
        Status::with_metadata(code, told.message(), told.metadata().clone())
    }
}

impl Caller {
    /// Refuses a caller whose key has none of these scopes.
    #[allow(clippy::result_large_err, reason = "tonic's error")]
    pub(super) fn needs(&self, needed: &'static [Scope]) -> Result<(), Status> {
        if needed.contains(&self.scope) {
            return Ok(());
        }
        let error = AccessError::Scope {
            scope: self.scope,
            needed,
        };
        Err(error.status())
    }

    /// Whether it may do everything to everybody's jobs.
    pub(super) fn is_admin(&self) -> bool {
        self.scope == Scope::Admin
    }
}

/// Makes a key and its secret, which is kept nowhere.
pub fn create_key(owner: &str, scope: Scope, expires: Option<UtcNs>, now: UtcNs) -> Result<(KeyRecord, String), AccessError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if owner.is_empty() || owner.len() > 64 || !owner.chars().all(plain) {
        return Err(AccessError::Owner(owner.to_owned()));
    }
    let mut bytes = [0; SECRET];
    getrandom::fill(&mut bytes).map_err(AccessError::Random)?;
    // 32 bytes as hexadecimal digits are what a hash is printed as, too.
    let secret = format!("{PREFIX}{}", blake3::Hash::from_bytes(bytes).to_hex());
    let hash = blake3::hash(secret.as_bytes());
    let record = KeyRecord {
        id: format!("key_{}", &hash.to_hex()[..12]),
        hash: *hash.as_bytes(),
        scope,
        owner: owner.to_owned(),
        created: now,
        expires,
        revoked: None,
    };
    Ok((record, secret))
}

/// The keys of the store, and what was seen of them lately.
#[derive(Debug)]
pub(super) struct Keys {
    store: Arc<Store>,
    per_second: NonZeroU32,
    known: Mutex<HashMap<[u8; 32], Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    looked: Instant,
    record: Option<Arc<KeyRecord>>,
    pace: Arc<DefaultDirectRateLimiter>,
}

impl Keys {
    pub(super) fn new(store: Arc<Store>, per_second: NonZeroU32) -> Self {
        Self {
            store,
            per_second,
            known: Mutex::default(),
        }
    }

    /// Who sent this.
    pub(super) async fn caller(&self, metadata: &MetadataMap, now: UtcNs) -> Result<Caller, AccessError> {
        let bearer = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let secret = bearer
            .and_then(|text| text.strip_prefix("Bearer "))
            .ok_or(AccessError::NoKey)?;
        let hash = blake3::hash(secret.as_bytes());
        let known = self.look(&hash).await?;
        // The comparison of hashes takes the same time whatever they are.
        let record = known.record.filter(|record| blake3::Hash::from_bytes(record.hash) == hash);
        let record = record.ok_or(AccessError::UnknownKey)?;
        let id = || record.id.clone();
        if record.revoked.is_some() {
            return Err(AccessError::Revoked { id: id() });
        }
        if record.expires.is_some_and(|at| at <= now) {
            return Err(AccessError::Expired { id: id() });
        }
        // Workers ask as often as there are tasks.
        if record.scope != Scope::Worker && known.pace.check().is_err() {
            return Err(AccessError::TooMany {
                id: id(),
                limit: self.per_second,
            });
        }
        Ok(Caller {
            key: id(),
            owner: record.owner.clone(),
            scope: record.scope,
        })
    }

    /// Keys have changed.
    pub(super) fn forget(&self) {
        for known in self.lock().values_mut() {
            known.record = None;
            known.looked = known.looked.checked_sub(FRESH).unwrap_or(known.looked);
        }
    }

    async fn look(&self, hash: &blake3::Hash) -> Result<Known, AccessError> {
        let earlier = self.lock().get(hash.as_bytes()).cloned();
        if let Some(known) = &earlier
            && known.looked.elapsed() < FRESH
        {
            return Ok(known.clone());
        }
        let record = self.store.key_by_hash(hash.as_bytes()).await?;
        let quota =
            Quota::per_second(self.per_second).allow_burst(self.per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1)));
        let known = Known {
            looked: Instant::now(),
            record: record.map(Arc::new),
            pace: earlier.map_or_else(|| Arc::new(RateLimiter::direct(quota)), |known| known.pace),
        };
        let mut all = self.lock();
        if all.len() >= REMEMBERED {
            all.retain(|_, known| known.record.is_some());
        }
        all.insert(*hash.as_bytes(), known.clone());
        Ok(known)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcNs = UtcNs(1_000);

    fn bearer(secret: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", format!("Bearer {secret}").parse().unwrap());
        metadata
    }

    fn keys(per_second: u32) -> Keys {
        let store = Arc::new(Store::in_memory(std::path::Path::new("unused")));
        Keys::new(store, NonZeroU32::new(per_second).unwrap())
    }

    #[tokio::test]
    async fn only_keys_that_are_known_and_not_over_are_let_in() {
        let keys = keys(100);
        let (good, secret) = create_key("ann", Scope::Submit, Some(UtcNs(2_000)), NOW).unwrap();
        assert!(secret.len() == PREFIX.len() + 64 && !format!("{good:?}").contains(&secret));
        assert!(keys.store.add_key(&good).await.unwrap());
        let caller = keys.caller(&bearer(&secret), NOW).await.unwrap();
        assert_eq!((caller.owner.as_str(), caller.scope), ("ann", Scope::Submit));
        let late = keys.caller(&bearer(&secret), UtcNs(2_000)).await;
        assert!(matches!(late, Err(AccessError::Expired { .. })), "{late:?}");
        let wrong = keys.caller(&bearer("assay_00"), NOW).await;
        assert!(matches!(wrong, Err(AccessError::UnknownKey)), "{wrong:?}");
        let none = keys.caller(&MetadataMap::new(), NOW).await;
        assert!(matches!(none, Err(AccessError::NoKey)), "{none:?}");
        assert!(keys.store.revoke_key(&good.id, NOW).await.unwrap());
        keys.forget();
        let gone = keys.caller(&bearer(&secret), NOW).await;
        assert!(matches!(gone, Err(AccessError::Revoked { .. })), "{gone:?}");
    }

    #[tokio::test]
    async fn users_are_held_to_their_pace_and_workers_are_not() {
        let keys = keys(2);
        for (scope, most) in [(Scope::Read, 4), (Scope::Worker, 20)] {
            let (key, secret) = create_key("ann", scope, None, NOW).unwrap();
            keys.store.add_key(&key).await.unwrap();
            let mut let_in = 0;
            for _ in 0..20 {
                let_in += usize::from(keys.caller(&bearer(&secret), NOW).await.is_ok());
            }
            assert_eq!(let_in, most, "{scope}");
        }
    }

    #[test]
    fn scopes_allow_what_they_say() {
        let caller = |scope| Caller {
            key: "k".to_owned(),
            owner: "ann".to_owned(),
            scope,
        };
        assert!(caller(Scope::Read).needs(&[Scope::Submit, Scope::Admin]).is_err());
        assert!(caller(Scope::Admin).needs(&[Scope::Submit, Scope::Admin]).is_ok());
        let refused = caller(Scope::Worker).needs(&[Scope::Read]).unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert_eq!(status::hint(&refused).as_deref(), Some("use a key of scope read"));
        assert!(create_key("../x y", Scope::Read, None, NOW).is_err());
    }
}

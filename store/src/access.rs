//! Keys, the audit, and submissions that may come twice.

use std::fmt;
use std::str::FromStr;

use assay_core::ids::JobId;
use assay_core::time::UtcNs;

use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::sql::{Row, values};
use crate::tasks::{from_hex, hex};

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Sees what is its owner's.
    Read,
    /// Also submits jobs and data, and changes what is its owner's.
    Submit,
    /// Everything, of everyone.
    Admin,
    /// Takes tasks and reports results.
    Worker,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Read, Self::Submit, Self::Admin, Self::Worker];

    /// As stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Admin => "admin",
            Self::Worker => "worker",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| format!("unknown scope `{text}`"))
    }
}

/// A key; not its secret, which is stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its name.
    pub id: String,
    /// BLAKE3 of its secret.
    pub hash: [u8; 32],
    /// What it allows.
    pub scope: Scope,
    /// Whose it is.
    pub owner: String,
    /// When it was made.
    pub created: UtcNs,
    /// When it ends.
    pub expires: Option<UtcNs>,
    /// When it was taken back.
    pub revoked: Option<UtcNs>,
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: UtcNs,
    /// Who: a user, or a part of the system.
    pub actor: String,
    /// Did what.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else is to be known.
    pub detail: String,
}

/// A submission under a key that its user chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The user.
    pub owner: String,
    /// The key.
    pub key: String,
    /// BLAKE3 of what was submitted.
    pub body_hash: [u8; 32],
    /// What it became.
    pub job: JobId,
    /// When.
    pub at: UtcNs,
}

impl Submission {
    /// Refuses another body under the same key.
    pub(crate) fn expect_same(&self, earlier: &Self) -> Result<(), StoreError> {
        if (self.body_hash, self.job) == (earlier.body_hash, earlier.job) {
            return Ok(());
        }
        Err(StoreError::KeyReused {
            key: self.key.clone(),
            job: earlier.job.to_string(),
        })
    }
}

pub(crate) async fn add_key(database: &Database, key: &KeyRecord) -> Result<bool, StoreError> {
    let sql = "INSERT INTO keys (id, hash, scope, owner, created_ns, expires_ns, revoked_ns) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let values = values![
        key.id.as_str(),
        hex(&key.hash),
        key.scope.name(),
        key.owner.as_str(),
        key.created.0,
        key.expires.map(|at| at.0),
        key.revoked.map(|at| at.0),
    ];
    Ok(database.execute("add the key", sql, values).await? == 1)
}

pub(crate) async fn revoke_key(database: &Database, id: &str, at: UtcNs) -> Result<bool, StoreError> {
    let sql = "UPDATE keys SET revoked_ns = $2 WHERE id = $1 AND revoked_ns IS NULL";
    Ok(database.execute("revoke the key", sql, values![id, at.0]).await? == 1)
}

pub(crate) async fn keys(database: &Database) -> Result<Vec<KeyRecord>, StoreError> {
    let rows = database
        .rows("list the keys", "SELECT * FROM keys ORDER BY created_ns, id", &[])
        .await?;
    rows.iter().map(key).collect()
}

pub(crate) async fn key_by_hash(database: &Database, hash: &[u8; 32]) -> Result<Option<KeyRecord>, StoreError> {
    let sql = "SELECT * FROM keys WHERE hash = $1";
    let row = database.row("find the key", sql, values![hex(hash)]).await?;
    row.as_ref().map(key).transpose()
}

fn key(row: &Row) -> Result<KeyRecord, StoreError> {
    let time = |column| row.get::<Option<i64>>(column).map(|ns| ns.map(UtcNs));
    Ok(KeyRecord {
        id: row.get("id")?,
        hash: from_hex(row.get("hash")?)?,
        scope: row.parse("scope")?,
        owner: row.get("owner")?,
        created: UtcNs(row.get("created_ns")?),
        expires: time("expires_ns")?,
        revoked: time("revoked_ns")?,
    })
}

pub(crate) async fn add_audit(transaction: &mut Transaction<'_>, entry: &AuditEntry) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (number, at_ns, actor, action, subject, detail) \
               SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5 FROM audit";
    let values = values![
        entry.at.0,
        entry.actor.as_str(),
        entry.action.as_str(),
        entry.subject.as_str(),
        entry.detail.as_str(),
    ];
    transaction.execute(sql, values).await.map(|_| ())
}

pub(crate) async fn audit(database: &Database, after: u64, limit: usize) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
    let sql = "SELECT * FROM audit WHERE number > $1 ORDER BY number LIMIT $2";
    let rows = database.rows("read the audit", sql, values![after, limit as u64]).await?;
    let entry = |row: &Row| {
        let entry = AuditEntry {
            at: UtcNs(row.get("at_ns")?),
            actor: row.get("actor")?,
            action: row.get("action")?,
            subject: row.get("subject")?,
            detail: row.get("detail")?,
        };
        Ok((row.count("number")?, entry))
    };
    rows.iter().map(entry).collect()
}

const SUBMISSION: &str = "SELECT * FROM submissions WHERE owner = $1 AND key = $2";

pub(crate) async fn submission(database: &Database, owner: &str, key: &str) -> Result<Option<Submission>, StoreError> {
    let row = database.row("find the submission", SUBMISSION, values![owner, key]).await?;
    row.as_ref().map(submitted).transpose()
}

pub(crate) async fn add_submission(transaction: &mut Transaction<'_>, new: &Submission) -> Result<(), StoreError> {
    let keys = values![new.owner.as_str(), new.key.as_str()];
    if let Some(row) = transaction.row(SUBMISSION, keys).await? {
        return new.expect_same(&submitted(&row)?);
    }
    let sql = "INSERT INTO submissions (owner, key, body_hash, job, at_ns) VALUES ($1, $2, $3, $4, $5)";
    let values = values![
        new.owner.as_str(),
        new.key.as_str(),
        hex(&new.body_hash),
        new.job.to_string(),
        new.at.0,
    ];
    transaction.execute(sql, values).await.map(|_| ())
}

fn submitted(row: &Row) -> Result<Submission, StoreError> {
    Ok(Submission {
        owner: row.get("owner")?,
        key: row.get("key")?,
        body_hash: from_hex(row.get("body_hash")?)?,
        job: row.parse("job")?,
        at: UtcNs(row.get("at_ns")?),
    })
}

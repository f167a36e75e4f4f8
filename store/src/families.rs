//! What was ever searched: distinct points and times by family, and looks at what was held back.

use assay_core::distinct::DistinctPoints;
use assay_core::ids::JobId;
use assay_core::time::UtcNs;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::sql::{Row, to_json, unreadable, values};

/// What searches have in common whose luck adds up: they try strategies of one shape on one symbol and kind of data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FamilyKey {
    /// The symbol.
    pub symbol: String,
    /// Quotes, trades or bars.
    pub kind: String,
    /// Of the strategy's graph without its constants.
    pub shape: String,
}

/// A range of times, its end excluded.
pub type TimeRange = (UtcNs, UtcNs);

/// What a job adds to a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// The family.
    pub family: FamilyKey,
    /// The job's points, pruned and failed ones too.
    pub points: Arc<DistinctPoints>,
    /// The times that it searched.
    pub range: TimeRange,
}

/// A look at data that a job had held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The family.
    pub family: FamilyKey,
    /// Whose verdict it was.
    pub job: JobId,
    /// The times looked at.
    pub range: TimeRange,
    /// When.
    pub at: UtcNs,
}

/// All that is known of a family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FamilyRecord {
    /// All points ever run.
    pub points: DistinctPoints,
    /// The times that were searched: disjoint, in order.
    pub ranges: Vec<TimeRange>,
    /// Looks at data that was held back, in order.
    pub looks: Vec<Look>,
}

impl FamilyRecord {
    /// Adds what a job searched; the same job again adds nothing.
    pub fn add(&mut self, points: &DistinctPoints, range: TimeRange) {
        self.points.merge(points);
        self.ranges.push(range);
        self.ranges.retain(|(from, to)| from < to);
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|later, earlier| {
            let meets = later.0 <= earlier.1;
            if meets {
                earlier.1 = earlier.1.max(later.1);
            }
            meets
        });
    }
}

/// Adds what a job searched to its families.
pub(crate) async fn add(transaction: &mut Transaction<'_>, searched: &[Searched]) -> Result<(), StoreError> {
    for part in searched {
        let FamilyKey { symbol, kind, shape } = &part.family;
        let sql = "SELECT points, ranges FROM families WHERE symbol = $1 AND kind = $2 AND shape = $3";
        let row = transaction
            .row(sql, values![symbol.as_str(), kind.as_str(), shape.as_str()])
            .await?;
        let mut family = row.as_ref().map(record).transpose()?.unwrap_or_default();
        family.add(&part.points, part.range);
        let sql = "INSERT INTO families (symbol, kind, shape, points, ranges) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (symbol, kind, shape) DO UPDATE SET points = excluded.points, ranges = excluded.ranges";
        let ranges: Vec<(i64, i64)> = family.ranges.iter().map(|(from, to)| (from.0, to.0)).collect();
        let values = values![
            symbol.as_str(),
            kind.as_str(),
            shape.as_str(),
            family.points.to_bytes(),
            to_json(&ranges),
        ];
        transaction.execute(sql, values).await?;
    }
    Ok(())
}

/// Remembers a look.
pub(crate) async fn look(transaction: &mut Transaction<'_>, look: &Look) -> Result<(), StoreError> {
    let sql = "INSERT INTO looks (number, symbol, kind, shape, job, from_ns, to_ns, at_ns) \
               SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM looks";
    let values = values![
        look.family.symbol.as_str(),
        look.family.kind.as_str(),
        look.family.shape.as_str(),
        look.job.to_string(),
        look.range.0.0,
        look.range.1.0,
        look.at.0,
    ];
    transaction.execute(sql, values).await.map(|_| ())
}

/// A family; an empty one if nothing was ever searched.
pub(crate) async fn read(database: &Database, key: &FamilyKey) -> Result<FamilyRecord, StoreError> {
    let names = values![key.symbol.as_str(), key.kind.as_str(), key.shape.as_str()];
    let sql = "SELECT points, ranges FROM families WHERE symbol = $1 AND kind = $2 AND shape = $3";
    let row = database.row("read what was searched", sql, names).await?;
    let mut family = row.as_ref().map(record).transpose()?.unwrap_or_default();
    let sql = "SELECT * FROM looks WHERE symbol = $1 AND kind = $2 AND shape = $3 ORDER BY number";
    for row in database.rows("read what was looked at", sql, names).await? {
        family.looks.push(Look {
            family: key.clone(),
            job: row.parse("job")?,
            range: (UtcNs(row.get("from_ns")?), UtcNs(row.get("to_ns")?)),
            at: UtcNs(row.get("at_ns")?),
        });
    }
    Ok(family)
}

fn record(row: &Row) -> Result<FamilyRecord, StoreError> {
    let points: Vec<u8> = row.get("points")?;
    let ranges: Vec<(i64, i64)> = row.json("ranges")?;
    Ok(FamilyRecord {
        points: DistinctPoints::from_bytes(&points).ok_or_else(|| unreadable("points", "they are no hashes in order"))?,
        ranges: ranges.into_iter().map(|(from, to)| (UtcNs(from), UtcNs(to))).collect(),
        looks: Vec::new(),
    })
}

//! The little of SQL that two databases have in common: values, sets of rows, rows.
//!
//! Every statement is written once, in what `SQLite` and Postgres both accept: `$1` for values, `ON CONFLICT`, `UPDATE … FROM`,
//! `RETURNING`, `NULLS LAST`. A statement about many rows names them `r`, a common table expression in front of it, and only that is
//! spelled differently: `VALUES` in `SQLite`, `UNNEST` of one array a column in Postgres (one text whatever the number of rows, so that it
//! is prepared once), and there above [`COPY_ABOVE`] rows a temporary table `r` filled by `COPY`.

use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Executor, Row as _, SqlSafeStr};

use crate::error::StoreError;

/// Rows of a set above which Postgres gets them by `COPY`.
pub(crate) const COPY_ABOVE: usize = 10_000;
/// Values of one statement in `SQLite`, which takes 32,766.
const SQLITE_VALUES: usize = 30_000;
/// Bytes of `COPY` sent at a time.
const COPY_CHUNK: usize = 1 << 20;

/// A value of a column; `None` is null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `INTEGER`, `BIGINT`
    Int(Option<i64>),
    /// `REAL`, `DOUBLE PRECISION`
    Real(Option<f64>),
    /// `TEXT`
    Text(Option<String>),
    /// `BLOB`, `BYTEA`
    Bytes(Option<Vec<u8>>),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident $convert:expr;)*) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                let convert: fn($from) -> _ = $convert;
                Self::$variant(Some(convert(value)))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                let convert: fn($from) -> _ = $convert;
                Self::$variant(value.map(convert))
            }
        })*
    };
}

value_from! {
    i64 => Int |x| x;
    u64 => Int |x| x as i64;
    u32 => Int i64::from;
    u8 => Int i64::from;
    f64 => Real |x| x;
    // Postgres has no text with this character in it.
    String => Text |x| if x.contains('\0') { x.replace('\0', "\u{fffd}") } else { x };
    Vec<u8> => Bytes |x| x;
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// Values of a statement, converted.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
pub(crate) use values;

/// Rows that one statement is about, called `r` in it.
#[derive(Debug)]
pub(crate) struct Set<const N: usize> {
    names: [&'static str; N],
    rows: Vec<[Value; N]>,
}

impl<const N: usize> Set<N> {
    pub(crate) fn new(names: [&'static str; N], rows: impl IntoIterator<Item = [Value; N]>) -> Self {
        Self {
            names,
            rows: rows.into_iter().collect(),
        }
    }

    fn with(&self, source: &str, statement: &str) -> String {
        format!("WITH r ({}) AS ({source}) {statement}", self.names.join(", "))
    }

    fn kind(&self, column: usize) -> &'static str {
        match self.rows[0][column] {
            Value::Int(_) => "bigint",
            Value::Real(_) => "double precision",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytea",
        }
    }
}

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What can be read from a column of either database.
pub(crate) trait Column<'r>:
    sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>
{
}

impl<'r, T> Column<'r> for T where
    T: sqlx::Decode<'r, sqlx::Sqlite>
        + sqlx::Type<sqlx::Sqlite>
        + sqlx::Decode<'r, sqlx::Postgres>
        + sqlx::Type<sqlx::Postgres>
{
}

impl Row {
    /// A column as it is.
    pub(crate) fn get<'r, T: Column<'r>>(&'r self, column: &'static str) -> Result<T, StoreError> {
        let value = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        value.map_err(|e| unreadable(column, e))
    }

    /// A column that counts something.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        self.get::<i64>(column).map(|count| count as u64)
    }

    /// What Postgres calls true.
    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        self.get(column)
    }

    /// A text column as what it stands for.
    pub(crate) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.get::<&str>(column)?.parse().map_err(|e| unreadable(column, e))
    }

    /// A text column as the JSON it is.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        from_json(column, self.get(column)?)
    }
}

/// A connection, for the time of some statements.
pub(crate) enum Link<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Link<'_> {
    /// Runs a statement; says how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(link) => {
                let query = sqlx::query_with(sql, sqlite_arguments(values)?);
                Ok(link.execute(query).await?.rows_affected())
            }
            Self::Postgres(link) => {
                let query = sqlx::query_with(sql, postgres_arguments(values)?);
                Ok(link.execute(query).await?.rows_affected())
            }
        }
    }

    /// The answer to a query.
    pub(crate) async fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(link) => {
                let rows = link.fetch_all(sqlx::query_with(sql, sqlite_arguments(values)?)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(link) => {
                let rows = link.fetch_all(sqlx::query_with(sql, postgres_arguments(values)?)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Runs a statement about a set of rows, and answers what it returns.
    pub(crate) async fn rows_of<const N: usize>(
        &mut self,
        set: &Set<N>,
        statement: &'static str,
    ) -> Result<Vec<Row>, sqlx::Error> {
        if set.rows.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Sqlite(link) => {
                let mut answer = Vec::new();
                for rows in set.rows.chunks(SQLITE_VALUES / N) {
                    let row = format!("({})", ["?"; N].join(", "));
                    let source = format!("VALUES {}", vec![row; rows.len()].join(", "));
                    let text = AssertSqlSafe(set.with(&source, statement)).into_sql_str();
                    let query = sqlx::query_with(text, sqlite_arguments(rows.as_flattened())?);
                    // Another text for each number of rows: only single ones come often.
                    let query = query.persistent(rows.len() == 1);
                    answer.extend(link.fetch_all(query).await?.into_iter().map(Row::Sqlite));
                }
                Ok(answer)
            }
            Self::Postgres(link) => {
                let rows = if set.rows.len() > COPY_ABOVE {
                    copied(link, set, statement).await?
                } else {
                    let arrays = (0..N).map(|i| format!("${}::{}[]", i + 1, set.kind(i)));
                    let source = format!("SELECT * FROM unnest({})", arrays.collect::<Vec<_>>().join(", "));
                    let text = AssertSqlSafe(set.with(&source, statement)).into_sql_str();
                    link.fetch_all(sqlx::query_with(text, arrays_of(set)?)).await?
                };
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Runs a statement about a set of rows.
    pub(crate) async fn execute_of<const N: usize>(
        &mut self,
        set: &Set<N>,
        statement: &'static str,
    ) -> Result<(), sqlx::Error> {
        self.rows_of(set, statement).await.map(|_| ())
    }
}

/// Fills a temporary table with the rows and runs the statement.
async fn copied<const N: usize>(
    link: &mut PgConnection,
    set: &Set<N>,
    statement: &'static str,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let columns = set
        .names
        .iter()
        .enumerate()
        .map(|(i, name)| format!("{name} {}", set.kind(i)));
    let columns = columns.collect::<Vec<_>>().join(", ");
    link.execute(AssertSqlSafe(format!("CREATE TEMPORARY TABLE r ({columns})")).into_sql_str())
        .await?;
    let mut copy = link.copy_in_raw("COPY pg_temp.r FROM STDIN WITH (FORMAT binary)").await?;
    let mut chunk = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for row in &set.rows {
        chunk.extend((N as i16).to_be_bytes());
        for value in row {
            copy_value(value, &mut chunk);
        }
        if chunk.len() >= COPY_CHUNK {
            copy.send(std::mem::take(&mut chunk)).await?;
        }
    }
    chunk.extend((-1i16).to_be_bytes());
    copy.send(chunk).await?;
    copy.finish().await?;
    let rows = link.fetch_all(sqlx::query(statement).persistent(false)).await?;
    link.execute("DROP TABLE pg_temp.r").await?;
    Ok(rows)
}

/// A field of the binary format of `COPY`: its length, or -1 for null, and its bytes.
fn copy_value(value: &Value, out: &mut Vec<u8>) {
    let mut put = |bytes: &[u8]| {
        out.extend((bytes.len() as i32).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Int(Some(x)) => put(&x.to_be_bytes()),
        Value::Real(Some(x)) => put(&x.to_be_bytes()),
        Value::Text(Some(x)) => put(x.as_bytes()),
        Value::Bytes(Some(x)) => put(x),
        Value::Int(None) | Value::Real(None) | Value::Text(None) | Value::Bytes(None) => out.extend((-1i32).to_be_bytes()),
    }
}

fn sqlite_arguments(values: &[Value]) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value.clone() {
            Value::Int(x) => arguments.add(x),
            Value::Real(x) => arguments.add(x),
            Value::Text(x) => arguments.add(x),
            Value::Bytes(x) => arguments.add(x),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: &[Value]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(x) => arguments.add(x),
            Value::Real(x) => arguments.add(x),
            Value::Text(x) => arguments.add(x),
            Value::Bytes(x) => arguments.add(x),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// One array a column.
fn arrays_of<const N: usize>(set: &Set<N>) -> Result<PgArguments, sqlx::Error> {
    macro_rules! array {
        ($column:expr, $variant:ident) => {
            set.rows
                .iter()
                .map(|row| match &row[$column] {
                    Value::$variant(x) => x.as_ref(),
                    _ => unreachable!("a column has one type"),
                })
                .collect::<Vec<_>>()
        };
    }
    let mut arguments = PgArguments::default();
    for (column, first) in set.rows[0].iter().enumerate() {
        match first {
            Value::Int(_) => arguments.add(array!(column, Int)),
            Value::Real(_) => arguments.add(array!(column, Real)),
            Value::Text(_) => arguments.add(array!(column, Text)),
            Value::Bytes(_) => arguments.add(array!(column, Bytes)),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain records are JSON")
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| unreadable(what, e))
}

pub(crate) fn unreadable(what: &'static str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Record {
        what,
        reason: error.to_string(),
    }
}

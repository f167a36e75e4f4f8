-- Times are UTC nanoseconds, hashes hexadecimal, JSON is text. Ids begin with a letter.

CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    -- The job with its defaults filled in.
    spec TEXT NOT NULL,
    -- The strategy's source.
    strategy TEXT NOT NULL,
    -- [{"symbol": ..., "hash": ...}] of the values it ran on.
    data TEXT NOT NULL,
    semantics INTEGER NOT NULL,
    -- Columns of its result files.
    layout TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'stopped', 'failed', 'done')),
    -- Why it failed.
    error TEXT,
    created_ns INTEGER NOT NULL,
    started_ns INTEGER,
    finished_ns INTEGER,
    -- Trials that the plan expects; exact once done.
    trials INTEGER NOT NULL,
    -- Trials whose rows are safe; those that failed among them.
    trials_done INTEGER NOT NULL DEFAULT 0,
    trials_failed INTEGER NOT NULL DEFAULT 0,
    points INTEGER,
    bars INTEGER,
    fingerprint TEXT,
    seconds REAL
) STRICT;

CREATE INDEX jobs_by_name ON jobs (name, created_ns);

-- Runs of blocks on all instruments of a job whose rows are safe in a staging file.
CREATE TABLE tasks (
    job TEXT NOT NULL REFERENCES jobs (id),
    first_block INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    -- Name inside staging/<job>/.
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    -- BLAKE3 of the file.
    hash TEXT NOT NULL,
    -- Fingerprint of its rows.
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (job, first_block)
) STRICT, WITHOUT ROWID;

-- The best points of finished jobs, best first.
CREATE TABLE ranked (
    job TEXT NOT NULL REFERENCES jobs (id),
    rank INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    objective REAL,
    -- {"fast": 10, ...}
    params TEXT NOT NULL,
    -- [{"sharpe": 1.2, ...}, ...] per instrument; null where the trial failed.
    metrics TEXT NOT NULL,
    PRIMARY KEY (job, rank)
) STRICT;

-- One row per finished job: what has been tried on which data, and how widely its results scatter.
CREATE TABLE ledger (
    job TEXT PRIMARY KEY NOT NULL REFERENCES jobs (id),
    symbols TEXT NOT NULL,
    data TEXT NOT NULL,
    goal TEXT NOT NULL,
    points INTEGER NOT NULL,
    trials INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    objective_count INTEGER NOT NULL,
    objective_mean REAL,
    objective_variance REAL,
    -- Sharpe ratio per observation, not annualised.
    sharpe_count INTEGER NOT NULL,
    sharpe_mean REAL,
    sharpe_variance REAL,
    finished_ns INTEGER NOT NULL
) STRICT;

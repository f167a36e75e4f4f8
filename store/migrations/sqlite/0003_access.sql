-- Who may do what, what is uploaded, what is planned, and what is kept of single trials.

-- Keys of users and workers. The secret itself is shown once and never stored.
CREATE TABLE keys (
    id TEXT PRIMARY KEY NOT NULL,
    -- BLAKE3 of the secret.
    hash TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'submit', 'admin', 'worker')),
    owner TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    expires_ns INTEGER,
    revoked_ns INTEGER
) STRICT;

-- Who did what when.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY NOT NULL,
    at_ns INTEGER NOT NULL,
    -- A user, or a part of the system.
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    -- What it was done to.
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

-- Keys that users gave to submissions, so that the same one twice is one job.
CREATE TABLE submissions (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    -- BLAKE3 of what was submitted.
    body_hash TEXT NOT NULL,
    job TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT;

CREATE TABLE schedules (
    name TEXT PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    priority INTEGER NOT NULL,
    cron TEXT NOT NULL,
    -- IANA time zone of the cron expression.
    zone TEXT NOT NULL,
    -- What to submit.
    body TEXT NOT NULL,
    -- 0 or 1.
    enabled INTEGER NOT NULL,
    created_ns INTEGER NOT NULL
) STRICT;

-- One row per planned time that was taken up: never twice.
CREATE TABLE runs (
    schedule TEXT NOT NULL,
    planned_ns INTEGER NOT NULL,
    claimed_ns INTEGER NOT NULL,
    -- Null until its job is submitted.
    job TEXT,
    PRIMARY KEY (schedule, planned_ns)
) STRICT;

-- The cluster's catalog.
CREATE TABLE datasets (
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Of the values.
    hash TEXT NOT NULL,
    manifest TEXT NOT NULL,
    -- Where it lies in the object store.
    object TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    owner TEXT NOT NULL,
    uploaded_ns INTEGER NOT NULL,
    PRIMARY KEY (symbol, kind, hash)
) STRICT;

CREATE INDEX datasets_by_hash ON datasets (hash);

-- Trials whose trades are kept. A number stands for each of them: trades are many.
CREATE TABLE kept_trials (
    id INTEGER PRIMARY KEY NOT NULL,
    job TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    UNIQUE (job, ordinal, instrument)
) STRICT;

CREATE TABLE trades (
    trial INTEGER NOT NULL,
    -- From 0, in the order of the trial.
    number INTEGER NOT NULL,
    -- 1 long, -1 short.
    side INTEGER NOT NULL,
    entry_ns INTEGER NOT NULL,
    exit_ns INTEGER NOT NULL,
    entry_price REAL NOT NULL,
    exit_price REAL NOT NULL,
    units REAL NOT NULL,
    -- Net, in quote currency.
    pnl REAL NOT NULL,
    -- pnl / (units x entry price x multiplier); null without a value at entry.
    return REAL,
    fees REAL NOT NULL,
    -- Why it ended.
    reason TEXT NOT NULL,
    PRIMARY KEY (trial, number)
) STRICT, WITHOUT ROWID;

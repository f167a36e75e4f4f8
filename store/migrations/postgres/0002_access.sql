-- Who may do what, what is uploaded, what is planned, and what is kept of single trials.

-- Keys of users and workers. The secret itself is shown once and never stored.
CREATE TABLE keys (
    id TEXT PRIMARY KEY NOT NULL,
    -- BLAKE3 of the secret.
    hash TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'submit', 'admin', 'worker')),
    owner TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    expires_ns BIGINT,
    revoked_ns BIGINT
);

-- Who did what when.
CREATE TABLE audit (
    number BIGINT PRIMARY KEY NOT NULL,
    at_ns BIGINT NOT NULL,
    -- A user, or a part of the system.
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    -- What it was done to.
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);

-- Keys that users gave to submissions, so that the same one twice is one job.
CREATE TABLE submissions (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    -- BLAKE3 of what was submitted.
    body_hash TEXT NOT NULL,
    job TEXT NOT NULL,
    at_ns BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
);

CREATE TABLE schedules (
    name TEXT PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    priority BIGINT NOT NULL,
    cron TEXT NOT NULL,
    -- IANA time zone of the cron expression.
    zone TEXT NOT NULL,
    -- What to submit.
    body TEXT NOT NULL,
    -- 0 or 1.
    enabled BIGINT NOT NULL,
    created_ns BIGINT NOT NULL
);

-- One row per planned time that was taken up: never twice.
CREATE TABLE runs (
    schedule TEXT NOT NULL,
    planned_ns BIGINT NOT NULL,
    claimed_ns BIGINT NOT NULL,
    -- Null until its job is submitted.
    job TEXT,
    PRIMARY KEY (schedule, planned_ns)
);

-- The cluster's catalog.
CREATE TABLE datasets (
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Of the values.
    hash TEXT NOT NULL,
    manifest TEXT NOT NULL,
    -- Where it lies in the object store.
    object TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    owner TEXT NOT NULL,
    uploaded_ns BIGINT NOT NULL,
    PRIMARY KEY (symbol, kind, hash)
);

CREATE INDEX datasets_by_hash ON datasets (hash);

-- Trials whose trades are kept. A number stands for each of them: trades are many.
CREATE TABLE kept_trials (
    id BIGINT PRIMARY KEY NOT NULL,
    job TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    instrument BIGINT NOT NULL,
    UNIQUE (job, ordinal, instrument)
);

CREATE TABLE trades (
    trial BIGINT NOT NULL,
    -- From 0, in the order of the trial.
    number BIGINT NOT NULL,
    -- 1 long, -1 short.
    side BIGINT NOT NULL,
    entry_ns BIGINT NOT NULL,
    exit_ns BIGINT NOT NULL,
    entry_price DOUBLE PRECISION NOT NULL,
    exit_price DOUBLE PRECISION NOT NULL,
    units DOUBLE PRECISION NOT NULL,
    -- Net, in quote currency.
    pnl DOUBLE PRECISION NOT NULL,
    -- pnl / (units x entry price x multiplier); null without a value at entry.
    return DOUBLE PRECISION,
    fees DOUBLE PRECISION NOT NULL,
    -- Why it ended.
    reason TEXT NOT NULL,
    PRIMARY KEY (trial, number)
);

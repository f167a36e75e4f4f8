-- Times are UTC nanoseconds, hashes hexadecimal, JSON is text. Ids begin with a letter.
-- There is one writer, the coordinator in office; hot tables carry no foreign keys, which would be looked up row by row.

CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    -- 1 to 10: its weight beside other jobs.
    priority BIGINT NOT NULL,
    -- The job with its defaults filled in.
    spec TEXT NOT NULL,
    -- The strategy's source.
    strategy TEXT NOT NULL,
    -- What a worker needs to run it.
    body TEXT NOT NULL,
    -- [{"symbol": ..., "hash": ...}] of the values it ran on.
    data TEXT NOT NULL,
    semantics BIGINT NOT NULL,
    -- Columns of its result files.
    layout TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'stopped', 'failed', 'done')),
    -- Why it failed.
    error TEXT,
    created_ns BIGINT NOT NULL,
    started_ns BIGINT,
    finished_ns BIGINT,
    -- Trials that the plan expects; exact once done.
    trials BIGINT NOT NULL,
    -- Trials whose rows are safe; those that failed among them.
    trials_done BIGINT NOT NULL DEFAULT 0,
    trials_failed BIGINT NOT NULL DEFAULT 0,
    points BIGINT,
    bars BIGINT,
    fingerprint TEXT,
    seconds DOUBLE PRECISION
) WITH (fillfactor = 70);

CREATE INDEX jobs_by_name ON jobs (name, created_ns);
CREATE INDEX jobs_by_state ON jobs (state);

-- One row per finished job: what has been tried on which data, and how widely its results scatter.
CREATE TABLE ledger (
    job TEXT PRIMARY KEY NOT NULL REFERENCES jobs (id),
    symbols TEXT NOT NULL,
    data TEXT NOT NULL,
    goal TEXT NOT NULL,
    points BIGINT NOT NULL,
    trials BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    objective_count BIGINT NOT NULL,
    objective_mean DOUBLE PRECISION,
    objective_variance DOUBLE PRECISION,
    -- Sharpe ratio per observation, not annualised.
    sharpe_count BIGINT NOT NULL,
    sharpe_mean DOUBLE PRECISION,
    sharpe_variance DOUBLE PRECISION,
    finished_ns BIGINT NOT NULL
);

-- The best points of jobs. Rank is the order of (score DESC NULLS LAST, ordinal): sorting the few thousand points of a job when they are
-- asked for takes milliseconds, an index of it would take as long to fill as the table.
CREATE TABLE ranked (
    job TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    -- The larger, the better.
    score DOUBLE PRECISION,
    -- The metric that the score was made of.
    objective DOUBLE PRECISION,
    -- {"fast": 10, ...}
    params TEXT NOT NULL,
    -- [{"sharpe": 1.2, ...}, ...] per instrument; null where the trial failed.
    metrics TEXT NOT NULL,
    PRIMARY KEY (job, ordinal)
);

-- One row: whose changes are taken, and the number of the next task.
CREATE TABLE reign (
    one BIGINT PRIMARY KEY NOT NULL CHECK (one = 1),
    epoch BIGINT NOT NULL,
    holder TEXT,
    next_task BIGINT NOT NULL
);

INSERT INTO reign (one, epoch, next_task) VALUES (1, 0, 1);

-- Runs of blocks on all instruments of a job.
CREATE TABLE tasks (
    id BIGINT PRIMARY KEY NOT NULL,
    job TEXT NOT NULL,
    first_block BIGINT NOT NULL,
    blocks BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'quarantined')),
    -- Tries begun, lost and failed.
    attempts BIGINT NOT NULL DEFAULT 0,
    lost BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    -- Who has it, or had it last, and the number of that try.
    worker TEXT,
    attempt BIGINT,
    -- Once done: the name inside staging/<job>/, its size, its rows, those that failed, BLAKE3 of the file, fingerprint of the rows.
    file TEXT,
    bytes BIGINT,
    row_count BIGINT,
    failed_rows BIGINT,
    hash TEXT,
    fingerprint TEXT,
    -- Why it is quarantined.
    reason TEXT
    -- Room beside each row for its later states, which then touch no index.
) WITH (fillfactor = 50);

CREATE INDEX tasks_by_job ON tasks (job, first_block);

-- Statistics of the blocks of finished tasks, until their job is done.
CREATE TABLE statistics (
    task BIGINT PRIMARY KEY NOT NULL,
    bytes BYTEA NOT NULL
);

-- Who tried which task, and how it ended: 'done', 'lost', 'given_back', 'cancelled' or 'failed'.
CREATE TABLE attempts (
    task BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    worker TEXT NOT NULL,
    started_ns BIGINT NOT NULL,
    ended_ns BIGINT,
    ending TEXT,
    -- Why it failed.
    reason TEXT,
    PRIMARY KEY (task, attempt)
) WITH (fillfactor = 50);

-- What happened to a job, in order.
CREATE TABLE logs (
    job TEXT NOT NULL,
    number BIGINT NOT NULL,
    at_ns BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (job, number)
);

-- Who works. A worker that said goodbye, or was not heard of for too long, is gone.
CREATE TABLE workers (
    id TEXT PRIMARY KEY NOT NULL,
    threads BIGINT NOT NULL,
    memory_bytes BIGINT NOT NULL,
    version TEXT NOT NULL,
    joined_ns BIGINT NOT NULL,
    seen_ns BIGINT NOT NULL,
    gone_ns BIGINT
);

-- Tasks that wait or run, attempts, rankings of running jobs: what a coordinator must find again after it died.
-- Tables with checks that change are made anew; children go before their parent, so that nothing is left pointing to nowhere.

CREATE TABLE jobs_new (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    -- 1 to 10: its weight beside other jobs.
    priority INTEGER NOT NULL,
    -- The job with its defaults filled in.
    spec TEXT NOT NULL,
    -- The strategy's source.
    strategy TEXT NOT NULL,
    -- What a worker needs to run it.
    body TEXT NOT NULL,
    -- [{"symbol": ..., "hash": ...}] of the values it ran on.
    data TEXT NOT NULL,
    semantics INTEGER NOT NULL,
    -- Columns of its result files.
    layout TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'stopped', 'failed', 'done')),
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

INSERT INTO jobs_new
SELECT id, name, 'local', 5, spec, strategy, '', data, semantics, layout, state, error, created_ns, started_ns, finished_ns,
    trials,
    -- Tasks of jobs that are not done are run again: they were recorded without the statistics of their blocks.
    CASE WHEN state = 'done' THEN trials_done ELSE 0 END,
    CASE WHEN state = 'done' THEN trials_failed ELSE 0 END,
    points, bars, fingerprint, seconds
FROM jobs;

CREATE TABLE ledger_new (
    job TEXT PRIMARY KEY NOT NULL REFERENCES jobs_new (id),
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

INSERT INTO ledger_new SELECT * FROM ledger;

-- The best points of jobs. Rank is the order of (score DESC NULLS LAST, ordinal).
CREATE TABLE ranked_new (
    job TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    -- The larger, the better.
    score REAL,
    -- The metric that the score was made of.
    objective REAL,
    -- {"fast": 10, ...}
    params TEXT NOT NULL,
    -- [{"sharpe": 1.2, ...}, ...] per instrument; null where the trial failed.
    metrics TEXT NOT NULL,
    PRIMARY KEY (job, ordinal)
) STRICT;

INSERT INTO ranked_new
SELECT ranked.job, ordinal,
    CASE WHEN json_extract(spec, '$.objective.maximize') LIKE '-%' THEN -ranked.objective ELSE ranked.objective END + 0.0,
    ranked.objective, params, metrics
FROM ranked JOIN jobs ON jobs.id = ranked.job;

DROP TABLE tasks;
DROP TABLE ranked;
DROP TABLE ledger;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
ALTER TABLE ledger_new RENAME TO ledger;
ALTER TABLE ranked_new RENAME TO ranked;

CREATE INDEX jobs_by_name ON jobs (name, created_ns);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX ranked_by_score ON ranked (job, score DESC, ordinal);

-- One row: whose changes are taken, and the number of the next task.
CREATE TABLE reign (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    epoch INTEGER NOT NULL,
    holder TEXT,
    next_task INTEGER NOT NULL
) STRICT;

INSERT INTO reign (one, epoch, next_task) VALUES (1, 0, 1);

-- Runs of blocks on all instruments of a job.
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY NOT NULL,
    job TEXT NOT NULL,
    first_block INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'leased', 'done', 'quarantined')),
    -- Tries begun, lost and failed.
    attempts INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    -- Who has it, or had it last, and the number of that try.
    worker TEXT,
    attempt INTEGER,
    -- Once done: the name inside staging/<job>/, its size, its rows, those that failed, BLAKE3 of the file, fingerprint of the rows.
    file TEXT,
    bytes INTEGER,
    row_count INTEGER,
    failed_rows INTEGER,
    hash TEXT,
    fingerprint TEXT,
    -- Why it is quarantined.
    reason TEXT
) STRICT;

CREATE INDEX tasks_by_job ON tasks (job, first_block);

-- Statistics of the blocks of finished tasks, until their job is done.
CREATE TABLE statistics (
    task INTEGER PRIMARY KEY NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- Who tried which task, and how it ended: 'done', 'lost', 'given_back', 'cancelled' or 'failed'.
CREATE TABLE attempts (
    task INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    ended_ns INTEGER,
    ending TEXT,
    -- Why it failed.
    reason TEXT,
    PRIMARY KEY (task, attempt)
) STRICT, WITHOUT ROWID;

-- What happened to a job, in order.
CREATE TABLE logs (
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

-- Who works. A worker that said goodbye, or was not heard of for too long, is gone.
CREATE TABLE workers (
    id TEXT PRIMARY KEY NOT NULL,
    threads INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL,
    version TEXT NOT NULL,
    joined_ns INTEGER NOT NULL,
    seen_ns INTEGER NOT NULL,
    gone_ns INTEGER
) STRICT;

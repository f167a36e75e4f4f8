-- Searches that learn, walks forward, and what jobs require of their points.

-- 0 if the job was stopped by its limit of time: another run of it would not find the same.
ALTER TABLE jobs ADD COLUMN reproducible INTEGER NOT NULL DEFAULT 1;

-- By how much the point violates what its job requires. Rank is the order of (score IS NULL, violation, score DESC, ordinal).
ALTER TABLE ranked ADD COLUMN violation REAL NOT NULL DEFAULT 0;

-- Points that a search proposed together, as JSON: stored before any of them is run.
CREATE TABLE batches (
    job TEXT NOT NULL,
    -- A job has one search, or one for each fold.
    leg INTEGER NOT NULL,
    number INTEGER NOT NULL,
    proposals TEXT NOT NULL,
    PRIMARY KEY (job, leg, number)
) STRICT, WITHOUT ROWID;

-- What became of the points of a task, as JSON: what a search learns from. Kept until the job is done, whatever becomes of the rows.
CREATE TABLE outcomes (
    task INTEGER PRIMARY KEY NOT NULL,
    outcomes TEXT NOT NULL
) STRICT;

-- What the winners of a walk forward did in its test windows. Fold -1 is the whole walk.
CREATE TABLE folds (
    job TEXT NOT NULL,
    fold INTEGER NOT NULL,
    -- Index into the job's instruments.
    instrument INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (job, fold, instrument)
) STRICT, WITHOUT ROWID;

-- Searches that learn, walks forward, and what jobs require of their points.

-- 0 if the job was stopped by its limit of time: another run of it would not find the same.
ALTER TABLE jobs ADD COLUMN reproducible BIGINT NOT NULL DEFAULT 1;

-- By how much the point violates what its job requires. Rank is the order of (score IS NULL, violation, score DESC, ordinal).
ALTER TABLE ranked ADD COLUMN violation DOUBLE PRECISION NOT NULL DEFAULT 0;

-- Points that a search proposed together, as JSON: stored before any of them is run.
CREATE TABLE batches (
    job TEXT NOT NULL,
    -- A job has one search, or one for each fold.
    leg BIGINT NOT NULL,
    number BIGINT NOT NULL,
    proposals TEXT NOT NULL,
    PRIMARY KEY (job, leg, number)
);

-- What became of the points of a task, as JSON: what a search learns from. Kept until the job is done, whatever becomes of the rows.
CREATE TABLE outcomes (
    task BIGINT PRIMARY KEY NOT NULL,
    outcomes TEXT NOT NULL
);

-- What the winners of a walk forward did in its test windows. Fold -1 is the whole walk.
CREATE TABLE folds (
    job TEXT NOT NULL,
    fold BIGINT NOT NULL,
    -- Index into the job's instruments.
    instrument BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (job, fold, instrument)
);

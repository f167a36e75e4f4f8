-- What was ever searched: kept whatever becomes of the jobs.

-- All points that were ever run on a symbol and kind of data with strategies of one shape, whatever their names and constants.
CREATE TABLE families (
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Of the strategy's graph without its constants.
    shape TEXT NOT NULL,
    -- Distinct points: the smallest of their hashes.
    points BLOB NOT NULL,
    -- [[from, to], ...]: times searched, as disjoint ranges in order.
    ranges TEXT NOT NULL,
    PRIMARY KEY (symbol, kind, shape)
) STRICT;

-- Every look at what a search had held back.
CREATE TABLE looks (
    number INTEGER PRIMARY KEY NOT NULL,
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    shape TEXT NOT NULL,
    job TEXT NOT NULL,
    from_ns INTEGER NOT NULL,
    to_ns INTEGER NOT NULL,
    at_ns INTEGER NOT NULL
) STRICT;

CREATE INDEX looks_by_family ON looks (symbol, kind, shape);

-- What luck explains of a job's results, as JSON; empty where it was not measured.
ALTER TABLE ledger ADD COLUMN luck TEXT NOT NULL DEFAULT '';

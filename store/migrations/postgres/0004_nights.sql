-- What becomes of planned runs.

-- Planned times up to here are not run: when the schedule was made, or enabled again.
ALTER TABLE schedules ADD COLUMN since_ns BIGINT NOT NULL DEFAULT 0;

-- Why a run became no job.
ALTER TABLE runs ADD COLUMN error TEXT;
-- What it changed: JSON; null until its job is over.
ALTER TABLE runs ADD COLUMN report TEXT;

-- Best points of a finished job whose trades are still to be kept; null once they are.
ALTER TABLE jobs ADD COLUMN trades_due BIGINT;

-- Accounts of a database of Assay, each with what it needs and no more. Workers have none: they speak to the coordinator.
--
--   psql -v ON_ERROR_STOP=1 -v coordinator_password=… -v reader_password=… -f postgres.sql <address of an administrator>
--
-- The administrator's account owns the tables and brings them up to date (`assay coordinator init`); run this after that, and again
-- whenever. The coordinator's account reads and writes rows; dashboards use the reader's, which sees neither keys nor the audit.

SELECT format('CREATE ROLE %I LOGIN', name)
FROM (VALUES ('assay_coordinator'), ('assay_reader')) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE assay_coordinator WITH PASSWORD :'coordinator_password' CONNECTION LIMIT 40;
ALTER ROLE assay_reader WITH PASSWORD :'reader_password' CONNECTION LIMIT 20;

-- Every account may use any database unless that is taken away.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database())
\gexec
-- Large sets of rows go through temporary tables.
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO assay_coordinator', current_database())
\gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO assay_reader', current_database())
\gexec

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO assay_coordinator, assay_reader;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM assay_coordinator, assay_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO assay_coordinator;
-- What was done stays done, and which tables there are is the administrator's.
REVOKE UPDATE, DELETE ON audit FROM assay_coordinator;
REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM assay_coordinator;

GRANT SELECT ON jobs, tasks, attempts, logs, ranked, folds, ledger, families, workers, schedules, runs, datasets, kept_trials, trades, reign,
    _sqlx_migrations TO assay_reader;

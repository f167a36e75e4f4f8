#!/usr/bin/env bash
# Runs once, when the data folder is made: a database, and an account per role. Nobody but this script is a superuser.
#   assay_coordinator   owns the database, and so its schema
#   assay_backup        reads everything
#   assay_reader        reads everything; for dashboards and notebooks
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set coordinator="$COORDINATOR_PASSWORD" --set backup="$BACKUP_PASSWORD" --set reader="$READER_PASSWORD" <<'SQL'
CREATE ROLE assay_coordinator LOGIN PASSWORD :'coordinator';
CREATE ROLE assay_backup LOGIN PASSWORD :'backup' CONNECTION LIMIT 5;
CREATE ROLE assay_reader LOGIN PASSWORD :'reader' CONNECTION LIMIT 20;
GRANT pg_read_all_data TO assay_backup, assay_reader;
ALTER ROLE assay_reader SET default_transaction_read_only = on;
ALTER ROLE assay_reader SET statement_timeout = '60s';
CREATE DATABASE assay OWNER assay_coordinator;
REVOKE ALL ON DATABASE assay FROM PUBLIC;
GRANT CONNECT ON DATABASE assay TO assay_backup, assay_reader;
SQL

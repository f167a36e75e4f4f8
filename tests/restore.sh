#!/usr/bin/env bash
# scripts/backup and scripts/restore on a private Postgres: what was backed up comes back bit for bit, and nothing is lost by
# restoring what is damaged.
#
#   tests/restore.sh            a small database of its own; folders, and S3 where moto_server is on the path
#   tests/restore.sh --cluster  a job of a real cluster (scripts/cluster), which must come back with its fingerprint
#
# Needs rclone and what scripts/services needs. ASSAY names the binary, target/release/assay by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
chmod 755 "$scratch"
started=()
finish() {
  local status=$?
  [[ -z ${CLUSTER_DIR:-} ]] || scripts/cluster down --dir "$CLUSTER_DIR" || true
  ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
  [[ -z ${SERVICES_DIR:-} ]] || scripts/services clean "$SERVICES_DIR"
  rm -rf "$scratch"
  exit "$status"
}
trap finish EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
passed() { printf 'ok  %s\n' "$*"; }
# The command fails and says so in these words.
refuses() {
  local words=$1 said
  shift
  said=$("$@" 2>&1) && fail "it succeeded: $*"
  [[ $said == *"$words"* ]] || fail "no word of '$words' in: $said"
}

# -------------------------------------------------------------------------------------------- small case

# As k3s/services/postgres sets it up: accounts by its own script.
new_database() {
  local superuser=$DATABASE_URL
  psql --quiet --dbname="${superuser%/*}/postgres" --command="DROP DATABASE IF EXISTS assay WITH (FORCE)"
  if [[ $(psql -At --dbname="${superuser%/*}/postgres" --command="SELECT count(*) FROM pg_roles WHERE rolname = 'assay_backup'") == 0 ]]; then
    (
      [[ $superuser =~ ://([^:]+):([^@]+)@([^:]+):([0-9]+)/ ]]
      export PGPASSWORD=${BASH_REMATCH[2]} PGHOST=${BASH_REMATCH[3]} PGPORT=${BASH_REMATCH[4]} POSTGRES_USER=${BASH_REMATCH[1]}
      COORDINATOR_PASSWORD='c%@:/' BACKUP_PASSWORD=b READER_PASSWORD=r k3s/services/postgres/roles.sh >/dev/null
    )
  else
    psql --quiet --dbname="${superuser%/*}/postgres" --command="CREATE DATABASE assay OWNER assay_coordinator"
  fi
  [[ $superuser =~ @([^/]+)/ ]]
  owner=postgres://assay_coordinator:c%25%40%3A%2F@${BASH_REMATCH[1]}/assay
  reader=postgres://assay_backup:b@${BASH_REMATCH[1]}/assay
}

fill() {
  psql --quiet --set=ON_ERROR_STOP=1 --dbname="$owner" <<'SQL'
CREATE TABLE jobs (id TEXT PRIMARY KEY, name TEXT, state TEXT, trials_done BIGINT, fingerprint TEXT, created_ns BIGINT);
CREATE TABLE ranked (job TEXT REFERENCES jobs, ordinal BIGINT, score DOUBLE PRECISION, bytes BYTEA, PRIMARY KEY (job, ordinal));
INSERT INTO jobs VALUES ('j1', 'sweep', 'done', 1225, repeat('ab', 32), 1), ('j2', 'läuft', 'running', 7, NULL, 2);
INSERT INTO ranked SELECT 'j1', n, CASE n % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE random() END, sha256(n::text::bytea)
FROM generate_series(1, 5000) AS n;
SQL
}

# Without the two lines that pg_dump makes up anew each time.
dump() { pg_dump --dbname="$reader" --no-owner --no-privileges | grep -vE '^\\(un)?restrict '; }

# The same steps wherever the depot and the backups are; $work is their folder here, or the server's root.
roundtrip() {
  local kind=$1
  export ASSAY_DEPOT=$2 BACKUP_TO=$3
  export ASSAY_DATABASE=$reader

  scripts/backup 2>/dev/null || fail "$kind: backup"
  local first
  first=$(scripts/restore --list)
  dump >"$scratch/before.sql"

  # What comes later is in the next backup, and what it takes from the first remains.
  export ASSAY_DATABASE=$owner
  refuses "has 2 tables" scripts/restore
  new_database
  export ASSAY_DATABASE=$owner
  empty_depot
  scripts/restore 2>/dev/null | grep -q abababab || fail "$kind: restore does not show the fingerprint"
  dump | diff "$scratch/before.sql" - || fail "$kind: the database is another"
  same_depot || fail "$kind: the depot is another"
  passed "$kind: database and objects come back"

  psql --quiet --dbname="$owner" --command="DELETE FROM ranked; UPDATE jobs SET state = 'failed'"
  scripts/restore --replace --at "$first" >/dev/null 2>&1 || fail "$kind: restore --replace"
  dump | diff "$scratch/before.sql" - || fail "$kind: --replace left something"
  passed "$kind: a changed database is replaced"
}

refusals() {
  export ASSAY_DATABASE=$owner
  psql --quiet --dbname="$owner" --command="SELECT pg_sleep(60)" >/dev/null &
  started+=($!)
  until [[ $(psql -At --dbname="$DATABASE_URL" --command="SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND usename = 'assay_coordinator'") == 1 ]]; do
    sleep 0.1
  done
  refuses "other connections" scripts/restore --replace
  kill "${started[-1]}"
  psql --quiet --dbname="$DATABASE_URL" --command="SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'assay_coordinator'" >/dev/null
  passed "a database in use is left alone"

  local place=$BACKUP_TO newest
  newest=$(scripts/restore --list | tail -n 1)
  mkdir -p "$place/dumps/99991231T000000Z"
  [[ $(scripts/restore --list | tail -n 1) == "$newest" ]] || fail "a backup that was cut short is offered"
  refuses "no whole backup of 99991231T000000Z" scripts/restore --at 99991231T000000Z
  passed "a backup that was cut short is not one"

  cp -a "$place" "$scratch/damaged"
  printf 'x' | dd of="$scratch/damaged/dumps/$newest/database.dump" bs=1 seek=700 conv=notrunc status=none
  refuses "is damaged" scripts/restore --replace --from "$scratch/damaged"
  rm -r "$scratch/damaged"
  cp -a "$place" "$scratch/damaged"
  truncate -s 5 "$scratch/damaged/objects/results/v1/part-0.parquet"
  rm -r "$scratch/depot/results"
  refuses "objects are missing" scripts/restore --replace --from "$scratch/damaged"
  dump | diff "$scratch/before.sql" - || fail "a damaged backup changed the database"
  passed "damage is found before anything is lost"

  ASSAY_DATABASE=$reader
  for _ in 1 2; do
    sleep 1.1
    scripts/backup --keep 2 2>/dev/null
  done
  [[ $(scripts/restore --list | wc -l) == 2 ]] || fail "not two backups: $(scripts/restore --list)"
  [[ -d $place/dumps/99991231T000000Z ]] || fail "what is not whole was counted"
  passed "old dumps go, as many as were asked for stay"
}

small_case() {
  eval "$(scripts/services start "$scratch/services" --only postgres)"
  new_database
  fill
  mkdir -p "$scratch"/depot/{results/v1,staging/j2,data}
  head -c 200000 /dev/urandom >"$scratch/depot/results/v1/part-0.parquet"
  head -c 3000 /dev/urandom >"$scratch/depot/staging/j2/7.1"
  head -c 3000 /dev/urandom >"$scratch/depot/data/with space & \$sign"
  cp -a "$scratch/depot" "$scratch/original"

  empty_depot() { rm -r "$scratch/depot"; }
  same_depot() { diff -r "$scratch/original" "$scratch/depot"; }
  roundtrip folders "file://$scratch/depot" "$scratch/backups"
  refusals

  if ! command -v moto_server >/dev/null; then
    echo "skipped: S3, there is no moto_server on the path"
    return
  fi
  local port=$((20000 + RANDOM % 12000))
  moto_server --host 127.0.0.1 --port "$port" >"$scratch/moto.log" 2>&1 &
  started+=($!)
  export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=assay AWS_SECRET_ACCESS_KEY=secret
  until curl --silent --fail --output /dev/null "$AWS_ENDPOINT_URL/moto-api/data.json"; do
    kill -0 "${started[-1]}" 2>/dev/null || fail "moto_server: $(tail -n 3 "$scratch/moto.log")"
    sleep 0.2
  done
  curl --silent --fail --output /dev/null --request PUT "$AWS_ENDPOINT_URL/depot"
  curl --silent --fail --output /dev/null --request PUT "$AWS_ENDPOINT_URL/backups"
  bucket() {
    RCLONE_CONFIG=/dev/null rclone "$@" --s3-provider=Other --s3-endpoint="$AWS_ENDPOINT_URL" --s3-region=us-east-1 \
      --s3-access-key-id=assay --s3-secret-access-key=secret --s3-no-check-bucket
  }
  bucket copy "$scratch/original" :s3:depot/v1
  empty_depot() { bucket delete :s3:depot/v1; }
  same_depot() { bucket check --download "$scratch/original" :s3:depot/v1 2>/dev/null; }
  roundtrip S3 s3://depot/v1 s3://backups/nights
}

# --------------------------------------------------------------------------------------------- real case

real_case() {
  local assay=${ASSAY:-${CARGO_TARGET_DIR:-target}/release/assay} job before after
  "$assay" coordinator --help >/dev/null 2>&1 || fail "$assay has no coordinator"
  assay=$(realpath "$assay")
  eval "$(scripts/cluster up --workers 1 --dir "$scratch/cluster")"
  (cd "$scratch" && "$assay" demo >/dev/null) || fail "assay demo"
  "$assay" data push --home "$scratch/assay-demo" >/dev/null
  job=$("$assay" --home "$scratch/assay-demo" submit "$scratch/assay-demo/job.toml" --output json |
    sed -n 's/.*"job_id": *"\([^"]*\)".*/\1/p')
  "$assay" watch "$job" >/dev/null
  before=$("$assay" jobs --output json)
  [[ $before == *fingerprint* ]] || fail "the job has no fingerprint: $before"

  export ASSAY_DATABASE=$DATABASE_URL ASSAY_DEPOT=file://$CLUSTER_DIR/depot BACKUP_TO=$scratch/backups
  scripts/backup
  kill "$COORDINATOR_PID"
  tail --pid="$COORDINATOR_PID" --follow /dev/null
  psql --quiet --dbname="${DATABASE_URL%/*}/postgres" --command="DROP DATABASE assay WITH (FORCE)" --command="CREATE DATABASE assay"
  rm -r "$CLUSTER_DIR/depot"
  scripts/restore
  eval "$(scripts/cluster up --workers 1 --dir "$CLUSTER_DIR")"
  after=$("$assay" jobs --output json)
  [[ $after == "$before" ]] || fail "another job came back: $after instead of $before"
  "$assay" top "$job" >/dev/null || fail "its ranking did not come back"
  passed "a finished job comes back with its fingerprint"
}

case ${1:-} in
  '') small_case ;;
  --cluster) real_case ;;
  *) fail "usage: tests/restore.sh [--cluster]" ;;
esac

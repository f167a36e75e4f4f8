# shellcheck shell=bash
# Sourced by `backup` and `restore`: where the database, the depot and the backups are.

script=$(basename "$0")
readonly script

say() { printf '%s: %s\n' "$script" "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
# The comment at the head of the script that was called.
usage() {
  sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || fail "$program is needed"
  done
}

# Sets `database` to ASSAY_DATABASE without its password, which goes where `ps` does not show it.
use_database() {
  database=${ASSAY_DATABASE:?names the database, postgres://...}
  [[ $database =~ ^postgres(ql)?:// ]] || fail "ASSAY_DATABASE is not postgres://..."
  if [[ $database =~ ^([a-z]+://[^:@/]+):([^@/]*)@(.*)$ ]]; then
    database=${BASH_REMATCH[1]}@${BASH_REMATCH[3]}
    PGPASSWORD=$(printf '%b' "${BASH_REMATCH[2]//%/\\x}")
    export PGPASSWORD
  fi
}

# Sets `depot` and `backup` to what rclone calls ASSAY_DEPOT and the place given.
use_places() {
  export RCLONE_CONFIG=/dev/null
  local url=${ASSAY_DEPOT:?names the depot, file:///... or s3://bucket/prefix}
  s3_settings DEPOT "${AWS_ENDPOINT_URL:-}" "${AWS_REGION:-}" "${AWS_ACCESS_KEY_ID:-}" "${AWS_SECRET_ACCESS_KEY:-}"
  s3_settings BACKUP "${BACKUP_AWS_ENDPOINT_URL-${AWS_ENDPOINT_URL:-}}" "${BACKUP_AWS_REGION-${AWS_REGION:-}}" \
    "${BACKUP_AWS_ACCESS_KEY_ID-${AWS_ACCESS_KEY_ID:-}}" "${BACKUP_AWS_SECRET_ACCESS_KEY-${AWS_SECRET_ACCESS_KEY:-}}"
  depot=$(place_of depot "$url")
  # shellcheck disable=SC2034 # for those who source this
  backup=$(place_of backup "$1")
  [[ $url != file://* ]] || mkdir -p "$depot"
}

place_of() {
  local url=${2%/}
  case $url in
    s3://*) echo "$1:${url#s3://}" ;;
    file://*) echo "${url#file://}" ;;
    *://*) fail "$1: $url is neither a folder nor s3://bucket/prefix" ;;
    *) realpath --canonicalize-missing "$url" ;;
  esac
}

# A remote of rclone, by its variables. The bucket must exist: the account may not be allowed to ask.
s3_settings() {
  local name=RCLONE_CONFIG_$1
  export "${name}_TYPE=s3" "${name}_PROVIDER=Other" "${name}_NO_CHECK_BUCKET=true"
  export "${name}_ENDPOINT=${2:-https://s3.${3:-us-east-1}.amazonaws.com}" "${name}_REGION=${3:-us-east-1}"
  if [[ -n $4 ]]; then
    export "${name}_ACCESS_KEY_ID=$4" "${name}_SECRET_ACCESS_KEY=$5"
  else
    export "${name}_ENV_AUTH=true"
  fi
}

# Paths and sizes of the objects at a place; none where nothing was ever written.
list_objects() {
  { rclone lsf --recursive --files-only --format=ps --separator=$'\t' "$1" || (($? == 3)); } | LC_ALL=C sort
}

# Times of dumps that are whole, oldest first.
whole_dumps() {
  rclone lsf --recursive --files-only --include='/*/_SUCCESS' "$backup/dumps" 2>/dev/null | sed 's|/_SUCCESS$||' | LC_ALL=C sort
}

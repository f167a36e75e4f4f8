# shellcheck shell=bash
# Sourced by the scripts beside it: `run` carries a step out, or only prints it under --dry-run.

script=$(basename "$0")
readonly script
dry_run=false

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

run() {
  if $dry_run; then
    printf '%q ' "$@" | sed 's/ $/\n/'
  else
    "$@"
  fi
}

# Tells a reader of --dry-run what a step is for, and an operator what is being done.
step() {
  if $dry_run; then
    printf '# %s\n' "$*"
  else
    say "$*"
  fi
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || fail "$program is needed"
  done
}

need_root() {
  $dry_run || ((EUID == 0)) || fail "root is needed (sudo scripts/k3s/$script ...)"
}

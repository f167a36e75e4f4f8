# shellcheck shell=bash
# Sourced by `server` and `agent`: what every node needs, whatever its part.

# Pinned: a cluster is upgraded on purpose, servers first, one minor version at a time.
readonly default_version=v1.33.5+k3s1
readonly installer=https://get.k3s.io

# Fails early, with the reason, where the installer would leave half a node.
check_node() {
  local cpus memory_mb free_mb
  step "check this machine"
  ! $dry_run || return 0
  [[ $(uname -s) == Linux ]] || fail "K3s runs on Linux"
  command -v systemctl >/dev/null || command -v rc-service >/dev/null || fail "systemd or OpenRC is needed"
  if [[ -r /sys/fs/cgroup/cgroup.controllers ]] && ! grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
    fail "the kernel does not limit memory: add cgroup_enable=memory to its command line"
  fi
  cpus=$(getconf _NPROCESSORS_ONLN)
  memory_mb=$(awk '/^MemTotal:/ {print int($2 / 1024)}' /proc/meminfo)
  free_mb=$(df --output=avail -m /var/lib | tail -n 1)
  ((cpus >= 2)) || fail "$cpus CPU: a node needs 2"
  ((memory_mb >= 3500)) || fail "$memory_mb MB of memory: a node needs 4 GB"
  ((free_mb >= 20000)) || fail "$free_mb MB free below /var/lib: a node needs 20 GB"
  command -v timedatectl >/dev/null && [[ $(timedatectl show --property=NTPSynchronized --value) == no ]] &&
    say "the clock is not synchronized: certificates and times of jobs depend on it"
  return 0
}

# Postgres and RabbitMQ keep many files open, and the flannel backend below is WireGuard in the kernel.
prepare_node() {
  step "prepare the kernel"
  run modprobe wireguard
  run install -d -m 755 /etc/sysctl.d
  write_file /etc/sysctl.d/90-assay.conf 'fs.inotify.max_user_instances = 512' 'vm.overcommit_memory = 1' \
    'vm.panic_on_oom = 0' 'kernel.panic = 10' 'kernel.panic_on_oops = 1'
  run sysctl --quiet --load=/etc/sysctl.d/90-assay.conf
}

write_file() {
  local path=$1
  shift
  if $dry_run; then
    printf "printf '%%s\\\\n'%s >%s\n" "$(printf " '%s'" "$@")" "$path"
  else
    printf '%s\n' "$@" >"$path"
  fi
}

# The installer checks the sum of what it loads.
install_k3s() {
  local version=$1 installer_script
  shift
  installer_script=$(mktemp)
  step "install K3s $version"
  run curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --retry 3 --output "$installer_script" "$installer"
  run env "INSTALL_K3S_VERSION=$version" sh "$installer_script" "$@"
  rm -f "$installer_script"
}

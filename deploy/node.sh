# shellcheck shell=bash
# What deploy/up and deploy/down share: where the local nodes keep their files, and which run.
# Sourced, with the working directory at the root of the repository.

# The tests start nodes of their own beside those that a developer has running.
readonly state_folder=${LARDER_STATE:-.larder}
# Of the nodes that were started: port, metrics port, bus port (0: no bus), how many replicas.
readonly ports_file=$state_folder/larderd.ports
# Without symlinks, as /proc/PID/exe is.
node_program=$(readlink -m build/release/bin/larderd)
readonly node_program
readonly cli=./build/release/bin/larder
readonly replicas_max=4

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# True when the process is a larderd of this repository: a pid in a file may long be somebody else's.
# A program that was rebuilt under a running process shows as "(deleted)".
is_our_node() {
  local program
  program=$(readlink "/proc/$1/exe" 2>/dev/null) || return 1
  [ "${program% (deleted)}" = "$node_program" ]
}

# Node 0 is the primary, the others are its replicas.
name_of() {
  if [ "$1" = 0 ]; then echo larderd; else echo "replica$1"; fi
}

pid_file_of() {
  echo "$state_folder/$(name_of "$1").pid"
}

log_file_of() {
  echo "$state_folder/$(name_of "$1").log"
}

# Prints the pid of a node that runs; fails when it does not.
running_pid() {
  local pid file
  file=$(pid_file_of "$1")
  [ -s "$file" ] || return 1
  pid=$(<"$file")
  [[ $pid =~ ^[0-9]+$ ]] && is_our_node "$pid" && echo "$pid"
}

# Prints the numbers of the nodes that run.
running_nodes() {
  local node
  for ((node = 0; node <= replicas_max; ++node)); do
    if running_pid "$node" >/dev/null; then echo "$node"; fi
  done
}

# shellcheck shell=bash
# What deploy/up and deploy/down share: where the local node keeps its files, and whether it runs.
# Sourced, with the working directory at the root of the repository.

# The tests start nodes of their own beside one that a developer has running.
readonly state_folder=${LARDER_STATE:-.larder}
readonly pid_file=$state_folder/larderd.pid
readonly ports_file=$state_folder/larderd.ports
readonly log_file=$state_folder/larderd.log
# Without symlinks, as /proc/PID/exe is.
node_program=$(readlink -m build/release/bin/larderd)
readonly node_program
readonly cli=./build/release/bin/larder

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

# Prints the pid of the running node; fails when none runs.
running_pid() {
  local pid
  [ -s "$pid_file" ] || return 1
  pid=$(<"$pid_file")
  [[ $pid =~ ^[0-9]+$ ]] && is_our_node "$pid" && echo "$pid"
}

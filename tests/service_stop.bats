# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The service that runs the jobs is stopped, or runs out of memory: its processes are killed by their cgroup,
# guards among them. podman keeps conmon in a service's cgroup, or both are in a scope of the user's; the container has
# a cgroup of its own, or not.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2153 # CONTAINER, CONMON and their like are set in test_helper.bash

# bats file_tags=root

load test_helper.bash

setup() {
  jobs=0
  OWNER=root
  job_path=$PATH
  as=()
  cgroups=()
  for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    # A container leaves systemd's own hierarchy for a cgroup of its own, and stays where it is in the other.
    [ ! -e $hierarchy/cgroup.procs ] || mkdir "$hierarchy/podleash-test-$$"
    [ ! -e "$hierarchy/podleash-test-$$" ] || cgroups+=("$hierarchy/podleash-test-$$")
  done
  [ ${#cgroups[@]} != 0 ]
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
  for CGROUP in "${cgroups[@]}"; do
    wait_until 10 rmdir "$CGROUP" 2>/dev/null || fail "$CGROUP: not empty: $(members)"
  done
  [ -z "${SHARED-}" ] || rm -rf "$SHARED"
}

# become_user: from here on jobs and this test's podman are the test user's; sweep stays root's.
become_user() {
  local runtime
  OWNER=podleash-test
  # bats lets nobody else into its own.
  WORK=$(mktemp -d /tmp/podleash-service.XXXXXX)
  SHARED=$WORK PID_DIR=$WORK/pids LOG=$WORK/podleash.log
  runtime=$(readlink -f "$FIXTURES/xdg-runtime-dir")
  as=(env "HOME=$(getent passwd $OWNER | cut -d : -f 6)" "XDG_RUNTIME_DIR=$runtime"
    setpriv --reuid "$OWNER" --regid "$OWNER" --init-groups)
  mkdir "$PID_DIR" "$WORK/tmp" "$WORK/bin"
  printf '#!/bin/sh\nPATH=%s exec %s podman "$@"\n' "$PATH" "${as[*]}" >"$WORK/bin/podman"
  chmod +x "$WORK/bin/podman"
  job_path=$PATH
  PATH=$WORK/bin:$PATH
  cd "$WORK" || return
}

# start_service MODE CGROUP: a job as a unit of a service that lives in that cgroup.
start_service() {
  CGROUP=$2
  cat >"$WORK/service" <<END
#!/bin/sh
echo \$\$ >$CGROUP/cgroup.procs
chown -R $OWNER: $WORK
export PATH=$job_path
# Set in every service: podman then leaves conmon in its cgroup.
export INVOCATION_ID=0123456789abcdef0123456789abcdef
exec ${as[*]} $RECEPTOR "\$@"
END
  chmod +x "$WORK/service"
  RECEPTOR=$WORK/service start_script "U$((++jobs))" "$1" <<END
podman run --rm --network=none $IMAGE sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'
exit \$?
END
  wait_ready
  wait_running
  local process
  for process in "$COMMAND_RUNNER" "$RUNNER" "$PODMAN" "$CONMON" "$GUARD"; do
    members | grep -qx "${process%,*}" || in_scope "$process" || fail "$process is not in the service's cgroup"
  done
}

# in_scope PROCESS: a user's podman enters a scope of its own, where there is a systemd of the user's, and starts conmon there.
in_scope() {
  [[ $1 == @("$PODMAN"|"$CONMON") ]] && grep -q "/podman-${PODMAN%,*}\.scope$" "/proc/${1%,*}/cgroup"
}

members() {
  cat "$CGROUP/cgroup.procs"
}

is_empty() {
  [ -z "$(members)" ]
}

# signal_all SIGNAL: to all of the service at once.
signal_all() {
  local -a all
  mapfile -t all < <(members)
  # Some end before it is their turn.
  kill -s "$1" "${all[@]}" 2>/dev/null || true
}

kill_all() {
  signal_all KILL
  is_empty
}

sweep() {
  PODLEASH_LOG=$LOG "$BUILD/podleash" sweep "$PID_DIR"
}

# each_service TEST: for each mode and cgroup.
each_service() {
  local mode cgroup
  for mode in env run; do
    for cgroup in "${cgroups[@]}"; do
      echo "$mode: $cgroup"
      start_service $mode "$cgroup"
      "$1"
    done
  done
}

stopped_in_time() {
  signal_all TERM
  # systemd sends SIGKILL to what is left after TimeoutStopSec=, 90 s.
  wait_until 30 is_empty || fail "left in the service's cgroup: $(members)"
  assert_job_ends 0
}

stopped_in_a_hurry() {
  signal_all TERM
  wait_until 10 kill_all
  sweep
  assert_job_ends 0
}

killed_at_once() {
  wait_until 10 kill_all
  sweep
  assert_job_ends 0
}

@test "the service is stopped, SIGTERM to all of it: it ends in time, nothing is left" {
  each_service stopped_in_time
}

@test "the service is stopped, SIGTERM to all of it, SIGKILL at once behind it: one sweep leaves nothing" {
  each_service stopped_in_a_hurry
}

@test "out of memory, SIGKILL to all of the service at once: one sweep leaves nothing" {
  each_service killed_at_once
}

@test "a user's service is stopped, SIGTERM to all of it: it ends in time, nothing is left" {
  become_user
  each_service stopped_in_time
}

@test "a user's service, SIGKILL to all of it, behind SIGTERM or at once: one sweep by root leaves nothing" {
  become_user
  each_service stopped_in_a_hurry
  each_service killed_at_once
}

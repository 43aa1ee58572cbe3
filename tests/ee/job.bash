# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Jobs with a real ansible-core, beside what test_helper.bash has: play.yml, in the image of `tests/setup ee`.

# shellcheck disable=SC2034 # read in test_helper.bash
IMAGE=localhost/ee-ansible:latest PLAYBOOK=play.yml

# So many events come before the pause; more where a task had to be asked again.
EVENTS_TO_PAUSE=34

# setup_play SECONDS [OPTION...]: a job of which the play pauses for so long; options as for setup_job_dir.
setup_play() {
  local job=$WORK/job
  setup_job_dir "${@:2}"
  cp "$TESTS/ee/play.yml" "$job/project/play.yml"
  cp "$TESTS/ee/hosts" "$job/inventory/hosts"
  jq -n --argjson pause "$1" '{$pause}' >"$job/env/extravars"
  jq -n '{ANSIBLE_FORKS: "3"}' >"$job/env/envvars"
}

# wait_event N: waits until the result stream of the unit has so many events.
wait_event() {
  wait_until 120 grep -qsa "^{.*\"counter\": $1," "$UNITDIR/stdout" || fail "$UNIT: no event $1 came"
}

# pin_container: notes the container's pid namespace, and keeps its number from being given to another.
pin_container() {
  exec {NAMESPACE}<"/proc/${CONTAINER%,*}/ns/pid"
}

# in_container: the pids in the namespace of pin_container, also those that have left every process group.
in_container() {
  local process
  for process in /proc/[0-9]*; do
    [ ! "$process/ns/pid" -ef "/proc/self/fd/$NAMESPACE" ] || echo "${process##*/}"
  done
}

# exit_status: prints what podman says the container ended with.
exit_status() {
  podman events --stream=false --since 30m --filter "container=$CID" --filter event=died --format '{{.ContainerExitCode}}'
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A mesh of three nodes, with the work types of docs/examples/receptor.conf: the real receptor's where there is one, on
# loopback, else what tests/command-runner and tests/receptorctl stand in for.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and what it sets is for itself
# shellcheck disable=SC2153,SC2034 # CONTAINER, GUARD and their like are set in test_helper.bash, MODE is for it
# shellcheck disable=SC2154 # bats sets stderr_lines

bats_require_minimum_version 1.5.0
load test_helper.bash

EXAMPLES=${TESTS%/*}/docs/examples

setup() {
  MESH=$WORK/mesh
  export RECEPTORCTL_SOCKET=$MESH/n1/sock
  mkdir -p "$MESH" "$WORK/bin" "$WORK/tmp"
  port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  if is_real; then
    PATH=$FIXTURES/receptorctl/bin:$PATH
  else
    ln -s "$TESTS/receptorctl" "$WORK/bin/receptorctl"
  fi
  PATH=$WORK/bin:$PATH
  setup_job_dir
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# add_node NAME [BACKEND]: with the example's work types, and a directory of its own for its runs. What follows the
# node's own lines comes from stdin.
add_node() {
  local node=$MESH/$1
  mkdir -p "$node"
  mkdir -m 0700 "$node/pids"
  # The nodes share this machine, with others.
  sed "s,/usr/local/bin/podleash,$BUILD/podleash,; s,params: [a-z]* --json$,& $node/pids," "$EXAMPLES/receptor.conf" >"$node/receptor.conf"
  cat >>"$node/receptor.conf" <<END
- node:
    id: $1
    datadir: $node/data
- control-service:
    service: control
    filename: $node/sock
END
  if [ "$1" = n1 ]; then
    printf -- '- tcp-listener:\n    bindaddr: 127.0.0.1\n    port: %s\n' "$port"
  else
    printf -- '- tcp-peer:\n    address: 127.0.0.1:%s\n' "$port"
  fi >>"$node/receptor.conf"
  cat >"$node/receptor" <<END
#!/bin/sh
export PATH=${RUNNER_24%/*}:$PATH TMPDIR=$WORK/tmp RECEPTOR_PID_DIRECTORY=$node/pids PODLEASH_LOG=$LOG
exec $RECEPTOR "\$@"
END
  chmod +x "$node/receptor"
}

# add_nodes: n1, to which receptorctl speaks, n2 and n3.
add_nodes() {
  local node
  for node in n1 n2 n3; do
    add_node $node
  done
}

start_mesh() {
  local node
  is_real || return 0
  for node in n1 n2 n3; do
    setsid "$MESH/$node/receptor" --config "$MESH/$node/receptor.conf" </dev/null >"$MESH/$node/log" 2>&1 3>&- &
    OURS+=("$(identity $!)")
  done
  wait_until 60 has_routes || fail "not all nodes are there: $(tail -n 5 "$MESH"/*/log)"
}

has_routes() {
  receptorctl status --json 2>/dev/null | jq -e '.RoutingTable | has("n2") and has("n3")' >/dev/null
}

# submit WORKTYPE NODE: waits for its results.
submit() {
  receptorctl work submit "$1" --node "$2" --no-payload --follow --rm
}

has_record() {
  compgen -G "$PID_DIR/*.run" >/dev/null
}

# start_job_on NODE: as wait_running.
start_job_on() {
  local stream
  stream=$(transmit 2.4.3)
  PID_DIR=$MESH/$1/pids
  receptorctl work submit ansible-runner --node "$1" --payload "$stream"
  is_real || OURS+=("$(identity "$(cat "$MESH/$1/job")")")
  wait_until 30 has_record || fail "$1: no run; $LOG: $(cat "$LOG")"
  RECORD=$(compgen -G "$PID_DIR/*.run")
  MODE=run UNIT=$(record_value unit "$RECORD")
  COMMAND_RUNNER=$(record_value holder "$RECORD" | tail -n 1 | cut -d , -f 1,2)
  wait_running
}

# cells NODE: its row of the table that fleet-list printed, single-spaced, without the age.
cells() {
  awk -v node="$1" '$1 == node { $4 = "-"; print }' <<<"$output"
}

@test "the lists of all nodes, in one table" {
  add_nodes
  start_mesh
  start_job_on n2
  run -0 --separate-stderr "$EXAMPLES/fleet-list"
  [ -z "$stderr" ]
  [[ ${lines[0]} == NODE*UNIT*STATE*CID ]]
  [ "${#lines[@]}" = 2 ]
  [ "$(cells n2)" = "n2 $UNIT running - ${PODMAN%,*} ${CONMON%,*} ${CONTAINER%,*} ${CID:0:12}" ]
}

@test "a sweep that is submitted to a node ends what is left there, and says so in JSON" {
  add_nodes
  start_mesh
  start_job_on n3
  kill_now "$GUARD" "$LEASH_RUN" "$RUNNER" "$PODMAN"
  run -0 --separate-stderr "$EXAMPLES/fleet-list"
  [ "$(cells n3)" = "n3 $UNIT unguarded - ${PODMAN%,*} ${CONMON%,*} ${CONTAINER%,*} ${CID:0:12}" ]

  run -0 submit podleash-sweep n2
  [[ $output != *'{'* ]]
  alive "$CONTAINER"
  run -0 submit podleash-sweep n3
  [ "$(grep '^{' <<<"$output" | jq -r '"\(.unit) \(.result)"')" = "$UNIT ended" ]
  assert_nothing_left
  run -0 --separate-stderr "$EXAMPLES/fleet-list"
  [ "${#lines[@]}" = 1 ]
}

@test "a node with a damaged record, or without the work type, is one line and does not hide the others" {
  add_nodes
  sed -i s/podleash-list/something-else/ "$MESH/n3/receptor.conf"
  start_mesh
  start_job_on n2
  echo 'no record' >"$MESH/n1/pids/1-1.run"
  run -1 --separate-stderr "$EXAMPLES/fleet-list"
  [ "$(cells n2)" = "n2 $UNIT running - ${PODMAN%,*} ${CONMON%,*} ${CONTAINER%,*} ${CID:0:12}" ]
  [ "${#lines[@]}" = 2 ]
  [ "${#stderr_lines[@]}" = 2 ]
  [[ ${stderr_lines[0]} == "n1: podleash list: $MESH/n1/pids/1-1.run: "* ]]
  [[ ${stderr_lines[1]} == 'n3: ERROR: '*'unknown work type'* ]]
}

@test "what a node says reaches the terminal as plain text" {
  add_nodes
  cat >"$WORK/evil" <<'END'
#!/bin/sh
echo '{"unit": "\u001b[2J"}'
printf '\033[2Jfailed\n'
exit 1
END
  chmod +x "$WORK/evil"
  awk -v evil="$WORK/evil" '/worktype:/ { list = $2 == "podleash-list" }
    list && $1 == "command:" { sub(/command:.*/, "command: " evil) } { print }' "$MESH/n2/receptor.conf" >"$WORK/conf"
  mv "$WORK/conf" "$MESH/n2/receptor.conf"
  start_mesh
  run -1 --separate-stderr "$EXAMPLES/fleet-list"
  [[ ${lines[1]} == n2*'[2J'* ]]
  [ "$stderr" = 'n2: [2Jfailed' ]
  [[ $output$stderr != *$'\e'* ]]
}

#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What systemd does with podleash's units, files and log, on a node (see run): `make install` was done there.
# shellcheck disable=SC2034,SC2153 # the variables of test_helper.bash

load ../test_helper.bash

setup() {
  install -d -m 0700 /run/podleash
}

teardown() {
  cleanup_job
}

# start UNIT: a job below podleash run, in the directory of the timer, that logs to the journal.
start() {
  PID_DIR=/run/podleash LOG=
  start_script "$1" run <<END
podman run --rm --network=none $IMAGE sleep 600
sleep 600
END
  wait_running
}

# field NAME: of what the journal has about the unit, every value of it.
field() {
  journalctl --output json --identifier podleash "PODLEASH_UNIT=$UNIT" | jq -r ".$1 // empty" | sort -u
}

has_reason() {
  [ -n "$(field PODLEASH_REASON)" ]
}

@test "the journal has an end by its unit, with the run, the container and the reason" {
  start "journal-$$"
  kill_now "$RUNNER"
  assert_nothing_left
  wait_until 10 has_reason || fail 'no reason in the journal'
  field PODLEASH_REASON | grep -qx 'sh is gone'
  [ "$(field PODLEASH_RUN)" = "${RUN##*/}" ]
  [ "$(field PODLEASH_CONTAINER_ID)" = "$CID" ]
  field MESSAGE | grep -qF "unit $UNIT, run ${RUN##*/}: ending it: sh is gone"
  [ "$(field SYSLOG_FACILITY)" = 3 ]
}

@test "the timer starts a sweep, and that ends a run whose guard was killed before its holder" {
  start "timer-$$"
  kill_now "$GUARD"
  wait_until 5 gone "$GUARD"
  kill_now "$RUNNER" "$LEASH_RUN" "$PODMAN"
  # Every five minutes is long for a test: the timer's own unit, each second.
  mkdir -p /run/systemd/system/podleash-sweep.timer.d
  printf '[Timer]\nOnCalendar=\nOnCalendar=*:*:*\nAccuracySec=10ms\n' >/run/systemd/system/podleash-sweep.timer.d/soon.conf
  systemctl daemon-reload
  systemctl start podleash-sweep.timer
  assert_nothing_left
  systemctl stop podleash-sweep.timer
  rm -r /run/systemd/system/podleash-sweep.timer.d
  systemctl daemon-reload
}

@test "a systemd-tmpfiles that cleans /tmp leaves the records of a long job" {
  local root=$WORK/root
  install -d "$root/usr/lib/tmpfiles.d" "$root/tmp/podleash-1000" "$root/tmp/other-1000"
  install "${TESTS%/*}/helper/dist/podleash.tmpfiles" "$root/usr/lib/tmpfiles.d/podleash.conf"
  echo 'q /tmp 1777 root root 0' >"$root/usr/lib/tmpfiles.d/tmp.conf"
  touch "$root/tmp/podleash-1000/1-1.run" "$root/tmp/other-1000/1-1.run"
  systemd-tmpfiles --root="$root" --clean
  [ ! -e "$root/tmp/other-1000/1-1.run" ] || fail 'it cleans nothing'
  [ -e "$root/tmp/podleash-1000/1-1.run" ] || fail 'the record is gone'
}

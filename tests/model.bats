#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The order of steps in tests/model/leash.pml: as it is it holds, and each step in another order fails.

load test_helper.bash

check() {
  STATUS=0
  MODEL_BUILD=$WORK/model nice "$TESTS/model/check" "$@" >"$WORK/out" 2>&1 || STATUS=$?
  cat "$WORK/out"
}

# breaks SWITCH CLAIM: with that switch that very claim fails.
breaks() {
  check "-D$1"
  [ $STATUS = 1 ] || fail "status $STATUS"
  grep -qF "FAILED: $2" "$WORK/out"
}

@test "the model: no order of steps breaks a claim" {
  check
  [ $STATUS = 0 ]
  [ "$(grep -c ' ok$' "$WORK/out")" = 7 ]
}

@test "the model: a tombstone that is looked for before the record is published" {
  breaks RECORD_AFTER_TOMBSTONE 'no podman starts after cancel has returned'
}

@test "the model: a cancel that looks for records before it writes its tombstone" {
  breaks CANCEL_LOOKS_FIRST 'no podman starts after cancel has returned'
}

@test "the model: a run without a guard whose record is removed" {
  breaks NO_GUARD_NO_RECORD 'no podman starts after cancel has returned'
}

@test "the model: a guard without the lock" {
  breaks GUARD_WITHOUT_LOCK 'one reaper at a time'
}

@test "the model: a lock that is taken of a record that was removed" {
  breaks NO_LINK_CHECK 'one reaper at a time'
}

@test "the model: a record that is removed before the end" {
  breaks REMOVE_BEFORE_END 'who signals has the lock'
}

@test "the model: a run that is looked at once" {
  breaks ONE_ROUND 'nothing runs when cancel returns'
}

@test "the model: a parent that is not looked at" {
  breaks NO_PARENT_CHECK 'a guard that lives leaves nothing'
}

@test "the model: a sweep that takes every lock for a guard's" {
  breaks SWEEP_TRUSTS_LOCK 'nothing is left of it after a sweep'
}

@test "the model: a record that is removed before the pid files" {
  breaks RECORD_REMOVED_FIRST 'nothing is left of it after a sweep'
}

#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Our tables of podman's flags, held against what the podman of this machine says of itself.

load test_helper.bash

# compare TABLE HELP-COMMAND...: the table knows every flag of that help as it is.
compare() {
  local table=$1 help counted
  shift
  help=$("$@" --help)
  # Both count the flags: one that cannot read the help would find nothing wrong with it.
  counted=$(grep -c -E '^ +(-[a-zA-Z], )?--[a-z]' <<<"$help")
  [ "$counted" -ge 20 ]
  run "$BUILD/tests/unit-run_flags" "$table" <<<"$help"
  echo "$output"
  [ "$output" = "$counted flags, 0 wrong" ]
}

@test "the table of podman's global flags is that of podman --help" {
  compare global podman
}

@test "the table of the flags of run without a value is that of podman run --help" {
  compare run podman run
}

@test "a help with other flags is noticed" {
  printf '  -z, --zeal        with zeal\n      --rm string   removes\n  -d, --detach      x\n  -t, --tty s   x\n' >"$WORK/help"
  run "$BUILD/tests/unit-run_flags" run <"$WORK/help"
  [ "$output" = $'--zeal takes no value\n--rm takes a value\n--tty takes a value\n4 flags, 3 wrong' ]
  printf '  -z, --zeal        with zeal\n      --root        root\n  -x, --syslog      x\n  -c, --connection string   x\n' >"$WORK/help"
  run "$BUILD/tests/unit-run_flags" global <"$WORK/help"
  [ "$output" = $'--zeal is not in the table\n--root takes no value\n--syslog has another letter\n4 flags, 3 wrong' ]
}

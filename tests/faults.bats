#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A selection of what `make faults` fails: the first of each system call, and every one of it.

# bats file_tags=root

load test_helper.bash

# bats test_tags=plain
@test "a system call that fails: the job runs, nobody counts as ended who is not, nothing crashes or hangs" {
  if ! "$TESTS/faults" --few 3>&- 4>&-; then
    head -n 60 "$BUILD"/check-logs/faults-*.log
    false
  fi
}

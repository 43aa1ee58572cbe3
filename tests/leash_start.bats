# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# However podman is started, its pid files appear, and its container ends with whoever started it. What
# each way passes on, word for word, is in preload.bats.
# shellcheck disable=SC2153 # the variables of wait_running

load test_helper.bash

setup() {
  jobs=0
  PODMAN_RUN="run --rm --network=none $IMAGE sleep 600"
}

teardown() {
  cleanup_job
  assert_no_container_of_ours
}

# assert_leashed WAY: the script on stdin starts podman.
assert_leashed() {
  echo "$1"
  start_script "U$((++jobs))"
  wait_running
  [ -s "$(pid_file "$RECORD")" ]
  [ -s "$RUN.conmon.pid" ]
  kill_now "$RUNNER"
  assert_job_ends
}

# assert_python_starts WAY PYTHON STATEMENT: of Python, where `argv` is what to start.
assert_python_starts() {
  cat >"$WORK/start.py" <<END
import os, subprocess, sys
argv = sys.argv[1:]
$3
END
  assert_leashed "$1" <<<"$2 $WORK/start.py $(command -v podman) $PODMAN_RUN"
}

@test "the pid files appear, and the container ends with its starter: every function that starts a program" {
  local function
  for function in execve execv execvp execvpe execl execlp execle execveat fexecve posix_spawn posix_spawnp \
    system popen; do
    assert_leashed "$function" <<<"$BUILD/tests/start $function -- $(command -v podman) $PODMAN_RUN; exit \$?"
  done
}

@test "the same of Python: subprocess by fork, vfork and posix_spawn, and pexpect" {
  local python=/usr/bin/python3
  assert_python_starts fork $python 'subprocess.call(argv, preexec_fn=lambda: None)'
  assert_python_starts vfork $python 'subprocess.call(argv)'
  assert_python_starts 'subprocess, posix_spawn' $python 'subprocess.call(argv, close_fds=False)'
  assert_python_starts posix_spawn $python 'os.waitpid(os.posix_spawn(argv[0], argv, os.environ), 0)'
  assert_python_starts pexpect "$FIXTURES"/runner-2.4.3/bin/python3 \
    'import pexpect; pexpect.spawn(argv[0], argv[1:]).expect(pexpect.EOF, timeout=None)'
}

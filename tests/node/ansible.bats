#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The role and the playbooks of docs/examples/ansible, as a real ansible-core runs them: over ssh, on two nodes.
# `make ansible` runs it, in the directory of the sources.
# shellcheck disable=SC2016,SC2034 # what is quoted is for a node's shell; $results and $packages are node.bash's

bats_require_minimum_version 1.5.0

results=$PWD/build/node/results
# shellcheck source=tests/node/node.bash
source tests/node/node.bash
packages+=(openssh-server sudo python3-apt)

EXAMPLE=$PWD/docs/examples/ansible
WORK=$BATS_TEST_TMPDIR
VERSION=$(cat build/.version)
ANSIBLE=$(echo /opt/podleash-test/ansible-*/bin/ansible-playbook)
SOURCE=podleash_source=$PWD/build/podleash-$VERSION.tar.gz
DEB=podleash_package=$(echo "$PWD/build/podleash_$VERSION"-1_*.deb)

setup_file() {
  make_root ansible
}

# Two nodes as new as the first time: receptor's user has an image, and its service starts jobs, of which each prints a line.
setup() {
  local node
  ssh-keygen -q -N '' -t ed25519 -f "$WORK/key"
  printf '[execution_nodes]\n' >"$WORK/inventory"
  for node in n1 n2; do
    mkdir -p "$nodes/$node" "$WORK/$node/upper" "$WORK/$node/work"
    mount -t overlay -o "lowerdir=$nodes/ansible,upperdir=$WORK/$node/upper,workdir=$WORK/$node/work" node "$nodes/$node"
    # Or sudo asks the network for its name.
    echo "$node" >"$nodes/$node/etc/hostname"
    echo "127.0.0.1 localhost $node" >"$nodes/$node/etc/hosts"
    install -d -m 0700 "$nodes/$node/root/.ssh"
    cp "$WORK/key.pub" "$nodes/$node/root/.ssh/authorized_keys"
    # What is an overlay itself takes no other.
    mkdir -p "$nodes/$node/etc/skel/.config/containers"
    printf '[storage]\ndriver = "vfs"\n' >"$nodes/$node/etc/skel/.config/containers/storage.conf"
    cp /opt/podleash-test/image.tar "$nodes/$node/image.tar"
    cat >"$nodes/$node/etc/systemd/system/receptor.service" <<'END'
[Service]
User=awx
ExecStart=/bin/sh -c 'while :; do /bin/echo job; done'
StandardOutput=append:/jobs
StandardError=append:/jobs
END
    start_node "$node" 3>&-
    cat >>"$WORK/ssh_config" <<END
Host $node
  ProxyCommand nsenter --target ${node_init[$node]} --net busybox nc 127.0.0.1 22
END
    echo "$node" >>"$WORK/inventory"
  done
  cat >>"$WORK/ssh_config" <<END
Host *
  User root
  IdentityFile $WORK/key
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
END
  for node in n1 n2; do
    on "$node" 'useradd --create-home awx &&
      runuser -l awx -c "podman import /image.tar localhost/ee:latest" >/dev/null 2>&1 && systemctl start receptor'
  done
}

teardown() {
  stop_nodes
  umount "$nodes/n1" "$nodes/n2"
}

# on NODE COMMAND
on() {
  ssh -F "$WORK/ssh_config" "$@" 3>&-
}

# play PLAYBOOK [OPTION...]: what it prints is in $WORK/log.
play() {
  ANSIBLE_NOCOLOR=1 ANSIBLE_PYTHON_INTERPRETER=auto_silent ANSIBLE_HOME=$WORK/ansible ANSIBLE_SSH_ARGS="-F $WORK/ssh_config -o ControlMaster=auto -o ControlPersist=60s" \
    "$ANSIBLE" -i "$WORK/inventory" "$EXAMPLE/$1" "${@:2}" \
    >"$WORK/log" 2>&1 </dev/null 3>&-
}

# recap NODE: how many tasks changed something there, and failed.
recap() {
  sed -n "s/^$1 .* \(changed=[0-9]*\) .* \(failed=[0-9]*\) .*/\1 \2/p" "$WORK/log"
}

# changes_nothing PLAYBOOK [OPTION...]
changes_nothing() {
  play "$@" || fail "$(cat "$WORK/log")"
  [ "$(recap n1) $(recap n2)" = 'changed=0 failed=0 changed=0 failed=0' ] || fail "$(cat "$WORK/log")"
}

# changes PLAYBOOK [OPTION...]: something on both nodes.
changes() {
  play "$@" || fail "$(cat "$WORK/log")"
  [[ "$(recap n1) $(recap n2)" =~ ^changed=[1-9][0-9]*\ failed=0\ changed=[1-9][0-9]*\ failed=0$ ]] || fail "$(cat "$WORK/log")"
}

fail() {
  printf '%s\n' "$*"
  return 1
}

# names_library NODE: whether receptor does, in the environment of what it starts.
names_library() {
  on "$1" 'grep -qz ^LD_PRELOAD= /proc/$(systemctl show --property MainPID --value receptor)/environ'
}

# sees_clean_jobs NODE: waits for one that begins now, and looks at what all have printed.
sees_clean_jobs() {
  on "$1" 'seen=$(wc -l </jobs); timeout 20 sh -c "until [ \$(wc -l </jobs) -ge $((seen + 2)) ]; do sleep 0.1; done"'
  [ "$(on "$1" 'sort -u /jobs')" = job ]
}

# comes_and_goes SETTING PROGRAM: from nothing to nothing.
comes_and_goes() {
  local node
  changes podleash.yml -e "$1" --check
  for node in n1 n2; do
    on "$node" "[ ! -e $2 ]"
  done
  changes podleash.yml -e "$1" -e podleash_restart_receptor=true
  for node in n1 n2; do
    on "$node" "[ -e $2 ] && systemctl is-active podleash-sweep.timer"
    names_library "$node"
    sees_clean_jobs "$node"
  done
  changes_nothing podleash.yml -e "$1" -e podleash_restart_receptor=true
  changes_nothing podleash.yml -e "$1" --check

  changes podleash.yml -e "$1" -e podleash_state=absent --check
  changes podleash.yml -e "$1" -e podleash_state=absent
  for node in n1 n2; do
    on "$node" "[ ! -e $2 ] && [ -z \"\$(systemctl list-unit-files --no-legend 'podleash*')\" ]"
    sees_clean_jobs "$node"
  done
  changes_nothing podleash.yml -e "$1" -e podleash_state=absent
  on n1 'systemctl restart receptor'
  ! names_library n1 || fail 'it names the library still'
  sees_clean_jobs n1
}

@test "from sources: podleash comes to all nodes and goes, each once, and no job has a line of ld.so's" {
  comes_and_goes "$SOURCE" /usr/local/bin/podleash
}

@test "from a package: podleash comes to all nodes and goes, each once, and no job has a line of ld.so's" {
  comes_and_goes "$DEB" /usr/bin/podleash
}

@test "what doctor finds wrong on a node fails the role there, in doctor's words" {
  on n2 'runuser -l awx -c "podman rmi --all --force"'
  ! play podleash.yml -e "$DEB" || fail "$(cat "$WORK/log")"
  [[ $(recap n1) = *failed=0 ]] || fail "$(cat "$WORK/log")"
  [[ $(recap n2) = *failed=1 ]]
  on n2 'runuser -l awx -c "podleash doctor --probe"' | grep '^fail' >"$WORK/doctor"
  grep -qF "$(head -n 1 "$WORK/doctor")" "$WORK/log" || fail "$(cat "$WORK/log")"
}

@test "sweep.yml shows the runs of all nodes, and ends those that nobody holds" {
  play podleash.yml -e "$DEB" -e podleash_restart_receptor=true || fail "$(cat "$WORK/log")"
  changes_nothing sweep.yml
  on n2 'systemd-run --quiet --unit job --uid=awx -E RECEPTOR_PID_DIRECTORY=/run/podleash -p KillMode=process \
    podleash run --unit U1 podman run --rm --network=none localhost/ee sleep 600
    timeout 60 sh -c "until podleash list --json /run/podleash | grep -q running; do sleep 0.1; done"
    kill -KILL $(pgrep -x podleash)'
  play sweep.yml --check
  [ "$(recap n1) $(recap n2)" = 'changed=0 failed=0 changed=1 failed=0' ] || fail "$(cat "$WORK/log")"
  grep -q '"U1 .* unguarded ' "$WORK/log"
  [ -n "$(on n2 'runuser -l awx -c "podman ps --quiet"')" ]

  play sweep.yml
  [ "$(recap n1) $(recap n2)" = 'changed=0 failed=0 changed=1 failed=0' ] || fail "$(cat "$WORK/log")"
  grep -q '"unit U1, run .*: ended"' "$WORK/log"
  [ -z "$(on n2 'runuser -l awx -c "podman ps --all --quiet"')" ]
  changes_nothing sweep.yml
}

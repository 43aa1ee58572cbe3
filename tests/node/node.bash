# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Execution nodes: systemd as the first process, cgroup 2, crun. Each is a root file system below build/node, booted in
# namespaces of its own. What runs there sees no process, mount, /run, /tmp, network or cgroup of the machine, and ends
# with the script that sources this (which has `set -eu`, and $results for its logs). It has the controllers of cgroup 2
# that the machine does not use itself: memory and pids are among them on few.
# shellcheck disable=SC2154,SC2164 # $results is the caller's, and set -e as well

nodes=$PWD/build/node
mkdir -p "$results"
release=trixie
mirror=http://deb.debian.org/debian
hierarchy=/sys/fs/cgroup
[ ! -e $hierarchy/unified ] || hierarchy=$hierarchy/unified
# Those of the nodes, by the pid namespace of this script, in which it is pid 1.
cgroups=$hierarchy/podleash-node-$(stat -L -c %i /proc/self/ns/pid)

packages=(systemd systemd-sysv dbus dbus-user-session libpam-systemd # what boots
  podman crun runc conmon catatonit uidmap passt slirp4netns netavark nftables fuse-overlayfs
  openssh-server openssh-client gcc libc6-dev make iproute2 procps python3) # tests/setup brings the rest

# The processes of each node: the one that waits for it, and its first; global where bats loads this.
declare -gA node_waiter node_init

# shellcheck source=tests/root.bash
source tests/root.bash

die() {
  printf '%s: %s\n' "$0" "$*" >&2
  exit 1
}

say() {
  printf '%5d s  %s\n' $SECONDS "$*"
}

# wait_for SECONDS COMMAND...
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}

recipe() {
  { echo "${packages[@]}"; declare -f make_root; } | sha256sum | cut -d ' ' -f 1
}

# make_root NODE: its root file system, kept for the next time.
make_root() {
  local root=$nodes/$1
  [ "$(cat "$root/complete" 2>/dev/null)" != "$(recipe)" ] || return 0
  say "making $root: Debian $release, with systemd"
  rm -rf "$root"
  # shellcheck disable=SC2116 # commas between
  mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io --include="$(IFS=,; echo "${packages[*]}")" \
    $release "$root" $mirror >"$results/$1.mmdebstrap.log" 2>&1 || die "mmdebstrap failed: see $results/$1.mmdebstrap.log"
  # No module can be loaded here.
  ln -s /dev/null "$root/etc/systemd/system/systemd-modules-load.service"
  # Without a limit, which takes the controller of pids.
  mkdir -p "$root/etc/containers"
  printf '[containers]\npids_limit = 0\n' >"$root/etc/containers/containers.conf"
  recipe >"$root/complete"
}

# prepare_node NODE: its root, with the sources in /podleash and what the tests need; with receptor, where this machine
# has it.
prepare_node() {
  local receptor
  make_root "$1"
  copy_into "$nodes/$1"
  rm -f "$nodes/$1/usr/local/bin/receptor"
  ! receptor=$(type -P receptor) || install "$receptor" "$nodes/$1/usr/local/bin/receptor"
  echo "$1" >"$nodes/$1/etc/hostname"
  # What it writes where podman runs no container without: there systemd does not run yet.
  in_root "$nodes/$1" sh -c 'tests/setup && rm -f /opt/podleash-test/containers.conf' >"$results/$1.setup.log" 2>&1 ||
    die "tests/setup failed: $(tail -n 1 "$results/$1.setup.log")"
}

# boot ROOT: becomes its systemd.
boot() {
  local device
  cd "$1"
  mount --bind . .
  cd "$PWD"
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs -o mode=0755 tmpfs dev
  for device in null zero full random urandom tty; do
    mknod -m 0666 dev/$device c "$(stat -c 0x%t /dev/$device)" "$(stat -c 0x%T /dev/$device)"
  done
  mkdir dev/net dev/pts dev/shm dev/mqueue
  mknod -m 0666 dev/fuse c 10 229
  mknod -m 0666 dev/net/tun c 10 200
  ln -s /proc/self/fd dev/fd
  ln -s fd/0 dev/stdin
  ln -s fd/1 dev/stdout
  ln -s fd/2 dev/stderr
  ln -s pts/ptmx dev/ptmx
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  mount -t mqueue mqueue dev/mqueue
  mount -t tmpfs -o mode=0755 tmpfs run
  mount -t tmpfs -o mode=1777 tmpfs tmp
  # Rootless podmans copy the addresses and routes that there are.
  ip link set lo up
  ip link add eth0 type veth peer name uplink
  ip address add 192.0.2.2/24 dev eth0
  ip link set eth0 up
  ip link set uplink up
  ip route add default via 192.0.2.1
  pivot_root . .
  umount --lazy .
  mount --make-rshared /
  cd /
  exec env -i container=node PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init
}

# start_node NODE
start_node() {
  local cgroup=$cgroups-$1
  mkdir -p "$cgroup" # a killed one has left it
  # shellcheck disable=SC2016 # for the shell in the cgroup
  sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' start "$cgroup" \
    unshare --fork --kill-child --pid --mount --cgroup --uts --ipc --net --propagation private \
    bash -eu -c "$(declare -f boot); boot \"\$1\"" boot "$nodes/$1" </dev/null >"$results/$1.boot.log" 2>&1 &
  node_waiter[$1]=$!
  wait_for 60 is_up "$1" || die "$1 does not boot: see $results/$1.boot.log"
}

is_up() {
  kill -0 "${node_waiter[$1]}" || die "$1 has not booted: $(tail -n 1 "$results/$1.boot.log")"
  node_init[$1]=$(pgrep --parent "${node_waiter[$1]}" --exact systemd) &&
    [ "$(on_node "$1" systemctl is-system-running 2>/dev/null)" = running ]
}

# on_node NODE COMMAND...: in its namespaces, in no cgroup of its.
on_node() {
  nsenter --target "${node_init[$1]}" --all "${@:2}"
}

# in_node NODE COMMAND...: as a service of root's, in /podleash.
in_node() {
  on_node "$1" systemd-run --quiet --pipe --wait --collect --working-directory=/podleash --setenv=HOME=/root \
    --setenv="CI=${CI-}" "${@:2}"
}

# stop_nodes: all of them, for a trap.
stop_nodes() {
  local node
  for node in "${!node_waiter[@]}"; do
    [ -z "${node_init[$node]-}" ] || on_node "$node" systemctl poweroff --force --force >/dev/null 2>&1 || true
    wait "${node_waiter[$node]}" || true
    find "$cgroups-$node" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# ---- the page ----

# table GROUP: of what the rows of that group saw.
table() {
  printf '| | without podleash | \x60podleash run\x60 | the drop-in |\n| --- | --- | --- | --- |\n'
  awk -F '\t' -v group="$1" '
    $1 == group && !($2 in known) { title[++titles] = $2; known[$2] }
    $1 == group {
      cell = $2 FS $5
      jobs[cell]++
      if ($6 == "nothing") {
        if ($7 > longest[cell]) longest[cell] = $7
      } else if (sub(/^not started/, "", $6)) {
        refused[cell]++
      } else {
        ++left[cell]
        n = split($6, name, " ")
        for (i = 1; i <= n; i++)
          if (name[i] !~ /^\// && !seen[cell, name[i]]++) names[cell] = names[cell] " " name[i]
      }
    }
    function text(way,    cell) {
      cell = $0 FS way
      if (!jobs[cell]) return "–"
      if (refused[cell] == jobs[cell]) return "podman does not start"
      if (left[cell]) return (way == "bare" ? "" : "**") left[cell] " of " jobs[cell] ":" names[cell] (way == "bare" ? "" : "**")
      return sprintf("nothing after %.1f s", longest[cell] / 1000)
    }
    END {
      for (i = 1; i <= titles; i++) {
        $0 = title[i]
        print "| " $0 " | " text("bare") " | " text("run") " | " text("drop-in") " |"
      }
    }' "$saw"
}

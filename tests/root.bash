# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Root file systems of other systems, and podleash's tests in them. Its caller has `set -eu`.
# shellcheck disable=SC2164

# copy_into ROOT: the sources, and what it takes to reach the package registries from there.
copy_into() {
  mkdir -p "$1/podleash"
  find "$1/podleash" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  tar -c --exclude=./.git --exclude=./build . | tar -x -C "$1/podleash"
  cp /etc/resolv.conf "$1/etc/resolv.conf"
  cp "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" "$1/etc/pip-cert.pem"
}

# enter ROOT COMMAND...: becomes COMMAND with ROOT as the root of its mount namespace. In a mere chroot the
# kernel lets nobody make a user namespace, and no rootless podman starts.
enter() {
  cd "$1"
  shift
  # pivot_root takes a mount point only.
  mount --bind . .
  cd "$PWD"
  mount -t proc proc proc
  mount --rbind /sys sys
  # The devices are debootstrap's own.
  mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  mkdir -p dev/mqueue
  mount -t mqueue mqueue dev/mqueue
  mount -t tmpfs -o mode=0755 tmpfs run
  mount -t tmpfs -o mode=1777 tmpfs tmp
  pivot_root . .
  umount --lazy .
  cd /podleash
  exec "$@"
}

# in_root ROOT COMMAND...: env's NAME=VALUE may stand before the command.
in_root() {
  local variable
  local -a keep=()
  for variable in "${!PIP_@}"; do
    keep+=("$variable=${!variable}")
  done
  [ -z "${CI-}" ] || keep+=("CI=$CI")
  env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin \
    "${keep[@]}" PIP_CERT=/etc/pip-cert.pem \
    unshare --mount --propagation private bash -eu -c "$(declare -f enter); enter \"\$@\"" enter \
    "$1" env "${@:2}"
}

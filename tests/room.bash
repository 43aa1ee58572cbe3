# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Namespaces in which nobody else has processes or pid directories: for what looks at all that there are.
# shellcheck disable=SC2034 # ALONE and ROOM are for the tests

# clear_room COMMAND...: in namespaces of its own, empties /run, and /tmp of podleash's directories.
clear_room() {
  local directory
  mount -t tmpfs -o mode=0755 tmpfs /run
  mkdir /run/user /run/tmp
  mount --rbind /tmp /run/tmp
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  for directory in /run/tmp/*/; do
    [[ $directory != /run/tmp/podleash-[0-9]* ]] || continue
    # Others make theirs and remove them.
    mkdir "${directory#/run}"
    mount --rbind "$directory" "${directory#/run}" || rmdir "${directory#/run}"
  done 2>/dev/null
  umount --lazy /run/tmp
  rmdir /run/tmp
  "$@"
}

# A command line that runs the words behind it alone.
ALONE=(unshare --mount --pid --fork --kill-child --mount-proc --propagation private
  bash -c "$(declare -f clear_room); clear_room \"\$@\"; exit \$?" room)

# make_room: sets ROOM, a process of such namespaces, for in_room.
make_room() {
  # shellcheck disable=SC2016 # for the inner shell
  local wait=': >"$1"; exec sleep 600'
  rm -f "$WORK/made"
  "${ALONE[@]}" bash -c "$wait" room "$WORK/made" </dev/null >/dev/null 2>&1 3>&- 4>&- &
  OURS+=("$(identity $!)")
  wait_until 10 [ -e "$WORK/made" ]
  ROOM=$(children $!)
}

# in_room COMMAND...
in_room() {
  nsenter --target "$ROOM" --mount --pid --wd=/ "$@"
}

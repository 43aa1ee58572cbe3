#!/usr/bin/env bats
# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The man page and the completions say what the table of commands says, each shell completes, and all is installed.

load test_helper.bash
load disorder.bash

# What podleash itself calls is in the man page, and nobody types it.
INTERNAL='^(guard|hold) '

setup() {
  mkdir -m 0700 "$PID_DIR"
  export RECEPTOR_PID_DIRECTORY=$PID_DIR PATH=$BUILD:$PATH
  COMPLETION=${TESTS%/*}/helper/dist/podleash
  # shellcheck source=/dev/null
  source "$COMPLETION.bash"
}

teardown() {
  cleanup_job
}

# usage: each command with its options in order, a line for each, from the table that podleash runs by.
usage() {
  podleash help | sed -n 's/^  podleash //p' | options --
}

# options PREFIX: of lines that begin with a command: that, and its options, which begin so there.
options() {
  local command rest
  while read -r command rest; do
    echo "$command $(grep -oE -e "$1[a-z][a-z-]*" <<<"$rest" | sed "s/^$1/--/" | sort | paste -sd ' ')"
  done | sort
}

# completed WORD...: what the shell of the test, $BY, offers for the last one, behind `podleash` and the others.
completed() {
  "completed_by_$BY" "$@" | sort -u
}

completed_by_bash() {
  COMP_WORDS=(podleash "$@")
  COMP_CWORD=$#
  _podleash podleash "${*: -1}" "${COMP_WORDS[$# - 1]}"
  printf '%s\n' "${COMPREPLY[@]}"
}

completed_by_zsh() {
  HOME=$WORK timeout 60 "$TESTS/zsh-completed" "$WORK/zsh" "$COMPLETION.zsh" "podleash $*" 3>&- | grep . || true
}

completed_by_fish() {
  # shellcheck disable=SC2016 # for another shell
  HOME=$WORK timeout 60 fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$COMPLETION.fish" "podleash $*" | cut -f 1
}

@test "podleash(1) has the commands and options of podleash help" {
  sed -n 's/^\.It Ic //p' "${TESTS%/*}/helper/dist/podleash.1" | options 'Fl -' | diff <(usage) -
}

@test "bash, zsh and fish offer the commands and options of podleash help" {
  local command
  for BY in bash zsh fish; do
    for command in $(completed ''); do
      echo "$command $(completed "$command" - | paste -sd ' ')"
    done | diff <(usage | grep -vE "$INTERNAL") - || fail "$BY: not those"
    [ "$(completed help '')" = "$(completed '')" ] || fail "$BY: not each has help"
  done
}

@test "the completion is podleash's, and file names complete what it does not" {
  [ "$(complete -p podleash)" = 'complete -o default -F _podleash podleash' ]
}

# offers WORD WORDS...: whether behind these that is offered.
offers() {
  completed "${@:2}" | grep -qx -e "$1"
}

@test "bash, zsh and fish offer what begins as the word does" {
  for BY in bash zsh fish; do
    [ "$(completed s)" = sweep ] || fail "$BY: not sweep"
    [ "$(completed cancel --t)" = --timeout ] || fail "$BY: not --timeout"
    [ "$(completed cancel --json --gr)" = --grace ] || fail "$BY: not --grace"
    [ -z "$(completed nonsense -)" ] || fail "$BY: something for nonsense"
  done
}

@test "bash, zsh and fish: run has options, then a command, and nothing of podleash behind that" {
  local words
  for BY in bash zsh fish; do
    [ "$(completed run --p)" = --pid-dir ] || fail "$BY: not --pid-dir"
    offers true run tru || fail "$BY: not true"
    offers true run --unit U1 --grace 5 tru || fail "$BY: not true behind options"
    offers true run -- tru || fail "$BY: not true behind --"
    for words in 'true --p' '-- true --p' '--unit U1 true --p' 'true sw'; do
      # shellcheck disable=SC2086 # several words
      [ -z "$(completed run $words)" ] || fail "$BY: $words: $(completed run $words)"
    done
    # A word of a shell alone is no command.
    ! offers elif run eli || fail "$BY: a keyword"
  done
}

@test "bash, zsh and fish: a directory, a number and a file are no command" {
  local option
  for BY in bash zsh fish; do
    for option in --pid-dir --grace --kill-after; do
      ! offers true run "$option" tru || fail "$BY: $option: a command"
      ! offers elif run "$option" eli || fail "$BY: $option: a keyword"
    done
    ! offers doctor doctor --receptor-conf doc || fail "$BY: a command of podleash"
  done
}

@test "bash, zsh and fish: --unit, cancel and list have the units of the directory that the line names, else of the default" {
  DEAD=$(dead)
  good_record 1-1
  BYSTANDER=$DEAD record "$PID_DIR" 1-2 unit=V2 >"$PID_DIR/1-2.run"
  mkdir -m 0700 "$WORK/other"
  BYSTANDER=$DEAD record "$WORK/other" 1-1 unit=W3 >"$WORK/other/1-1.run"
  cd "$WORK"
  for BY in bash zsh fish; do
    # Beside what there may be on this machine.
    [ "$(completed cancel --unit '' | grep -xE 'U1|V2')" = $'U1\nV2' ] || fail "$BY: not those of cancel"
    [ "$(completed cancel --json --unit V)" = V2 ] || fail "$BY: not that one"
    [ "$(completed run --unit '' | grep -xE 'U1|V2')" = $'U1\nV2' ] || fail "$BY: not those of run"
    [ "$(completed run --pid-dir other --unit '')" = W3 ] || fail "$BY: not those of --pid-dir"
    [ "$(completed cancel "$WORK/other" --unit '')" = W3 ] || fail "$BY: not those of the directory"
    offers U1 cancel U && offers V2 list V || fail "$BY: not as a bare word"
  done
}

@test "all of it is hardened, as far as the compiler knows how, and does not say where it was built" {
  local flag
  make -n -B V=1 -C "${TESTS%/*}" BUILD="$WORK/build" 2>/dev/null | grep ' -c -o ' >"$WORK/compiled"
  [ "$(grep -c '/preload/' "$WORK/compiled")" -ge 5 ] && [ "$(grep -c '/helper/' "$WORK/compiled")" -ge 50 ]
  for flag in -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection -ffile-prefix-map=; do
    [[ $flag != -fcf-protection || $(uname -m) = x86_64 ]] || continue
    ! grep -v -e " $flag" "$WORK/compiled" || fail "not with $flag"
  done
}

@test "make builds again behind a make install; make uninstall removes all of it" {
  local copy=$WORK/copy
  mkdir "$copy" "$WORK/root"
  tar -C "${TESTS%/*}" -c Makefile helper preload | tar -C "$copy" -x
  make -s -C "$copy" install DESTDIR="$WORK/root" >/dev/null
  [ -x "$WORK/root/usr/local/bin/podleash" ]
  [ -e "$WORK/root/usr/local/lib/systemd/system/receptor.service.d/podleash.conf" ]
  touch "$copy/helper/util.h"
  make -C "$copy" >"$WORK/out"
  grep -q 'CC.*helper/guard.o$' "$WORK/out"
  grep -q '^ *LD_PRELOAD=/usr/local/lib/libpodleash.so$' "$WORK/root/usr/local/share/man/man7/libpodleash.7"
  make -s -C "$copy" uninstall DESTDIR="$WORK/root"
  find "$WORK/root" ! -type d | diff - /dev/null
  [ ! -e "$WORK/root/usr/local/lib/systemd/system/receptor.service.d" ]
}

has_jobs() {
  [ "$(wc -l <"$WORK/jobs")" -ge "$1" ]
}

# sees_clean_jobs: waits for one that begins now, and looks at what all have printed.
sees_clean_jobs() {
  wait_until 20 has_jobs $(($(wc -l <"$WORK/jobs") + 2))
  ! grep -vxm 1 job "$WORK/jobs" || fail 'a job said so'
}

@test "make install over a version that jobs use, and make uninstall: no line gets into their results" {
  local copy=$WORK/copy root=$WORK/root library=$WORK/root/usr/local/lib/libpodleash.so jobs
  mkdir "$copy"
  tar -C "${TESTS%/*}" -c Makefile helper preload | tar -C "$copy" -x
  build() {
    make -s -j 2 -C "$copy" CFLAGS=-O0 HARDENING= DESTDIR="$root" "$@" >"$WORK/out" 2>&1
  }
  build install
  # shellcheck disable=SC2016 # for another shell
  LD_PRELOAD=$library sh -c 'until [ -e "$0" ]; do /bin/echo job; done' "$WORK/end" >"$WORK/jobs" 2>&1 3>&- 4>&- &
  jobs=$!
  OURS+=("$(identity $jobs)")
  for _ in 1 2 3 4 5; do
    build install
    sees_clean_jobs
  done
  build uninstall
  sees_clean_jobs
  grep -q "^podleash: $library: pid $jobs (sh) has it in LD_PRELOAD; " "$WORK/out" || fail "$(cat "$WORK/out")"
  build install
  sees_clean_jobs
  [ ! -L "$library" ]
  touch "$WORK/end"
  wait $jobs
  build uninstall
  find "$root" ! -type d | diff - /dev/null
}

@test "make, then make install with another PREFIX: what is there leashes, by podleash run and by the two variables" {
  local copy=$WORK/copy opt=$WORK/opt
  mkdir "$copy"
  tar -C "${TESTS%/*}" -c Makefile helper preload | tar -C "$copy" -x
  build() {
    make -s -j 2 -C "$copy" CFLAGS=-O0 HARDENING= "$@"
  }
  build PREFIX="$WORK/elsewhere" >/dev/null
  build install PREFIX="$opt" >/dev/null
  build PREFIX="$opt" | diff /dev/null - || fail 'it is built again without a reason'
  stand_in
  export PODLEASH_LOG=$LOG PATH=$WORK/bin:$PATH
  "$opt/bin/podleash" run podman run --rm image
  LD_PRELOAD=$opt/lib/libpodleash.so sh -c 'podman run --rm image; :'
  # Which only the helper adds.
  [ "$(grep -c -e "--cidfile=$PID_DIR/" "$WORK/called")" = 2 ] || fail "$(cat "$WORK/called" "$LOG")"
  rm "$opt/lib/libpodleash.so"
  "$opt/bin/podleash" doctor | grep -A 1 "^fail  library: $opt/lib/libpodleash.so: " |
    grep -q "make install BINDIR=$opt/bin LIBDIR=$opt/lib\$"
}

@test "where the project lives is said once: what is made names that" {
  local copy=$WORK/copy
  mkdir "$copy"
  tar -C "${TESTS%/*}" -c --exclude=./build --exclude=./.git . | tar -C "$copy" -x
  make -s -C "$copy" SITE=podleash.test DOCDIR=/docs DESTDIR="$WORK" install-docs build/dist/podleash.spec build/dist/debian/changelog
  grep -q 'maintainers@podleash\.test' "$WORK/docs/docs/SECURITY.md"
  grep -qx 'URL: *https://podleash.test' "$copy/build/dist/podleash.spec"
  ! grep -r 'podleash\.example' "$WORK/docs/docs/SECURITY.md" "$copy"/build/dist || fail 'not everywhere'
}

# headings FILE: the names that links have for them.
headings() {
  sed -n 's/^##* //p' "$1" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9_\n-'
}

@test "every link in README and docs leads to a file that is there, and to a heading of it" {
  local file link target
  cd "${TESTS%/*}"
  for file in README.md docs/*.md; do
    while read -r link; do
      target=${link%%#*} target=${target:+${file%"${file##*/}"}$target}
      [ -e "${target:-$file}" ] || fail "$file: $link"
      [[ $link != *'#'* ]] || headings "${target:-$file}" | grep -qx "${link#*#}" || fail "$file: $link"
    done < <(grep -oE '\]\([^)]*\)' "$file" | sed 's/^](//; s/)$//' | grep -v ^http)
  done
}

@test "what Debian would test an installation by leashes a container and ends it" {
  AUTOPKGTEST_TMP=$WORK "${TESTS%/*}/helper/dist/debian/tests/probe" >"$WORK/out" ||
    # What other runs on this machine lack is looked at as well.
    ! grep '^fail' "$WORK/out" | grep -v '^fail  guards: ' || fail "$(cat "$WORK/out")"
  grep -q '^ok    probe: .* nothing was left$' "$WORK/out"
  ! podman image exists localhost/podleash-autopkgtest || fail 'its image is left'
}

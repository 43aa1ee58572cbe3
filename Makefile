# SPDX-License-Identifier: Apache-2.0
# podleash: `make help` lists the targets.

# The last release. Between two the version is what git describes, as dpkg and rpm sort it: 0.1.0+12.g0123abcde is the
# twelfth commit after the tag v0.1.0, or of all where the clone has no tag. An archive of `make dist` has it in .version.
RELEASE   = 0.1.0
described = $(shell { [ ! -e .git ] || git describe --tags --match v$(RELEASE) --abbrev=9 || { \
	head=$$(git rev-parse --short=9 HEAD) && echo v$(RELEASE)-$$(git rev-list --count HEAD)-g$$head; }; } 2>/dev/null | \
	sed 's/^v//; s/-/+/; s/-/./')
VERSION  := $(or $(shell cat .version 2>/dev/null),$(described),$(RELEASE))
# The project has no home yet, and .example is nobody's (RFC 2606). What packages and docs name as their home page, where
# releases are, and the maintainers' address, is made of this.
SITE    ?= podleash.example
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
DOCDIR  ?= $(PREFIX)/share/doc/podleash
DESTDIR ?=
BUILD   ?= build
TIME    ?= 60
FUZZ_CC ?= clang

CFLAGS  ?= -Os -g
# $(call known,FLAG): where the compiler has it for this machine
known = $(shell $(CC) -Werror $(1) -c -x c -o /dev/null /dev/null 2>/dev/null && echo $(1))
ifeq ($(origin HARDENING),undefined)
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong $(call known,-fstack-clash-protection) \
	     $(call known,-fcf-protection) $(call known,-mbranch-protection=standard)
endif
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
ifneq ($(CI),)
WARNINGS += -Werror
endif
# a 32-bit stat(2) fails on a large inode number, a large file and a time after 2038
LARGE    = -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
# wherever it is built, the outcome is the same
ANYWHERE = -ffile-prefix-map=$(CURDIR)=.
C        = $(CC) -std=c11 -D_GNU_SOURCE $(LARGE) $(CPPFLAGS) $(WARNINGS) $(HARDENING) $(ANYWHERE) $(CFLAGS) -MMD -MP
DEFINES  = -DPODLEASH_LIBRARY='"$(LIBDIR)/libpodleash.so"' \
	   -DPODLEASH_DEFAULT_HELPER='"$(BINDIR)/podleash"' \
	   -DPODLEASH_INSTALL='"make install BINDIR=$(BINDIR) LIBDIR=$(LIBDIR)"'
# callers pass what they like: a NULL that libc declares impossible must reach the real function
INTERPOSE = -fPIC -fvisibility=hidden -fno-delete-null-pointer-checks
RELRO    = -Wl,-z,relro,-z,now
# every program below the runner maps the library: two segments instead of four
FEW_SEGMENTS = -Wl,-z,noseparate-code

# a dynamic ASan wants to be the first library, and so is ours; clang's is static as it is
STATIC_ASAN = $(if $(findstring clang,$(CC)),,-static-libasan)

# `make V=1` shows the commands.
Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))

library_objects = $(patsubst preload/%.c,$(BUILD)/preload/%.o,$(wildcard preload/*.c))
helper_objects  = $(patsubst helper/%.c,$(BUILD)/helper/%.o,$(wildcard helper/*.c))
shared          = $(BUILD)/helper/podman_command.o $(BUILD)/helper/resolve.o
commands        = $(patsubst %,$(BUILD)/helper/%.o,podleash run hold guard cancel sweep list doctor doctor_leash doctor_machine doctor_receptor)
units           = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit-%,$(wildcard tests/unit/*.c))
preloads        = $(patsubst %,$(BUILD)/tests/%.so,swap_pid lose_parent fast_clock large)
programs        = $(patsubst %,$(BUILD)/tests/%,start as_pid idle stand_in swap_file without_pidfd)
fuzzers         = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz-%,$(wildcard tests/fuzz/*.c))
bench           = $(patsubst %,$(BUILD)/bench/%,turns calls until nothing empty.so stand_in)
sources         = $(wildcard preload/*.[ch] helper/*.[ch] tests/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch])
# what has a shell's first line, wherever it is, tests, and what either loads
scripts         = $(sort $(shell grep -rlE --exclude-dir=corpus '^#!.*[/ ](bash|sh|bats)$$' .ci docs helper preload tests) \
		  $(wildcard tests/*.bats tests/*.bash tests/*/*.bats tests/*/*.bash helper/dist/*.bash))

all: $(BUILD)/libpodleash.so $(BUILD)/podleash ## build the library and the program (default)

$(BUILD)/libpodleash.so: $(library_objects) preload/libpodleash.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) $(RELRO) $(FEW_SEGMENTS) -Wl,-Bsymbolic-functions -Wl,--version-script=preload/libpodleash.map \
		-o $@ $(library_objects) -ldl

$(BUILD)/podleash: $(helper_objects) $(shared)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(CFLAGS) $(LDFLAGS) $(RELRO) -o $@ $^ -ldl

.PHONY: always
# Objects have the paths in them, and one the version: with others than those of the last time they are compiled anew.
$(BUILD)/defines: values = $(DEFINES)
$(BUILD)/version: values = $(VERSION)
$(BUILD)/defines $(BUILD)/version: always
	$(Q)mkdir -p $(@D) && echo $(values) >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv -f $@.new $@; fi

$(BUILD)/preload/%.o: preload/%.c Makefile $(BUILD)/defines
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) $(DEFINES) $(INTERPOSE) -c -o $@ $<

$(BUILD)/helper/podleash.o: private DEFINES += -DPODLEASH_VERSION='"$(VERSION)"'
$(BUILD)/helper/podleash.o: $(BUILD)/version
$(BUILD)/helper/%.o: helper/%.c Makefile $(BUILD)/defines
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) $(DEFINES) -fPIE -c -o $@ $<

$(shared): $(BUILD)/helper/%.o: preload/%.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) -fPIE -c -o $@ $<

$(BUILD)/tests/unit-%: tests/unit/%.c $(filter-out $(commands),$(helper_objects)) $(shared)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) $(LDFLAGS) -o $@ $< $(filter %.o,$^) -ldl -pthread

$(programs): $(BUILD)/tests/%: tests/%.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) -o $@ $< -pthread

$(preloads): $(BUILD)/tests/%.so: tests/%.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) -fPIC -shared -o $@ $< -ldl

$(BUILD)/bench/%: tests/bench/%.c tests/bench/measure.h Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) -o $@ $<

$(BUILD)/bench/nothing: tests/bench/nothing.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) -static -o $@ $<

$(BUILD)/bench/empty.so: tests/bench/empty.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) $(INTERPOSE) -shared $(RELRO) -o $@ $<

$(BUILD)/bench/stand_in: tests/stand_in.c Makefile
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(C) -o $@ $<

# An archive: a fuzzer that takes in a file for its static functions does not get it twice.
$(BUILD)/parsers.a: $(filter-out %/podleash.o,$(helper_objects)) $(shared) $(BUILD)/preload/leash.o $(BUILD)/preload/memory.o
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/fuzz-%: tests/fuzz/%.c $(BUILD)/parsers.a Makefile
	$(call say,CC,$@)
	$(Q)$(C) -fsanitize=fuzzer -o $@ $< $(BUILD)/parsers.a -ldl

-include $(wildcard $(patsubst %,$(BUILD)/%*.d,/ helper/ preload/ tests/ bench/))

# What jobs use is there at every moment of an upgrade: install(1) removes first and writes then.
templates = podleash-sweep.service receptor.service.d/podleash.conf
install: all $(addprefix $(BUILD)/dist/,$(templates) libpodleash.7) ## install below DESTDIR, PREFIX, BINDIR, LIBDIR, MANDIR, UNITDIR, TMPFILESDIR, COMPLETIONDIR, ZSHDIR, FISHDIR
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(LIBDIR) $(MANDIR)/man1 $(MANDIR)/man7 \
		$(UNITDIR)/receptor.service.d $(TMPFILESDIR) $(COMPLETIONDIR) $(ZSHDIR) $(FISHDIR))
	install -m 0755 $(BUILD)/podleash $(DESTDIR)$(BINDIR)/podleash.new
	mv -f $(DESTDIR)$(BINDIR)/podleash.new $(DESTDIR)$(BINDIR)/podleash
	install -m 0755 $(BUILD)/libpodleash.so $(DESTDIR)$(LIBDIR)/libpodleash.so.new
	mv -f $(DESTDIR)$(LIBDIR)/libpodleash.so.new $(DESTDIR)$(LIBDIR)/libpodleash.so
	rm -f $(DESTDIR)$(TMPFILESDIR)/podleash-removed.conf
	install -m 0644 helper/dist/podleash.1 $(DESTDIR)$(MANDIR)/man1/podleash.1
	install -m 0644 $(BUILD)/dist/libpodleash.7 $(DESTDIR)$(MANDIR)/man7/libpodleash.7
	for file in $(templates); do install -m 0644 $(BUILD)/dist/$$file $(DESTDIR)$(UNITDIR)/$$file || exit; done
	install -m 0644 helper/dist/podleash-sweep.timer $(DESTDIR)$(UNITDIR)/podleash-sweep.timer
	install -m 0644 helper/dist/podleash.tmpfiles $(DESTDIR)$(TMPFILESDIR)/podleash.conf
	install -m 0644 helper/dist/podleash.bash $(DESTDIR)$(COMPLETIONDIR)/podleash
	install -m 0644 helper/dist/podleash.zsh $(DESTDIR)$(ZSHDIR)/_podleash
	install -m 0644 helper/dist/podleash.fish $(DESTDIR)$(FISHDIR)/podleash.fish

# What speaks of where things are speaks of here, but for what it says of `make install` itself.
install-docs: ## README.md and docs/ below DOCDIR, with these paths in them
	install -d $(DESTDIR)$(DOCDIR)
	cp -r README.md docs $(DESTDIR)$(DOCDIR)
	find $(DESTDIR)$(DOCDIR) -type f -exec sed -i -e '/make install/! s,/usr/local/bin/podleash,$(BINDIR)/podleash,g' \
		-e '/make install/! s,/usr/local/lib/libpodleash,$(LIBDIR)/libpodleash,g' \
		-e 's,podleash\.example,$(SITE),g' {} +

uninstall: ## remove what an install with the same values has put there; first read docs/receptor.md
	helper/dist/remove-library $(DESTDIR)$(LIBDIR)/libpodleash.so $(DESTDIR)$(TMPFILESDIR)
	rm -f $(addprefix $(DESTDIR),$(BINDIR)/podleash $(MANDIR)/man1/podleash.1 \
		$(MANDIR)/man7/libpodleash.7 $(addprefix $(UNITDIR)/,$(templates) podleash-sweep.timer) \
		$(TMPFILESDIR)/podleash.conf $(COMPLETIONDIR)/podleash $(ZSHDIR)/_podleash $(FISHDIR)/podleash.fish)
	[ ! -d $(DESTDIR)$(UNITDIR)/receptor.service.d ] || \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(UNITDIR)/receptor.service.d

# Always: the values may be others than those of the last time.
$(BUILD)/dist/%: helper/dist/%.in always
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && sed -e 's,@VERSION@,$(VERSION),g; s,@BINDIR@,$(BINDIR),g; s,@LIBDIR@,$(LIBDIR),g' \
		-e 's,podleash\.example,$(SITE),g' $< >$@

.PHONY: dist rpm deb packages
archive = podleash-$(VERSION)
dist: ## the last commit as build/podleash-VERSION.tar.gz
	mkdir -p $(BUILD)
	rm -f $(BUILD)/podleash-*.tar.gz
	echo $(VERSION) >$(BUILD)/.version
	git archive --prefix=$(archive)/ --add-file=$(BUILD)/.version --output=$(BUILD)/$(archive).tar.gz HEAD

# No BuildRequires can be looked up where the packages of the machine are not rpm's.
rpm: dist $(BUILD)/dist/podleash.spec ## an RPM of the last commit, in build/
	sed "s/@DATE@/$$(LC_ALL=C git log -1 --date=format:'%a %b %d %Y' --format=%cd)/" $(BUILD)/dist/podleash.spec \
		>$(BUILD)/podleash.spec
	rm -f $(BUILD)/podleash-*.rpm
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) rpmbuild -bb $(if $(wildcard /etc/debian_version),--nodeps) \
		--define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' \
		--define '_buildhost localhost' --define '_topdir $(abspath $(BUILD))/rpm' \
		--define '_sourcedir $(abspath $(BUILD))' --define '_rpmdir $(abspath $(BUILD))' \
		--define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' $(BUILD)/podleash.spec

deb: dist $(BUILD)/dist/debian/changelog ## a .deb of the last commit, in build/
	rm -rf $(BUILD)/deb $(BUILD)/podleash_*.deb
	mkdir $(BUILD)/deb
	tar -xzf $(BUILD)/$(archive).tar.gz -C $(BUILD)/deb
	cp -r $(BUILD)/deb/$(archive)/helper/dist/debian $(BUILD)/deb/$(archive)/debian
	sed "s/@DATE@/$$(git log -1 --format=%cD)/" $(BUILD)/dist/debian/changelog \
		>$(BUILD)/deb/$(archive)/debian/changelog
	sed -i 's,podleash\.example,$(SITE),g' $(BUILD)/deb/$(archive)/debian/control $(BUILD)/deb/$(archive)/debian/watch
	cd $(BUILD)/deb/$(archive) && dpkg-buildpackage --build=binary --no-sign
	mv $(BUILD)/deb/podleash_*.deb $(BUILD)/

PLAIN    = BUILD=build/debug HARDENING= CFLAGS="-O1 -g -fno-omit-frame-pointer"
SANITIZED = BUILD=build/debug HARDENING= LDFLAGS="$(LDFLAGS) $(STATIC_ASAN) build/debug/debug.o" \
	    CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
debug: ## build with ASan and UBSan, in build/debug (the library without: it is loaded into others)
	@$(MAKE) --no-print-directory $(PLAIN) build/debug/libpodleash.so programs
	@$(CC) -c -o build/debug/debug.o tests/debug.c
	@$(MAKE) --no-print-directory $(SANITIZED) build/debug/podleash units

ANALYZED = -std=c11 -D_GNU_SOURCE $(WARNINGS) $(DEFINES) -DPODLEASH_VERSION='"$(VERSION)"'
lint: ## clang-format, cppcheck, gcc's and clang's analyzers, shellcheck, ansible-lint, mandoc, reuse
	@tests/setup lint
	clang-format --dry-run -Werror $(sources)
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr -D_GNU_SOURCE $(DEFINES) \
		--enable=warning,performance,portability preload helper
	@for file in preload/*.c helper/*.c; do \
		gcc $(ANALYZED) -O2 -fanalyzer -Werror -c -o /dev/null $$file && \
		clang $(ANALYZED) -O2 -Werror -fsyntax-only $$file && \
		clang $(ANALYZED) --analyze -Xclang -analyzer-werror -o /dev/null $$file || exit; \
	done
	shellcheck -x $(scripts)
	cd docs/examples/ansible && /opt/podleash-test/ansible-*/bin/ansible-lint --offline --profile production
	mandoc -T lint -W warning helper/dist/podleash.1 helper/dist/libpodleash.7.in
	@# REUSE wants two names more at the top than this project has there
	rm -rf $(BUILD)/reuse && mkdir -p $(BUILD)/reuse/LICENSES
	git ls-files -z | xargs -0 cp --parents -t $(BUILD)/reuse
	cp LICENSE $(BUILD)/reuse/LICENSES/Apache-2.0.txt && cp .reuse/REUSE.toml $(BUILD)/reuse
	/opt/podleash-test/reuse-*/bin/reuse --root $(BUILD)/reuse lint --lines

check: ## run the tests; TESTS="tests/x.bats …" and FILTER=regex choose; EE=1 adds those with a real ansible-core
	@tests/setup $(if $(EE),ee)
	@$(MAKE) --no-print-directory all test-programs
	@BUILD="$(BUILD)" TESTS="$(TESTS)" FILTER="$(FILTER)" EE="$(EE)" SEED="$(SEED)" tests/check

# a sanitizer makes system calls and maps terabytes of its own: tests that fail these are "plain"
check-debug: ## the same with the builds of `make debug`
	@tests/setup
	@$(MAKE) --no-print-directory debug
	@BUILD=build/debug TESTS="$(TESTS)" FILTER="$(FILTER)" TAGS='!plain' tests/check

coverage: ## branch coverage of helper/ and preload/ by all tests and faults (llvm-cov)
	@tests/setup
	@tests/setup coverage
	@BUILD= TESTS="$(TESTS)" FILTER="$(FILTER)" tests/coverage

units: $(units)
programs: $(programs) $(preloads)
test-programs: units programs

faults: ## fail each system call of hold, guard, cancel and sweep, one at a time, as root; ONLY=spec, FEW=1
	@tests/setup
	@$(MAKE) --no-print-directory all test-programs
	@tests/as-root tests/faults $(if $(FEW),--few) $(if $(ONLY),--only $(ONLY))

cross: ## test on aarch64, ppc64le, s390x, musl and i386; ARCH="aarch64 musl" and FILTER=regex choose
	@tests/setup
	@tests/setup cross
	@$(MAKE) --no-print-directory all test-programs
	@FILTER="$(FILTER)" tests/cross $(ARCH)

fuzz: ## fuzz every parser for TIME=60 seconds, or RUNS=n times; FUZZ="record stat" chooses
	@tests/setup fuzz
	@$(MAKE) --no-print-directory fuzz-programs
	@TIME="$(TIME)" RUNS="$(RUNS)" FUZZ="$(FUZZ)" tests/fuzz/run

fuzz-programs: ## build them alone, in build/fuzz
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC="$(FUZZ_CC)" HARDENING= fuzzers \
		CFLAGS="-O2 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"

fuzzers: $(fuzzers)

packages: ## build both packages; check, install, use and remove each in a root of its own, as root
	@tests/setup packages
	@$(MAKE) --no-print-directory rpm deb
	@tests/as-root tests/packages

model: ## every order of the steps of hold, guard, cancel and sweep (spin)
	@tests/setup
	@MODEL_BUILD=$(abspath $(BUILD))/model tests/model/check

matrix: ## the leak tests on three podmans, six ansible-runners and ansible-navigator; ONLY="trixie …", QUICK=1
	@tests/setup matrix
	@QUICK="$(QUICK)" ONLY="$(ONLY)" tests/as-root tests/matrix/run

node: ## the tests on a node with systemd, cgroup 2 and crun, booted in namespaces; ONLY="check", QUICK=1, VM=1: in qemu
	@tests/setup $(if $(VM),vm,node)
	@QUICK="$(QUICK)" ONLY="$(ONLY)" tests/as-root tests/node/$(if $(VM),vm,run)

ansible: ## the role and playbooks of docs/examples/ansible, on two such nodes, over ssh; FILTER=regex chooses
	@tests/setup ansible
	@$(MAKE) --no-print-directory dist deb
	@tests/as-root unshare --pid --fork --kill-child --mount --mount-proc --propagation private bats $(if $(FILTER),--filter "$(FILTER)") tests/node/ansible.bats

clients: ## programs that call podman: molecule, tox, npm and others, run and killed; ONLY="make tox", QUICK=1
	@tests/setup clients
	@$(MAKE) --no-print-directory all
	@QUICK="$(QUICK)" ONLY="$(ONLY)" tests/clients/run

peers: ## tests of podman, CPython and pexpect, with and without podleash; ONLY="cpython podman", QUICK=1
	@tests/setup peers
	@QUICK="$(QUICK)" ONLY="$(ONLY)" tests/as-root tests/peers/run

chaos: ## random signals to RUNS=40 units of random shape; SEED=n repeats
	@tests/setup
	@$(MAKE) --no-print-directory all
	@tests/chaos --runs $(or $(RUNS),40) $(if $(SEED),--seed $(SEED))

bench: ## costs and latencies beside peers, to build/bench; RUNS=percent, QUICK=1, FIGURES="start end"
	@tests/setup
	@tests/setup bench
	@$(MAKE) --no-print-directory all bench-programs
	@tests/as-root tests/bench/run
	@$(if $(QUICK)$(FIGURES),,tests/bench/report)

bench-programs: $(bench)

demo: ## the main job, without and with podleash, on the real podman and ansible-runner; EE=1: a real play
	@tests/setup $(if $(EE),ee)
	@$(MAKE) --no-print-directory all
	@EE="$(EE)" tests/demo

compare: ## measure what each way to end a job leaves behind, and put the table into docs/comparison.md
	@tests/setup
	@$(MAKE) --no-print-directory all
	@tests/as-root tests/compare --into docs/comparison.md

clean: ## remove build/
	rm -rf build 2>/dev/null || tests/as-root rm -rf build

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: bench-programs units programs test-programs fuzzers $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile)

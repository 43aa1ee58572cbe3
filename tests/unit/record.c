/* SPDX-License-Identifier: Apache-2.0 */
/* The record: what it tells, what is none, who holds its lock. */
#include "../../helper/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../helper/util.h"
#include "tap.h"

#define RUN "4711-1a"
#define CID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
/* The least that a record tells. */
#define HEAD  "podleash=1\nboot=b\n"
#define LEAST HEAD "unit=U1\npodman=10,20\nholder=11,21,sh\nconmon_pidfile=/d/c.pid\n"

static int directory;

/* Parses a copy of the @size bytes of @text; the caller frees @run. */
static const char *parse_bytes(struct run *run, const char *text, size_t size)
{
	char *copy = malloc(size + 1);

	memcpy(copy, text, size);
	copy[size] = '\0';
	run_init(run, directory, RUN);
	return record_parse(run, copy, size);
}

static bool refused(const char *text)
{
	struct run run;
	const char *why = parse_bytes(&run, text, strlen(text));

	run_free(&run);
	return why != NULL;
}

static void test_whole(void)
{
	static const char text[] =
		HEAD "unit=U-1\ncreated=18446744073709551615\npodman=10,20\n"
		     "holder=11,21,ansible-runner\nholder=12,22,a, b) c\n"
		     "guard=13,23\nconmon_pidfile=/d/c.pid\npidfile=/d/p.pid\ncwd=/w\n"
		     "namespaces=1 2\nuid=1000\ncidfile=/d/i.cid\ngrace=0\nrestarts=1\n"
		     "detach=1\nremove=1\nname=web\nexecutable=/usr/bin/podman\n"
		     "global=--root\nglobal=/r\nenv=HOME=/root\nenv=PATH=/bin\n"
		     "conmon=14,24\ncontainer=15,25\ncid=" CID "\nruntime=/usr/bin/runc\n"
		     "bundle=/b\nexit_dir=/"
		     "e\nstop_signal=10\nignores=2\nignores=64\ncleanup=podman\ncleanup="
		     "container\ncleanup=cleanup\n";
	struct run run;
	const char *why = parse_bytes(&run, text, sizeof(text) - 1);

	ok(!why, "a whole record is one");
	ok(!strcmp(run.name, RUN) && run.fd == -1, "what is not in it is left");
	ok(!strcmp(run.boot, "b") && !strcmp(run.unit, "U-1") && run.created == UINT64_MAX,
	   "boot, unit, creation");
	ok(run.uid == 1000, "the user");
	ok(run.podman.pid == 10 && run.podman.start == 20 && run.guard.pid == 13 &&
		   run.guard.start == 23 && run.conmon.pid == 14 && run.conmon.start == 24 &&
		   run.container.pid == 15 && run.container.start == 25,
	   "the processes");
	ok(run.holders == 2 && run.holder[0].id.pid == 11 && run.holder[0].id.start == 21 &&
		   !strcmp(run.holder[0].name, "ansible-runner") && run.holder[1].id.pid == 12,
	   "the holders, in their order");
	ok(!strcmp(run.holder[1].name, "a, b) c"), "a holder's name may hold a comma");
	ok(!strcmp(run.conmon_pidfile, "/d/c.pid") && !strcmp(run.pidfile, "/d/p.pid") &&
		   !strcmp(run.cidfile, "/d/i.cid") && !strcmp(run.cwd, "/w"),
	   "the pid files, and the id's");
	ok(!strcmp(run.namespaces, "1 2"), "the namespaces that its processes are of");
	ok(run.grace_ms == 0 && run.stop_signal == 10, "how its container is ended");
	ok(run.ignored == 0x8000000000000002, "what podman was started to ignore");
	ok(run.detach && run.remove && run.restarts && !strcmp(run.container_name, "web") &&
		   !strcmp(run.executable, "/usr/bin/podman"),
	   "how podman was called");
	ok(run.globals == 2 && !strcmp(run.global[1], "/r") && !run.global[2] &&
		   run.environments == 2 && !strcmp(run.environment[0], "HOME=/root") &&
		   !run.environment[2] && run.cleanups == 3 && !strcmp(run.cleanup[2], "cleanup") &&
		   !run.cleanup[3],
	   "the lists, each with a NULL at its end");
	ok(!strcmp(run.cid, CID) && !strcmp(run.runtime, "/usr/bin/runc") &&
		   !strcmp(run.bundle, "/b") && !strcmp(run.exit_dir, "/e"),
	   "the container");
	run_free(&run);
	ok(!run.text && !run.unit[0] && !run.holders && !strcmp(run.name, RUN),
	   "a freed run is only a name");
}

static void test_taken(void)
{
	static const struct {
		const char *behaviour, *more;
	} rows[] = {
		{"the least of a record", ""},
		{"an unknown key", "weather=fine\n"},
		{"an unknown key with escapes", "weather=%e2%98%80\n"},
		{"an unknown key without a value", "weather=\n"},
		{"a key that starts like a known one", "units=a b\n"},
		{"a last line without its newline", "container=15,"},
		{"a last line that is half a key", "contai"},
		{"a last line whose escape is cut", "bundle=%2"},
		{"a later value in place of an earlier one", "pidfile=/a\npidfile=/b\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[512];
		struct run run;

		(void)snprintf(text, sizeof(text), "%s%s", LEAST, rows[i].more);
		ok(!parse_bytes(&run, text, strlen(text)) && !strcmp(run.unit, "U1") &&
			   run.podman.pid == 10 && !run.container.pid && !run.bundle[0],
		   "%s is taken", rows[i].behaviour);
		run_free(&run);
	}

	struct run run;
	ok(!parse_bytes(&run, LEAST, sizeof(LEAST) - 1) && !run.detach && !run.remove &&
		   !run.restarts && run.grace_ms == -1 && !run.stop_signal && !run.ignored &&
		   !run.cidfile[0] && !run.namespaces[0] && !run.exit_dir[0] && !run.guard.pid &&
		   !run.conmon.pid && !run.cid[0] && !run.pidfile[0] && !run.container_name[0] &&
		   !run.globals && !run.global[0] && !run.cleanup[0],
	   "what a record does not tell is empty");
	run_free(&run);
	static const char noes[] = LEAST "detach=yes\nremove=0\nrestarts=11\n";
	(void)parse_bytes(&run, noes, sizeof(noes) - 1);
	ok(!run.detach && !run.remove && !run.restarts, "only 1 is yes");
	run_free(&run);
}

/* Who is podman is known by the id's file, or by conmon's pid file as before 0.2. */
static void test_versions(void)
{
	static const char older[] = LEAST, newer[] = HEAD "unit=U1\npodman=10,20\nholder=11,21,sh\n"
							  "cidfile=/d/i.cid\n";
	static const char neither[] = HEAD "unit=U1\npodman=10,20\nholder=11,21,sh\ncidfile=\n"
					   "conmon_pidfile=\npidfile=/d/p.pid\n";
	struct run run;

	ok(!parse_bytes(&run, older, sizeof(older) - 1) && !run.cidfile[0] &&
		   !strcmp(run.conmon_pidfile, "/d/c.pid"),
	   "a record without the id's file, of an older version, is read");
	run_free(&run);
	ok(!parse_bytes(&run, newer, sizeof(newer) - 1) && !run.conmon_pidfile[0] &&
		   !strcmp(run.cidfile, "/d/i.cid"),
	   "one without pid files, of a container that stays, is read");
	run_free(&run);
	ok(refused(neither), "one with neither is refused");
}

static void test_numbers(void)
{
	static const struct {
		const char *line;
		int grace_ms, stop_signal; /* what was read, else -1 and 0 */
	} taken[] = {
		{"grace=1\n", 1, 0},
		{"grace=3600000\n", 3600000, 0},
		{"grace=7000\ngrace=0\n", 0, 0},
		{"stop_signal=0\n", -1, 0},
		{"stop_signal=15\n", -1, 15},
		{"stop_signal=15\nstop_signal=2\n", -1, 2},
	};
	static const char *const bad[] = {
		"grace=",
		"grace=-1",
		"grace=+1",
		"grace= 1",
		"grace=1 ",
		"grace=1s",
		"grace=0x1",
		"grace=3600001",
		"grace=soon",
		"stop_signal=",
		"stop_signal=-9",
		"stop_signal=SIGTERM",
		"grace=4294967297",
		"grace=18446744073709551617",
		"stop_signal=4294967305",
		"ignores=",
		"ignores=0",
		"ignores=65",
		"ignores=SIGINT",
	};
	char text[512];
	struct run run;

	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", LEAST, taken[i].line);
		ok(!parse_bytes(&run, text, strlen(text)) && run.grace_ms == taken[i].grace_ms &&
			   run.stop_signal == taken[i].stop_signal,
		   "%.*s is taken", (int)strcspn(taken[i].line, "\n"), taken[i].line);
		run_free(&run);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		(void)snprintf(text, sizeof(text), "%s%s\n", LEAST, bad[i]);
		ok(refused(text), "%s is refused", bad[i]);
	}
	(void)snprintf(text, sizeof(text), "%sstop_signal=%d\n", LEAST, SIGRTMAX);
	ok(!refused(text), "the largest signal is taken");
	(void)snprintf(text, sizeof(text), "%sstop_signal=%d\n", LEAST, SIGRTMAX + 1);
	ok(refused(text), "one above it is refused");
}

static void test_refused(void)
{
	static const struct {
		const char *behaviour, *text;
	} rows[] = {
		{"nothing", ""},
		{"a newline", "\n"},
		{"a first line without its newline", "podleash=1"},
		{"a first line alone", "podleash=1\n"},
		{"a version that is not ours", "podleash=2\nboot=b\n"},
		{"a version that starts like ours", "podleash=10\nboot=b\n"},
		{"another first line", "boot=b\npodleash=1\n"},
		{"a script", "#!/bin/sh\nexit 0\n"},
		{"no boot", "podleash=1\nunit=U1\npodman=1,2\nholder=1,2,sh\nconmon_pidfile=/c\n"},
		{"no unit", HEAD "podman=1,2\nholder=1,2,sh\nconmon_pidfile=/c\n"},
		{"no podman", HEAD "unit=U1\nholder=1,2,sh\nconmon_pidfile=/c\n"},
		{"no holder", HEAD "unit=U1\npodman=1,2\nconmon_pidfile=/c\n"},
		{"neither the id's file nor conmon's", HEAD "unit=U1\npodman=1,2\nholder=1,2,sh\n"},
		{"its last needed line torn",
		 HEAD "unit=U1\npodman=1,2\nholder=1,2,sh\nconmon_pidfile=/c"},
		{"an empty line", LEAST "\n"},
		{"a line without =", LEAST "container\n"},
		{"a line without = before one with it", LEAST "weather\ncwd=/\n"},
		{"a unit that is a path", LEAST "unit=../../etc\n"},
		{"a unit that is hidden", LEAST "unit=.a\n"},
		{"an empty unit", LEAST "unit=\n"},
		{"a unit whose escape makes it two lines", LEAST "unit=a%0ab\n"},
		{"a container id that is too short", LEAST "cid=0123\n"},
		{"a container id that is a flag", LEAST "cid=--all\n"},
		{"a process without its start", LEAST "conmon=14\n"},
		{"a process without a pid", LEAST "conmon=,24\n"},
		{"process 0", LEAST "conmon=0,24\n"},
		{"a negative pid, which is a group", LEAST "conmon=-1,24\n"},
		{"a pid with a sign", LEAST "conmon=+14,24\n"},
		{"a pid with a blank", LEAST "conmon= 14,24\n"},
		{"a pid of more than 31 bits", LEAST "conmon=4294967310,24\n"},
		{"a negative start", LEAST "conmon=14,-24\n"},
		{"a start with a sign", LEAST "conmon=14,+24\n"},
		{"a start of more than 64 bits", LEAST "conmon=14,18446744073709551616\n"},
		{"a start with letters", LEAST "conmon=14,24x\n"},
		{"an empty start", LEAST "conmon=14,\n"},
		{"a name where none belongs", LEAST "conmon=14,24,sh\n"},
		{"a holder without its start", LEAST "holder=14\n"},
		{"a creation that is no number", LEAST "created=now\n"},
		{"a negative creation", LEAST "created=-1\n"},
		{"an escape that is none", LEAST "bundle=%zz\n"},
		{"half an escape", LEAST "bundle=%2\n"},
		{"a % alone", LEAST "bundle=%\n"},
		{"an escaped NUL", LEAST "bundle=a%00b\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(refused(rows[i].text), "%s is refused", rows[i].behaviour);

	static const char nul[] = LEAST "bundle=/a\0b\n";
	struct run run;
	ok(parse_bytes(&run, nul, sizeof(nul) - 1) != NULL, "a NUL byte is refused");
	run_free(&run);
}

/* Whether LEAST and @count times @line is a record. */
static bool takes_lines(const char *line, size_t count, struct run *run)
{
	size_t length = strlen(line), size = sizeof(LEAST) - 1;
	char *text = malloc(size + count * length + 1);

	memcpy(text, LEAST, size + 1);
	for (size_t i = 0; i < count; i++, size += length)
		memcpy(text + size, line, length + 1);
	run_init(run, directory, RUN);
	bool taken = !record_parse(run, text, size);
	return taken;
}

static void test_many(void)
{
	static const struct {
		const char *line;
		size_t room; /* besides what LEAST takes */
	} rows[] = {
		{"holder=1,2,sh\n", RUN_HOLDERS - 1},
		{"global=--x\n", RUN_WORDS - 1},
		{"cleanup=x\n", RUN_WORDS - 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct run run;

		ok(takes_lines(rows[i].line, rows[i].room, &run), "%zu times %.6s… is taken",
		   rows[i].room, rows[i].line);
		run_free(&run);
		ok(!takes_lines(rows[i].line, rows[i].room + 1, &run), "one more %.6s… is refused",
		   rows[i].line);
		run_free(&run);
		ok(!takes_lines(rows[i].line, 10000, &run), "10,000 times %.6s… is refused",
		   rows[i].line);
		run_free(&run);
	}
	struct run run;
	ok(takes_lines("env=A=1\n", 10000, &run) && run.environments == RUN_ENVIRONMENT - 1 &&
		   !run.environment[run.environments],
	   "of 10,000 times env=… the first are kept");
	run_free(&run);
	ok(takes_lines("comment=xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", 5000, &run),
	   "5,000 unknown lines are taken");
	run_free(&run);
}

/* Damages every byte of a record in turn: nothing but a verdict may come of it. */
static void test_every_byte(void)
{
	static const char whole[] = LEAST "container=15,25\nbundle=%2fb\ncid=" CID "\n";
	bool sane = true;

	for (size_t at = 0; at < sizeof(whole) - 1; at++) {
		for (unsigned int byte = 0; byte < 256; byte++) {
			char text[sizeof(whole)];
			struct run run;

			memcpy(text, whole, sizeof(whole));
			text[at] = (char)byte;
			if (!parse_bytes(&run, text, sizeof(whole) - 1))
				sane = sane && unit_name_valid(run.unit) && run.podman.pid > 0 &&
				       run.holders == 1 && run.holder[0].id.pid > 0 &&
				       run.container.pid >= 0 &&
				       (!run.cid[0] || cid_valid(run.cid));
			run_free(&run);
		}
	}
	ok(sane, "a record with any one byte changed is refused, or sane");
	for (size_t size = 0; size < sizeof(whole); size++) {
		struct run run;

		if (!parse_bytes(&run, whole, size))
			sane = sane && run.holders == 1 &&
			       (run.container.pid == 0 || run.container.start == 25);
		else
			sane = sane && size < sizeof(LEAST) - 1;
		run_free(&run);
	}
	ok(sane, "a record that is cut anywhere tells no half value");
}

static struct draft least(void)
{
	struct draft draft = {0};

	draft_add(&draft, "podleash", "1");
	draft_add(&draft, "boot", "b");
	draft_add(&draft, "unit", "U1");
	draft_add_number(&draft, "created", UINT64_MAX);
	draft_add_process(&draft, "podman", (struct process){INT32_MAX, UINT64_MAX}, NULL);
	draft_add_process(&draft, "holder", (struct process){11, 21}, "a, b\n");
	draft_add(&draft, "conmon_pidfile", "/d/c.pid");
	return draft;
}

static int publish(void)
{
	struct draft draft = least();
	const char *why;

	return record_publish(&draft, directory, RUN, &why);
}

static void test_round_trip(void)
{
	char every[256], *to = every;
	struct draft draft = least(), more = {0};
	struct run run, again;
	const char *why;
	struct stat st;

	for (int byte = 1; byte < 256; byte++)
		*to++ = (char)byte;
	*to = '\0';
	draft_add(&draft, "bundle", every);
	draft_add(&draft, "cwd", "/a\nunit=other\npidfile=/etc/passwd");
	int fd = record_publish(&draft, directory, RUN, &why);
	ok(fd >= 0 && !draft.text, "a record is published");
	ok(!fstatat(directory, RUN RECORD_SUFFIX, &st, AT_SYMLINK_NOFOLLOW) &&
		   (st.st_mode & 07777) == 0600 && S_ISREG(st.st_mode),
	   "it is its owner's alone");
	ok(faccessat(directory, "." RUN RECORD_SUFFIX, F_OK, 0) && errno == ENOENT,
	   "its temporary is gone");
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "it is not handed down");

	ok(record_open(&run, directory, RUN, false, &why), "it is read back");
	ok(!strcmp(run.bundle, every), "every byte comes back as it was");
	ok(!strcmp(run.unit, "U1") && !run.pidfile[0] &&
		   !strcmp(run.cwd, "/a\nunit=other\npidfile=/etc/passwd"),
	   "a newline in a value makes no line");
	ok(run.podman.pid == INT32_MAX && run.podman.start == UINT64_MAX &&
		   run.created == UINT64_MAX && !strcmp(run.holder[0].name, "a, b\n"),
	   "the largest numbers and a holder's nasty name come back");

	run.fd = fd;
	draft_add_process(&more, "conmon", (struct process){14, 24}, NULL);
	draft_add(&more, "cid", CID);
	ok(record_append(&run, &more) && !more.text, "lines are appended");
	ok(record_open(&again, directory, RUN, false, &why) && again.conmon.pid == 14 &&
		   !strcmp(again.cid, CID) && !strcmp(again.bundle, every),
	   "and read back behind the others");
	run_free(&again);
	run_free(&run);
	record_remove(&run);
	ok(!record_open(&again, directory, RUN, false, &why) && errno == ENOENT, "it is removed");
}

static void test_lock(void)
{
	struct run run, other;
	const char *why;
	int fd = publish();

	ok(!record_open(&other, directory, RUN, true, &why) && errno == EWOULDBLOCK,
	   "a published record is locked");
	ok(record_open(&other, directory, RUN, false, &why), "a locked record can be read");
	run_free(&other);
	struct draft draft = least();
	(void)record_publish(&draft, directory, "4712-1a", &why);
	ok(true, "another run's record has a lock of its own");

	/* a guard has the descriptor by inheritance: the lock is free when the last one is closed
	 */
	pid_t child = fork();
	if (child == 0) {
		(void)pause();
		_exit(0);
	}
	(void)close(fd);
	ok(!record_open(&other, directory, RUN, true, &why) && errno == EWOULDBLOCK,
	   "the lock stays with the process that inherited it");
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	ok(record_open(&run, directory, RUN, true, &why),
	   "the lock is free when that one was killed");
	ok(!record_open(&other, directory, RUN, true, &why) && errno == EWOULDBLOCK,
	   "and is taken by the one who opened it");
	run_free(&run);
	ok(record_open(&run, directory, RUN, true, &why), "which gives it up again");
	record_remove(&run);
	ok(!record_open(&other, directory, RUN, true, &why) && errno == ENOENT,
	   "a removed record is ENOENT");
	run_free(&run);
	run_init(&run, directory, "4712-1a");
	record_remove(&run);
}

static void test_guarded(void)
{
	static const char name[] = RUN RECORD_SUFFIX;
	struct run run;
	int fd = publish();

	ok(!record_is_unguarded(directory, RUN), "a record that is locked is guarded");
	(void)close(fd);
	ok(record_is_unguarded(directory, RUN), "one that nobody has locked is not");
	fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	(void)flock(fd, LOCK_SH);
	ok(record_is_unguarded(directory, RUN), "who looks at the same time guards nothing");
	const char *why;
	(void)flock(fd, LOCK_UN);
	(void)record_is_unguarded(directory, RUN);
	ok(flock(fd, LOCK_EX | LOCK_NB) == 0, "the look leaves no lock behind");
	(void)close(fd);
	(void)record_open(&run, directory, RUN, true, &why);
	ok(!record_is_unguarded(directory, RUN), "one that is ended is guarded");
	record_remove(&run);
	run_free(&run);
	ok(!record_is_unguarded(directory, RUN), "of one that is not there it cannot be told");
	(void)!symlinkat("/dev/null", directory, name);
	ok(!record_is_unguarded(directory, RUN), "nor of a symlink");
	(void)unlinkat(directory, name, 0);
}

static void test_set_cid(void)
{
	static const char *const bad[] = {"", "0123", CID "0", CID "\n", "--all"};
	struct run run, again;
	const char *why;

	run_init(&run, directory, RUN);
	run.fd = publish();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		run_set_cid(&run, bad[i]);
	ok(!run.cid[0] && record_open(&again, directory, RUN, false, &why) && !again.cid[0],
	   "what is no id is neither kept nor written down");
	run_free(&again);
	run_set_cid(&run, CID);
	ok(!strcmp(run.cid, CID), "an id is kept");
	ok(record_open(&again, directory, RUN, false, &why) && !strcmp(again.cid, CID) &&
		   !strcmp(again.unit, "U1"),
	   "and appended to the record");
	run_free(&again);
	record_remove(&run);
	run_free(&run);
	run_set_cid(&run, CID);
	ok(!strcmp(run.cid, CID) && !record_exists(directory, RUN),
	   "without a record that is open it is kept");
}

static void put(const char *name, const char *text)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)!write(fd, text, strlen(text));
	(void)close(fd);
}

/* Whether RUN.run is refused with @lock and without; only with it where @locked_only. */
static bool not_opened(bool locked_only)
{
	struct run run;
	const char *why = NULL;
	bool refuses = !record_open(&run, directory, RUN, true, &why) && why && errno;

	if (!locked_only)
		refuses =
			!record_open(&run, directory, RUN, false, &why) && why && errno && refuses;
	else
		run_free(&run);
	return refuses;
}

static void test_files(void)
{
	static const char name[] = RUN RECORD_SUFFIX;
	struct run run;
	const char *why;

	put(name, LEAST);
	ok(record_open(&run, directory, RUN, true, &why), "a plain file is opened");
	run_free(&run);

	put(name, "podleash=2\n");
	errno = 0;
	ok(!record_open(&run, directory, RUN, true, &why) && errno == EBADMSG,
	   "a damaged one is EBADMSG");

	put(name, LEAST);
	int fd = openat(directory, name, O_WRONLY);
	(void)!ftruncate(fd, (off_t)RECORD_LIMIT + 1);
	ok(not_opened(false), "one that is too large is refused");
	(void)!ftruncate(fd, (off_t)1 << 40);
	ok(not_opened(false), "one of a terabyte is refused, at once");
	(void)close(fd);
	(void)unlinkat(directory, name, 0);

	put("other", LEAST);
	(void)!symlinkat("other", directory, name);
	ok(not_opened(false), "a symlink is refused");
	(void)unlinkat(directory, name, 0);
	(void)!linkat(directory, "other", directory, name, 0);
	ok(not_opened(true), "a file with a second name is refused");
	(void)unlinkat(directory, name, 0);
	(void)unlinkat(directory, "other", 0);
	(void)mkfifoat(directory, name, 0600);
	ok(not_opened(false), "a FIFO is refused, at once");
	(void)unlinkat(directory, name, 0);
	(void)mkdirat(directory, name, 0700);
	ok(not_opened(false), "a directory is refused");
	(void)unlinkat(directory, name, AT_REMOVEDIR);
}

static void test_taken_names(void)
{
	put("." RUN RECORD_SUFFIX, "");
	ok(publish() < 0 && errno == EEXIST, "a temporary that is there is not written over");
	(void)unlinkat(directory, "." RUN RECORD_SUFFIX, 0);
	struct draft failed = {.failed = true};
	const char *why;

	ok(record_publish(&failed, directory, RUN, &why) < 0,
	   "what memory was short for is not published");
	struct names names;
	ok(names_read(directory, &names) && names.count == 0, "neither leaves a file");
	names_free(&names);
}

/* Publishes one with @count global flags more, and a value of @length more; returns why not. */
static const char *publish_large(size_t count, size_t length)
{
	struct draft draft = least();
	char *value = calloc(1, length + 1);
	const char *why;

	memset(value, 'x', length);
	for (size_t i = 0; i < count; i++)
		draft_add(&draft, "global", "--x");
	draft_add(&draft, "env", value);
	free(value);
	int fd = record_publish(&draft, directory, RUN, &why);
	if (fd < 0)
		return why;
	(void)close(fd);
	(void)unlinkat(directory, RUN RECORD_SUFFIX, 0);
	return NULL;
}

static void test_too_large(void)
{
	struct names names;

	ok(!publish_large(RUN_GLOBALS, 0), "%d global flags are published", RUN_GLOBALS);
	const char *why = publish_large(RUN_GLOBALS + 1, 0);
	ok(why && strstr(why, "global flags"), "one more is not, as conmon's may be too many then");
	ok(publish_large(1000, 0), "nor is what the guard would not read");
	ok(!publish_large(0, RECORD_LIMIT / 3), "a long value is published");
	why = publish_large(0, RECORD_LIMIT / 2);
	ok(why && strstr(why, "too long"), "one that leaves no room for what is learned is not");
	ok(names_read(directory, &names) && names.count == 0, "none of them leaves a file");
	names_free(&names);
}

/* A job may have any umask. */
static void test_umask(void)
{
	mode_t before = umask(0777);
	struct stat st;
	int fd = publish();

	ok(fd >= 0 && !fstat(fd, &st) && (st.st_mode & 07777) == 0600,
	   "under a umask of 0777 it is its owner's to read");
	ok(umask(before) == 0777, "the umask stays");
	(void)close(fd);
	(void)unlinkat(directory, RUN RECORD_SUFFIX, 0);
}

/* A file size limit is a disk that is full: the write comes short or fails. */
static void test_no_room(void)
{
	struct rlimit before, few = {0};
	struct draft long_one = {0}, more = {0}, one = {0};
	struct run run;
	const char *why;
	char large[2048];
	struct stat st, after;

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)getrlimit(RLIMIT_FSIZE, &before);
	few = before;

	long_one = least();
	draft_add(&long_one, "bundle", large);
	few.rlim_cur = 1024;
	(void)setrlimit(RLIMIT_FSIZE, &few);
	bool refuses = record_publish(&long_one, directory, RUN, &why) < 0 && errno == EFBIG;
	(void)setrlimit(RLIMIT_FSIZE, &before); /* our own stdout may be a file as well */
	ok(refuses, "a record that there is no room for is not published");
	struct names names;
	ok(names_read(directory, &names) && names.count == 0, "and leaves no file");
	names_free(&names);

	int fd = publish();
	(void)fstat(fd, &st);
	run_init(&run, directory, RUN);
	run.fd = fd;
	draft_add(&more, "bundle", large);
	few.rlim_cur = (rlim_t)st.st_size + 100;
	(void)setrlimit(RLIMIT_FSIZE, &few);
	refuses = !record_append(&run, &more);
	(void)setrlimit(RLIMIT_FSIZE, &before);
	ok(refuses, "a line that there is no room for is not appended");
	(void)fstat(fd, &after);
	ok(after.st_size == st.st_size, "nor is half of it");
	draft_add(&one, "bundle", "/b");
	ok(record_append(&run, &one), "the next line is appended");
	run_free(&run);
	ok(record_open(&run, directory, RUN, true, &why) && !strcmp(run.bundle, "/b"),
	   "and is not spoilt");
	record_remove(&run);
	run_free(&run);
}

static void test_remove(void)
{
	static const char *const others[] = {"4711-1b.run", "4711-1b.pid",  "4711-1b.cid",
					     "my.pid",	    "cancelled.U1", "4711-1a"};
	struct names names;
	struct run run;

	put(RUN ".run", LEAST);
	put(RUN ".pid", "2147483647\n"); /* no process has that */
	put(RUN ".conmon.pid", "2147483647\n");
	put(RUN ".cid", CID);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		put(others[i], "");
	run_init(&run, directory, RUN);
	record_remove(&run);
	ok(names_read(directory, &names) && names.count == ARRAY_SIZE(others),
	   "a run's four files are removed, and no other's");
	names_free(&names);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		(void)unlinkat(directory, others[i], 0);
}

static void test_place(struct run *run, const char *boot)
{
	char place[PLACE_SIZE], other[PLACE_SIZE + 4];
	uintmax_t pids = 0, time = 0;

	place_name(place);
	ok(sscanf(place, "%ju %ju", &pids, &time) == 2 && pids == proc_namespace(0, "pid") &&
		   time == proc_namespace(0, "time"),
	   "a place names the pid and the time namespace");
	run->namespaces = other;
	(void)snprintf(other, sizeof(other), "%ju %ju", pids + 1, time);
	ok(run_place(run) == PLACE_EARLIER_BOOT,
	   "of another boot nothing is left, in whatever namespace it was");
	run->boot = boot;
	ok(run_place(run) == PLACE_ELSEWHERE, "a run of another pid namespace");
	(void)snprintf(other, sizeof(other), "%ju %ju", pids, time + 1);
	ok(run_place(run) == PLACE_ELSEWHERE, "a run of another time namespace");
	run->namespaces = place;
	ok(run_place(run) == PLACE_HERE, "a run of these");
	run->namespaces = "";
	ok(run_place(run) == PLACE_HERE, "a run of a record that names none");
}

static void test_small(void)
{
	struct run run;
	char boot[BOOT_ID_SIZE];

	ok(cid_valid(CID), "a container id is one");
	ok(!cid_valid("") && !cid_valid(CID "0") && !cid_valid(&CID[1]) &&
		   !cid_valid("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"),
	   "shorter, longer and capital ones are none");

	proc_boot_id(boot);
	run_init(&run, directory, RUN);
	run.boot = boot;
	ok(strlen(boot) == 36 && run_place(&run) == PLACE_HERE, "a run of this boot");
	run.boot = BOOT_OF_TMPFS;
	ok(run_place(&run) == PLACE_HERE, "a run that was written where no boot id can be read");
	run.boot = "00000000-0000-0000-0000-000000000000";
	ok(run_place(&run) == PLACE_EARLIER_BOOT, "a run of another boot");
	test_place(&run, boot);

	static const char *const kept[] = {"HOME=/root",	   "PATH=/bin",
					   "XDG_RUNTIME_DIR=/run", "CONTAINERS_CONF=/c",
					   "STORAGE_DRIVER=vfs",   "REGISTRY_AUTH_FILE=/a",
					   "TMPDIR=/tmp"};
	static const char *const secret[] = {"PASSWORD=x",   "HOMES=x", "MY_HOME=/", "AWS_SECRET=x",
					     "LD_PRELOAD=x", "",	"=HOME="};
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		ok(is_storage_variable(kept[i]), "%s is kept for podman", kept[i]);
	for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
		ok(!is_storage_variable(secret[i]), "'%s' is not written down", secret[i]);
}

int main(void)
{
	char path[] = "/tmp/unit-record.XXXXXX";

	if (!ok(mkdtemp(path) != NULL, "a directory to test in"))
		return done();
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_small();
	test_whole();
	test_taken();
	test_versions();
	test_numbers();
	test_refused();
	test_many();
	test_every_byte();
	test_round_trip();
	test_lock();
	test_guarded();
	test_set_cid();
	test_files();
	test_taken_names();
	test_too_large();
	test_umask();
	test_no_room();
	test_remove();
	(void)close(directory);
	ok(rmdir(path) == 0, "nothing is left in it");
	return done();
}

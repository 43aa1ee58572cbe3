/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "file.h"
#include "grace.h"
#include "handle.h"
#include "log.h"
#include "util.h"

/* Besides the record: the id, two pid files, and what conmon and the runtime rename to these. */
#define RUN_FILES 5

#define TMPFS 0x01021994 /* statfs(2); musl's compiler has no linux/magic.h */

bool cid_valid(const char *cid)
{
	return strlen(cid) == CID_SIZE - 1 && strspn(cid, "0123456789abcdef") == CID_SIZE - 1;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Undoes %XX in place. Returns false where it is none, or hides a NUL. */
static bool unescape(char *value)
{
	char *to = value;

	for (; *value; value++) {
		if (*value != '%') {
			*to++ = *value;
			continue;
		}
		int high = hex_digit(value[1]);
		int low = high < 0 ? -1 : hex_digit(value[2]);

		if (low < 0 || high * 16 + low == 0)
			return false;
		*to++ = (char)(high * 16 + low);
		value += 2;
	}
	*to = '\0';
	return true;
}

static bool parse_number(const char *text, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0;
}

/* "PID,START" or "PID,START,NAME"; @name may be NULL. */
static bool parse_process(char *text, struct process *id, char name[16])
{
	char *comma = strchr(text, ',');
	char *rest = comma ? strchr(comma + 1, ',') : NULL;

	if (!comma || (rest && !name))
		return false;
	*comma = '\0';
	if (rest) {
		*rest = '\0';
		(void)snprintf(name, 16, "%.15s", rest + 1);
	}
	id->pid = proc_parse_pid(text, strlen(text));
	return id->pid && parse_number(comma + 1, &id->start);
}

/* Keeps @value in a NULL-terminated list of @size. */
static bool keep(const char **list, size_t *count, size_t size, const char *value)
{
	if (*count + 1 >= size)
		return false;
	list[(*count)++] = value;
	return true;
}

static bool parse_holder(struct run *run, char *value)
{
	struct holder *holder = &run->holder[run->holders];

	return run->holders < RUN_HOLDERS && parse_process(value, &holder->id, holder->name) &&
	       ++run->holders;
}

static bool take_cid(struct run *run, const char *cid)
{
	if (!cid_valid(cid))
		return false;
	memcpy(run->cid, cid, sizeof(run->cid));
	return true;
}

static bool parse_small(const char *value, int most, int *number)
{
	uint64_t parsed;

	if (!parse_number(value, &parsed) || parsed > (uint64_t)most)
		return false;
	*number = (int)parsed;
	return true;
}

static bool parse_ignored(struct run *run, const char *value)
{
	int signal;

	if (!parse_small(value, 64, &signal) || !signal)
		return false;
	run->ignored |= 1ULL << (signal - 1);
	return true;
}

/* The member that a key stands for: one of these. */
struct member {
	const char *key, **text;
	struct process *process;
	bool *flag;
};

static bool find_member(struct run *run, const char *key, struct member *found)
{
	const struct member members[] = {
		{"boot", .text = &run->boot},
		{"namespaces", .text = &run->namespaces},
		{"cidfile", .text = &run->cidfile},
		{"conmon_pidfile", .text = &run->conmon_pidfile},
		{"pidfile", .text = &run->pidfile},
		{"cwd", .text = &run->cwd},
		{"executable", .text = &run->executable},
		{"name", .text = &run->container_name},
		{"runtime", .text = &run->runtime},
		{"bundle", .text = &run->bundle},
		{"exit_dir", .text = &run->exit_dir},
		{"podman", .process = &run->podman},
		{"guard", .process = &run->guard},
		{"conmon", .process = &run->conmon},
		{"container", .process = &run->container},
		{"detach", .flag = &run->detach},
		{"remove", .flag = &run->remove},
		{"restarts", .flag = &run->restarts},
		{"own_pids", .flag = &run->own_pids},
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		*found = members[i];
		if (equal(key, found->key))
			return true;
	}
	return false;
}

static bool parse_member(const struct member *member, char *value)
{
	if (member->text)
		*member->text = value;
	else if (member->flag)
		*member->flag = equal(value, "1");
	return !member->process || parse_process(value, member->process, NULL);
}

/* One line; returns false where the value is none for its key. Unknown keys are fine. */
static bool parse_line(struct run *run, const char *key, char *value)
{
	struct member member;

	if (equal(key, "conmon")) /* after a restart the container has another init */
		run->container = (struct process){0};
	if (find_member(run, key, &member))
		return parse_member(&member, value);
	if (equal(key, "holder"))
		return parse_holder(run, value);
	if (equal(key, "unit"))
		return unit_name_valid(run->unit = value);
	if (equal(key, "cid"))
		return take_cid(run, value);
	if (equal(key, "created"))
		return parse_number(value, &run->created);
	if (equal(key, "uid"))
		return parse_number(value, &run->uid);
	if (equal(key, "mounts"))
		return parse_number(value, &run->mounts);
	if (equal(key, "grace"))
		return parse_small(value, GRACE_MAX * 1000, &run->grace_ms);
	if (equal(key, "stop_signal"))
		return parse_small(value, SIGRTMAX, &run->stop_signal);
	if (equal(key, "ignores"))
		return parse_ignored(run, value);
	if (equal(key, "global"))
		return keep(run->global, &run->globals, RUN_WORDS, value);
	if (equal(key, "cleanup"))
		return keep(run->cleanup, &run->cleanups, RUN_WORDS, value);
	if (equal(key, "env")) /* more than there is room for is left out */
		(void)keep(run->environment, &run->environments, RUN_ENVIRONMENT, value);
	return true;
}

void run_init(struct run *run, int directory, const char *name)
{
	*run = (struct run){.directory = directory, .fd = -1, .grace_ms = -1, .uid = NO_UID};
	run->boot = run->unit = run->conmon_pidfile = run->pidfile = run->cwd = "";
	run->namespaces = run->cidfile = run->exit_dir = "";
	run->container_name = run->executable = run->runtime = run->bundle = "";
	(void)snprintf(run->name, sizeof(run->name), "%s", name);
}

bool is_storage_variable(const char *variable)
{
	static const char *const names[] = {
		"HOME=",	   "PATH=",
		"TMPDIR=",	   "REGISTRY_AUTH_FILE=",
		"XDG_CACHE_HOME=", "XDG_CONFIG_HOME=",
		"XDG_DATA_HOME=",  "XDG_RUNTIME_DIR=",
		"CONTAINERS_",	   "STORAGE_",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (after(variable, names[i]))
			return true;
	return false;
}

const char *record_parse(struct run *run, char *text, size_t size)
{
	char *line = text, *end;
	bool first = true;

	run->text = text;
	if (memchr(text, '\0', size))
		return "a NUL byte in it";
	for (; (end = strchr(line, '\n')); line = end + 1, first = false) {
		*end = '\0';
		char *value = strchr(line, '=');

		if (first && !equal(line, "podleash=1"))
			return "not a record of this version";
		if (!value)
			return "a line without '='";
		*value++ = '\0';
		if (!unescape(value) || !parse_line(run, line, value))
			return "a value that its key does not take";
	}
	if (first || !run->boot[0] || !run->unit[0] || !run->podman.pid || !run->holders ||
	    !(run->cidfile[0] || run->conmon_pidfile[0])) /* an older one has no cidfile= */
		return "incomplete";
	return NULL;
}

bool record_read(struct run *run, const char **why)
{
	size_t size = 0;
	/* a file description of its own: the guard's offset stays where appending needs it */
	char *text = read_own_file(run->directory, run_file(run->name, RECORD_SUFFIX).text,
				   RECORD_LIMIT, &size);

	if (!text) {
		*why = file_error();
		return false;
	}
	*why = record_parse(run, text, size);
	if (*why)
		errno = EBADMSG;
	return !*why;
}

/* Opens the record and takes its lock. False with errno. */
static bool open_locked(struct run *run)
{
	const struct file_name path = run_file(run->name, RECORD_SUFFIX);
	struct stat st;

	run->fd = file_open_own(run->directory, path.text, O_RDWR | O_APPEND);
	/* what cannot be appended to can be locked, and its run ended */
	if (run->fd < 0 && (errno == EROFS || errno == EACCES))
		run->fd = file_open_own(run->directory, path.text, O_RDONLY);
	/* locked and still there: the guard that had it did not end meanwhile */
	if (run->fd < 0 || flock(run->fd, LOCK_EX | LOCK_NB) || fstat(run->fd, &st))
		return false;
	errno = ENOENT;
	return st.st_nlink > 0;
}

bool record_open(struct run *run, int directory, const char *name, bool lock, const char **why)
{
	run_init(run, directory, name);
	if (lock && !open_locked(run))
		*why = file_error();
	else if (record_read(run, why))
		return true;
	run_free(run);
	return false;
}

void record_unlock(struct run *run)
{
	cleanup_close(&run->fd);
	run->fd = -1;
}

bool record_is_one(int directory, const char *name)
{
	static const char first[] = "podleash=";
	char text[sizeof(first)] = "";
	_cleanup_close_ int fd = file_open_own(directory, name, O_RDONLY);

	return fd >= 0 && read(fd, text, sizeof(first) - 1) > 0 && equal(text, first);
}

/* Whether the file @name is there; also where that cannot be told. */
static bool is_there(int directory, const char *name)
{
	return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

bool record_exists(int directory, const char *name)
{
	return is_there(directory, run_file(name, RECORD_SUFFIX).text);
}

void run_free(struct run *run)
{
	char name[RUN_SIZE];

	record_unlock(run);
	cleanup_free(&run->text);
	words_free(&run->learned);
	memcpy(name, run->name, sizeof(name));
	run_init(run, run->directory, name); /* nothing leads to what is freed */
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

/* What it may come to: conmon's paths, and its exit command, which repeats global flags. */
static size_t later_size(const struct draft *draft)
{
	return 2 * draft->size + (16U << 10);
}

/* Whether it is read back, by the guard first of all. False with errno and @why. */
static bool is_readable(const struct draft *draft, const char **why)
{
	char *copy = draft->failed ? NULL : strndup(draft->text, draft->size);
	struct run run; /* it owns nothing but the copy */

	run_init(&run, -1, "");
	if (!copy) {
		errno = ENOMEM;
		*why = strerror(errno);
		return false;
	}
	*why = record_parse(&run, copy, draft->size);
	if (!*why && run.globals > RUN_GLOBALS)
		*why = "too many global flags of podman's";
	if (!*why && later_size(draft) > RECORD_LIMIT)
		*why = "too long flags and variables of podman's";
	free(copy);
	errno = E2BIG;
	return !*why;
}

/* Whether there is room for the record and five small files more. False with errno. */
static bool has_room(const struct draft *draft, int fd)
{
	struct statvfs fs;

	/* some file systems do not tell */
	if (fstatvfs(fd, &fs) || !fs.f_blocks)
		return true;
	uint64_t blocks = geteuid() == 0 ? fs.f_bfree : fs.f_bavail;
	uint64_t files = geteuid() == 0 ? fs.f_ffree : fs.f_favail;
	errno = ENOSPC;
	return blocks * fs.f_frsize >= later_size(draft) + RUN_FILES * fs.f_frsize &&
	       (!fs.f_files || files >= RUN_FILES);
}

/* Writes @draft to @temporary and renames that to what stands behind its dot. -1 with errno. */
static int publish(const struct draft *draft, int directory, const char *temporary)
{
	_cleanup_close_ int fd =
		file_open_own(directory, temporary, O_RDWR | O_APPEND | O_CREAT | O_EXCL);

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && has_room(draft, fd) &&
	    write_all(fd, draft->text, draft->size) &&
	    renameat(directory, temporary, directory, temporary + 1) == 0)
		return take_fd(&fd);
	int error = errno;
	(void)unlinkat(directory, temporary, 0); /* sweep removes what stays */
	errno = error;
	return -1;
}

int record_publish(struct draft *draft, int directory, const char *name, const char **why)
{
	char temporary[RUN_SIZE + 8];
	int fd = -1;

	(void)snprintf(temporary, sizeof(temporary), ".%s%s", name, RECORD_SUFFIX);
	if (is_readable(draft, why)) {
		fd = publish(draft, directory, temporary);
		*why = strerror(errno);
	}
	draft_free(draft);
	return fd;
}

bool record_append(const struct run *run, struct draft *draft)
{
	bool written = !draft->failed && run->fd >= 0;
	struct stat before;

	for (size_t at = 0; written && at < draft->size;) {
		const char *end = memchr(draft->text + at, '\n', draft->size - at);
		size_t length = (size_t)(end - (draft->text + at)) + 1;

		written = fstat(run->fd, &before) == 0 &&
			  write(run->fd, draft->text + at, length) == (ssize_t)length;
		/* half a line (a full disk) would spoil the next one */
		if (!written)
			(void)!ftruncate(run->fd, before.st_size);
		at += length;
	}
	draft_free(draft);
	return written;
}

bool run_owns(const struct run *run, const char *path, const char *suffix)
{
	const char *slash = strrchr(path, '/');

	return run->name[0] && slash && equal(slash + 1, run_file(run->name, suffix).text);
}

bool place_name(char place[PLACE_SIZE])
{
	ino_t pid = proc_namespace(0, "pid");

	errno = 0;
	ino_t time = proc_namespace(0, "time");
	bool known = pid && (time || errno == ENOENT); /* before Linux 5.6 there are none */
	(void)snprintf(place, PLACE_SIZE, "%ju %ju", (uintmax_t)pid, (uintmax_t)time);
	return known;
}

void boot_name(int directory, char boot[BOOT_ID_SIZE])
{
	struct statfs fs;

	proc_boot_id(boot);
	if (!boot[0] && fstatfs(directory, &fs) == 0 && fs.f_type == TMPFS)
		(void)strcpy(boot, BOOT_OF_TMPFS);
}

bool boot_is_this(int directory, const char *boot)
{
	char now[BOOT_ID_SIZE];

	boot_name(directory, now);
	return equal(now, boot) || equal(now, BOOT_OF_TMPFS) || equal(boot, BOOT_OF_TMPFS);
}

enum run_place run_place(const struct run *run)
{
	char boot[BOOT_ID_SIZE], place[PLACE_SIZE];

	boot_name(run->directory, boot);
	/* unknown: a record is not thrown away on a guess */
	if (run->boot[0] && !boot_is_this(run->directory, run->boot))
		return boot[0] ? PLACE_EARLIER_BOOT : PLACE_ELSEWHERE;
	/* systemd gives a RuntimeDirectory= with all in it to the next User= */
	if (run->uid != NO_UID && run->uid != geteuid())
		return PLACE_ELSEWHERE;
	(void)place_name(place); /* unknown: as of another one */
	return run->namespaces[0] && !equal(run->namespaces, place) ? PLACE_ELSEWHERE : PLACE_HERE;
}

void run_set_cid(struct run *run, const char *cid)
{
	struct draft draft = {0};

	if (!take_cid(run, cid))
		return;
	draft_add(&draft, "cid", run->cid);
	/* a full disk costs a later reaper this knowledge, not this one */
	(void)record_append(run, &draft);
}

bool record_is_unguarded(int directory, const char *name)
{
	_cleanup_close_ int fd =
		file_open_own(directory, run_file(name, RECORD_SUFFIX).text, O_RDONLY);

	/* shared: who looks at the same time is none */
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0;
}

static bool remove_file(const struct run *run, const char *suffix)
{
	const struct file_name path = run_file(run->name, suffix);

	if (unlinkat(run->directory, path.text, 0) == 0)
		return true;
	int error = errno;
	/* a file system that is read-only says so of what is not there as well */
	if (!is_there(run->directory, path.text))
		return true;
	log_run(run, strerror(error), "%s cannot be removed: %s", path.text, strerror(error));
	return false;
}

/* A pid file of a container that stays may be of a later start of it, which is its owner's. */
static bool remove_pid_file(const struct run *run, const char *suffix, struct process ours)
{
	pid_t pid =
		run->remove ? 0 : read_pid_file(run->directory, run_file(run->name, suffix).text);

	return (pid && pid != ours.pid && pid_may_live(pid)) || remove_file(run, suffix);
}

void record_remove(const struct run *run)
{
	if (!run->name[0])
		return;
	bool conmon = remove_pid_file(run, CONMON_SUFFIX, run->conmon);
	bool container = remove_pid_file(run, CONTAINER_SUFFIX, run->container);
	bool id = remove_file(run, ID_SUFFIX);

	/* the record tells whoever comes next that something is left */
	if (conmon && container && id)
		(void)remove_file(run, RECORD_SUFFIX);
}

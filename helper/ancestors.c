/* SPDX-License-Identifier: Apache-2.0 */
#include "ancestors.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "../preload/podman_command.h"
#include "file.h"
#include "handle.h"
#include "util.h"

#define INIT_ENVIRON_LIMIT (2U << 20)

/*
 * "PLACE PID START BEGAN": place_name() says in which namespaces the rest is meant; it, or the
 * topmost above it, began at boottime_ns() BEGAN.
 */
#define OWNER "PODLEASH_OWNER"

struct owner {
	struct process id;
	uint64_t began;
};

/*
 * Whether @words are a receptor command-runner's (receptor, workceptor/command.go:
 * `receptor … --command-runner command=… params=… unitdir=…`). Writes the basename of its unitdir
 * to @unit, "" where that is no valid unit name.
 */
static bool is_command_runner(const struct words *words, char unit[UNIT_SIZE])
{
	bool found = false;

	for (size_t i = 1; i < words->count; i++) {
		const char *unitdir = found ? after(words->word[i], "unitdir=") : NULL;

		if (equal(words->word[i], "--command-runner"))
			found = true;
		if (!unitdir)
			continue;
		const char *name = path_basename(unitdir);
		(void)snprintf(unit, UNIT_SIZE, "%s", unit_name_valid(name) ? name : "");
		return true;
	}
	return false;
}

/* Whether @pid is a `podleash run`, by its program and its first word. */
static bool is_podleash_run(pid_t pid, const struct words *words)
{
	char own[NAME_MAX + 1], name[NAME_MAX + 1];

	return words->count > 1 && equal(words->word[1], "run") && proc_exe_name(pid, name) &&
	       proc_exe_name(getpid(), own) && equal(own, name);
}

/* Whether orphans are given to @pid: the first process, or a user's systemd. */
static bool is_init(pid_t pid)
{
	struct proc_stat stat;

	return pid <= 1 || (proc_stat(pid, &stat) && equal(stat.name, "systemd"));
}

static bool runs_podleash(pid_t pid)
{
	_cleanup_words_ struct words words;

	return proc_cmdline(pid, &words) && is_podleash_run(pid, &words);
}

/* Whether init itself was started under the leash: the runner is a container's first process. */
static bool init_is_leashed(void)
{
	size_t size = 0;
	static const char name[] = "RECEPTOR_PID_DIRECTORY=";
	_cleanup_free_ char *text = read_file(-1, "/proc/1/environ", INIT_ENVIRON_LIMIT, &size);

	return text && memmem(text, size, name, sizeof(name) - 1);
}

/* Whether systemd started this process, also on a terminal: systemd.exec(5). */
static bool is_service(void)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");

	return pid && strtol(pid, NULL, 10) == getpid();
}

static bool is_orphan(void)
{
	pid_t parent = getppid();
	struct proc_stat self, init;

	/* 0: it was put into this pid namespace, by `podman exec` or nsenter(1) */
	if (!parent || !is_init(parent) || is_service() || !proc_stat(getpid(), &self))
		return false;
	if (runs_podleash(parent)) /* the first process of a container */
		return false;
	if (init_is_leashed() && proc_stat(1, &init) &&
	    (self.session == init.session || self.session == getpid()))
		return false;
	return self.session != getpid() || self.tty != 0;
}

/* Whether @pid was started with our RECEPTOR_PID_DIRECTORY; what cannot be read was not. */
static bool was_started_leashed(pid_t pid)
{
	const char *ours = getenv("RECEPTOR_PID_DIRECTORY");
	_cleanup_words_ struct words words;
	bool readable = proc_environ(pid, &words);
	const char *theirs = env_value(words.word, "RECEPTOR_PID_DIRECTORY");

	return readable && ours && theirs && equal(theirs, ours);
}

/* Reads what @pid has open as @fd. */
static bool read_fd(pid_t pid, int fd, char target[PATH_MAX])
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	ssize_t length = readlink(path, target, PATH_MAX - 1);
	target[length > 0 ? length : 0] = '\0';
	return length > 0;
}

/*
 * Whether @pid is what a command-runner started: its stdout and stderr are the file that receptor
 * keeps beside the unit's `status` (receptor, workceptor/command.go).
 */
static bool is_of_unit(pid_t pid)
{
	char out[PATH_MAX], error[PATH_MAX];

	if (!read_fd(pid, STDOUT_FILENO, out) || !read_fd(pid, STDERR_FILENO, error) ||
	    !equal(out, error))
		return false;
	char *name = strrchr(out, '/');
	if (!name || !equal(name, "/stdout"))
		return false;
	memcpy(name, "/status", sizeof("/status"));
	return access(out, F_OK) == 0;
}

/* Whether @pid, which has lost its parent, is of a unit: the parent was the command-runner. */
static bool is_left(const struct ancestors *ancestors, pid_t pid)
{
	return pid && !ancestors->command_runner && is_of_unit(pid);
}

/* What @words say of the holder at @index: whether it is the last that holds, so far. */
static void judge_holder(struct ancestors *ancestors, size_t index, const struct words *words)
{
	bool command_runner = is_command_runner(words, ancestors->unit);

	ancestors->command_runner = ancestors->command_runner || command_runner;
	if (command_runner || is_podleash_run(ancestors->holder[index].id.pid, words)) {
		ancestors->holders = index + 1;
		ancestors->known = true;
	}
}

/*
 * Writes the chain from the parent upwards, and how many of them hold the leash. Returns false
 * where the command-runner of the topmost has ended, or a `podleash run`.
 */
static bool climb(struct ancestors *ancestors)
{
	pid_t pid = getppid(), child = 0;

	ancestors->holders = 1;
	for (size_t i = 0; i < RUN_HOLDERS && pid > 0; i++) {
		struct holder *holder = &ancestors->holder[i];
		struct proc_stat stat;
		_cleanup_words_ struct words words;
		/* first: who has lost it is exiting by the time of the second */
		bool named = proc_cmdline(pid, &words);
		bool there = proc_stat(pid, &stat);

		if (there) {
			holder->id = (struct process){pid, stat.start};
			memcpy(holder->name, stat.name, sizeof(holder->name));
		}
		if (there && named)
			judge_holder(ancestors, i, &words);
		if (!there) /* hidden by hidepid, or gone since the last step */
			return proc_descends(child, pid) || !is_left(ancestors, child);
		if (!named && stat.exiting && is_left(ancestors, child))
			return false;
		if (is_init(stat.ppid) && is_left(ancestors, pid))
			return false;
		child = pid;
		pid = stat.ppid > 1 ? stat.ppid : 0;
	}
	return true;
}

bool owner_name(pid_t pid, uint64_t began)
{
	struct proc_stat stat;
	char place[PLACE_SIZE], text[PLACE_SIZE + 64];

	if (!proc_stat(pid, &stat) || !place_name(place))
		return false;
	(void)snprintf(text, sizeof(text), "%s %d %" PRIu64 " %" PRIu64, place, (int)pid,
		       stat.start, began);
	return setenv(OWNER, text, 1) == 0;
}

/* False where none is named, or one that is another process here, or at another time. */
static bool find_owner(struct owner *owner)
{
	const char *text = getenv(OWNER);
	char place[PLACE_SIZE];

	(void)place_name(place); /* unknown: as of another one */
	text = text ? after(text, place) : NULL;
	return text && text[0] == ' ' &&
	       sscanf(text, "%d %" SCNu64 " %" SCNu64, &owner->id.pid, &owner->id.start,
		      &owner->began) == 3;
}

bool owner_is_named(void)
{
	struct owner owner;

	return find_owner(&owner);
}

bool owner_ends(int ms)
{
	struct owner owner;
	_cleanup_handle_ struct handle handle = HANDLE_NONE;
	struct proc_stat stat;

	if (!find_owner(&owner))
		return false;
	if (handle_open_exact(&handle, owner.id))
		return handle_wait(&handle, ms);
	/* another user's may be hidden (hidepid) */
	return proc_stat(owner.id.pid, &stat) || (kill(owner.id.pid, 0) && errno == ESRCH);
}

bool owner_lives(void)
{
	return owner_is_named() && !owner_ends(0);
}

/* Adds the owner where it is none of the holders; false where it has ended. */
static bool add_owner(struct ancestors *ancestors)
{
	struct owner owner;
	struct proc_stat stat;

	if (!find_owner(&owner))
		return true;
	for (size_t i = 0; i < ancestors->holders; i++)
		if (is_same_process(ancestors->holder[i].id, owner.id))
			return true;
	if (owner_ends(0))
		return false;
	if (ancestors->holders < RUN_HOLDERS && proc_stat(owner.id.pid, &stat)) {
		ancestors->owner.id = owner.id;
		memcpy(ancestors->owner.name, stat.name, sizeof(stat.name));
		ancestors->known = true;
	}
	return true;
}

const struct holder *ancestors_topmost(const struct ancestors *ancestors)
{
	const struct holder *topmost = &ancestors->holder[ancestors->holders - 1];

	if (ancestors->owner.id.pid)
		return &ancestors->owner;
	for (size_t i = 0; !ancestors->known && i < RUN_HOLDERS; i++)
		if (ancestors->holder[i].id.pid && was_started_leashed(ancestors->holder[i].id.pid))
			topmost = &ancestors->holder[i];
	return topmost;
}

uint64_t ancestors_began(const struct holder *topmost)
{
	struct owner owner;

	return find_owner(&owner) ? owner.began : topmost->id.start * tick_ns();
}

bool ancestors_hold(const struct ancestors *ancestors)
{
	pid_t parent = getppid();

	for (size_t i = 0; i < ancestors->holders; i++) {
		const struct process *id = &ancestors->holder[i].id;
		struct proc_stat stat;

		if (id->pid != parent)
			return false;
		if (!proc_stat(parent, &stat))
			return is_shortage(); /* it may live */
		if (stat.start != id->start)
			return false;
		parent = stat.ppid;
	}
	return !ancestors->owner.id.pid || !owner_ends(0);
}

/* As ancestors_find(), once. Sets @changed where a process ended meanwhile. */
static enum ancestry look_upwards(struct ancestors *ancestors, bool *changed)
{
	pid_t parent = getppid();
	struct proc_stat stat;

	*changed = false;
	memset(ancestors, 0, sizeof(*ancestors));
	/* what a `podleash run` has in the background is its own, whoever started it */
	if (is_orphan() && !owner_lives())
		return ANCESTORS_ENDED;
	if (!climb(ancestors) || !add_owner(ancestors)) {
		ancestors->holders = 0; /* none that could be watched */
		ancestors->command_runner = ancestors->known = false;
		return ANCESTORS_ENDED;
	}
	if (ancestors_hold(ancestors))
		return ANCESTORS_FOUND;
	bool seen = ancestors->holder[0].id.pid != 0;
	*changed = parent != getppid() || (seen && proc_stat(parent, &stat));
	if (*changed)
		return ANCESTORS_ENDED;
	*ancestors = (struct ancestors){0};
	return ANCESTORS_UNKNOWN;
}

enum ancestry ancestors_find(struct ancestors *ancestors)
{
	enum ancestry ancestry = ANCESTORS_UNKNOWN;
	bool changed = true;

	/* each time one more of them has ended, and the owner is what is left */
	for (size_t i = 0; changed && i < RUN_HOLDERS; i++) {
		ancestry = look_upwards(ancestors, &changed);
		changed = changed && owner_lives();
	}
	return ancestry;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "users.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "commands.h"
#include "file.h"
#include "log.h"
#include "piddir.h"
#include "proc.h"
#include "signals.h"
#include "util.h"

/* keyctl(2); <linux/keyctl.h> is not musl's. */
#define KEYCTL_JOIN_SESSION_KEYRING 1

/* login(1)'s for an ordinary user, and where administrators put programs. */
#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

bool users_have(const struct users *users, uid_t uid)
{
	for (size_t i = 0; i < users->count; i++)
		if (users->uid[i] == uid)
			return true;
	return false;
}

/* Whether our user namespace has him, user_namespaces(7): nobody can become another there. */
static bool is_mapped(uid_t uid)
{
	_cleanup_free_ char *map = read_file(AT_FDCWD, "/proc/self/uid_map", 1U << 16, NULL);
	unsigned int first, count;
	int length;

	for (const char *line = map;
	     line && sscanf(line, "%u %*u %u%n", &first, &count, &length) == 2; line += length)
		if (uid - first < count)
			return true;
	return !map;
}

bool users_add(struct users *users, uid_t uid)
{
	if (users_have(users, uid))
		return true;
	if (uid != geteuid() && (!is_mapped(uid) || !getpwuid(uid)))
		return false;
	uid_t *larger = reallocarray(users->uid, users->count + 1, sizeof(*larger));
	if (!larger)
		return false;
	users->uid = larger;
	users->uid[users->count++] = uid;
	return true;
}

/* Adds the user of @what, whose runs nobody can look at where he is not known. */
static void add_user_of(struct users *users, size_t *unknown, uid_t uid, const char *what)
{
	if (!users_add(users, uid) && may_name(unknown))
		print_error("%s: its user, uid %u, is not known here; the runs of this user were "
			    "not looked at",
			    what, (unsigned int)uid);
}

/* Those whose number follows @prefix in the name of a directory of theirs in @path. */
static void add_numbered(struct users *users, size_t *unknown, const char *path, const char *prefix)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	struct stat st;

	while (directory && (entry = readdir(directory))) {
		const char *number = after(entry->d_name, prefix);

		/* anyone may have made it: then it is no user's place */
		if (number && isdigit((unsigned char)number[0]) &&
		    fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode) && st.st_uid == strtoul(number, NULL, 10))
			add_user_of(users, unknown, st.st_uid, entry->d_name);
	}
	if (directory)
		(void)closedir(directory);
}

struct search {
	struct users *users;
	size_t unknown;
};

static bool add_process(pid_t pid, void *context)
{
	struct search *search = context;
	char own[NAME_MAX + 1], exe[NAME_MAX + 1];
	struct proc_status status;

	/* in a container there are users of its own */
	if (proc_exe_name(pid, exe) && proc_exe_name(getpid(), own) && equal(own, exe) &&
	    proc_status(pid, &status) &&
	    (proc_namespace(pid, "pid") == proc_namespace(0, "pid") || getpwuid(status.uid)))
		add_user_of(search->users, &search->unknown, status.uid, exe);
	return true;
}

size_t users_find(struct users *users)
{
	struct search search = {.users = users};

	(void)users_add(users, geteuid());
	(void)users_add(users, piddir_owner("/run/podleash"));
	add_numbered(users, &search.unknown, "/run/user", "");
	add_numbered(users, &search.unknown, "/tmp", "podleash-");
	(void)proc_each(add_process, &search);
	return search.unknown;
}

void users_free(struct users *users)
{
	free(users->uid);
	*users = (struct users){0};
}

/* What was root's is not the user's: HOME leads to his storage, and his guards log elsewhere. */
static bool take_environment(const struct passwd *user)
{
	return clearenv() == 0 && setenv("PATH", USUAL_PATH, 1) == 0 &&
	       setenv("HOME", user->pw_dir, 1) == 0 && setenv("USER", user->pw_name, 1) == 0 &&
	       setenv("LOGNAME", user->pw_name, 1) == 0;
}

void users_drop_rights(void)
{
	file_close_from(STDERR_FILENO + 1);
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL); /* one of his own */
}

static bool become(uid_t uid)
{
	/* the user's own group: a directory's may be anyone's, root's as well */
	const struct passwd *user = getpwuid(uid);

	if (user && setgroups(0, NULL) == 0 && setgid(user->pw_gid) == 0 && setuid(uid) == 0 &&
	    take_environment(user)) {
		log_init(); /* root's file would be made as his */
		users_drop_rights();
		return true;
	}
	print_error("cannot become uid %u: %s; the runs of this user were not looked at",
		    (unsigned int)uid, user ? strerror(errno) : "no such user");
	return false;
}

/* Starts @function as @uid; returns the child, or -1. */
static pid_t start(uid_t uid, const sigset_t *signals, int (*function)(void *), void *context)
{
	pid_t child = fork();

	if (child < 0)
		print_error("uid %u: %s; the runs of this user were not looked at",
			    (unsigned int)uid, strerror(errno));
	if (child)
		return child;
	(void)setsid(); /* what is called as another user finds no terminal to type into */
	if (uid != geteuid() && !become(uid))
		_exit(EXIT_LEFT);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* another user's is taken away */
	(void)sigprocmask(SIG_SETMASK, signals, NULL);
	exit(check_output(function(context)));
}

/* What the child of @uid came to; @told: the signal that we had. */
static int outcome(uid_t uid, const struct child *child, int told)
{
	if (child->pid < 0)
		return EXIT_LEFT;
	if (child->ended && (WIFEXITED(child->status) || WTERMSIG(child->status) == told))
		return end_as(child->status);
	print_error("uid %u: podleash, as this user, was %s; not all of this user's runs were "
		    "looked at",
		    (unsigned int)uid, child->ended ? "killed" : "stopped, or took too long");
	return EXIT_LEFT;
}

static int both(int status, int other)
{
	return status == EXIT_NOTHING ? other : other == EXIT_NOTHING ? status : status | other;
}

int users_call(const struct users *users, bool at_once, int ms, int (*function)(void *),
	       void *context)
{
	int status = EXIT_NOTHING, told = 0;
	size_t started = 0;
	sigset_t before;

	if (users->count == 1 && users->uid[0] == geteuid())
		return function(context);
	struct child *children = calloc(users->count + 1, sizeof(*children));
	if (!children) {
		print_error("%s; nothing was looked at", strerror(errno));
		return EXIT_LEFT;
	}
	children_block(&before);
	for (; started < users->count && !told; started++) {
		children[started].pid = start(users->uid[started], &before, function, context);
		if (!at_once)
			told = children_wait(&children[started], 1, ms);
	}
	if (at_once)
		told = children_wait(children, users->count, ms);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; i < started; i++)
		status = both(status, outcome(users->uid[i], &children[i], told));
	if (started < users->count)
		status = EXIT_LEFT;
	free(children);
	return status;
}

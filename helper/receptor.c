/* SPDX-License-Identifier: Apache-2.0 */
#include "receptor.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "../preload/podman_command.h"
#include "commands.h"
#include "file.h"
#include "handle.h"
#include "log.h"
#include "users.h"
#include "util.h"

#define STATUS_LIMIT (64U << 10)
#define GROUPS_MAX   1024

struct search {
	struct receptor *receptor;
	size_t count;
	bool own; /* our user's are looked for, else those of others */
};

static bool is_daemon(const struct words *words)
{
	if (!equal(path_basename(words->word[0]), "receptor"))
		return false;
	for (size_t i = 1; i < words->count; i++)
		if (equal(words->word[i], "--command-runner"))
			return false;
	return true;
}

/* Whether its caller became another user by it, whose the environment is not. */
static bool is_set_user_id(pid_t pid)
{
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return stat(path, &st) == 0 && st.st_mode & (S_ISUID | S_ISGID);
}

static void find_conf(const struct words *words, struct receptor *receptor)
{
	const char *conf = NULL;

	for (char **word = words->word + 1; *word && !conf; word++)
		conf = equal(*word, "--config") || equal(*word, "-c") ? word[1]
								      : after(*word, "--config=");
	(void)snprintf(receptor->conf, sizeof(receptor->conf), "%s", conf ? conf : "");
}

static bool visit(pid_t pid, void *context)
{
	struct search *search = context;
	struct proc_status status;
	_cleanup_words_ struct words words;
	bool known;

	if (!proc_cmdline(pid, &words) || !is_daemon(&words) || !proc_status(pid, &status) ||
	    proc_is_of(pid, geteuid()) != search->own ||
	    (!proc_shares_root(pid, &known) && known) || is_set_user_id(pid))
		return true;
	struct receptor *larger =
		reallocarray(search->receptor, search->count + 1, sizeof(*larger));
	if (!larger)
		return false;
	search->receptor = larger;
	struct receptor *receptor = &larger[search->count++];
	*receptor = (struct receptor){.pid = pid, .uid = status.uid};
	find_conf(&words, receptor);
	(void)proc_environ(pid, &receptor->environment); /* then it is empty */
	return true;
}

size_t receptors_find(struct receptor **receptor)
{
	struct search search = {.own = true};

	(void)proc_each(visit, &search);
	search.own = false;
	(void)proc_each(visit, &search);
	*receptor = search.receptor;
	return search.count;
}

/* What of a process is taken over; descriptors outlast its pid. */
struct target {
	struct handle process;
	int proc; /* /proc/PID */
	int directory;
	int namespaces; /* CLONE_NEW*, that are not ours */
};

/* Of which user a process is, proc(5): numbers of the reader's user namespace. */
struct user {
	uid_t uid;
	gid_t gid, group[GROUPS_MAX];
	size_t groups;
};

static bool read_user(int proc, struct user *user)
{
	_cleanup_free_ char *text = read_file(proc, "status", STATUS_LIMIT, NULL);
	const char *uid = text ? strstr(text, "\nUid:") : NULL;
	const char *gid = text ? strstr(text, "\nGid:") : NULL;
	const char *groups = text ? strstr(text, "\nGroups:") : NULL;
	char *end;

	user->groups = 0;
	if (!uid || sscanf(uid, "\nUid: %u", &user->uid) != 1 || !gid ||
	    sscanf(gid, "\nGid: %u", &user->gid) != 1 || !groups)
		return false;
	for (groups += strlen("\nGroups:"); user->groups < GROUPS_MAX; groups = end) {
		user->group[user->groups] = (gid_t)strtoul(groups, &end, 10);
		if (end == groups)
			break;
		user->groups++;
	}
	return true;
}

static void find_namespaces(pid_t pid, struct target *target)
{
	static const struct {
		const char *kind;
		int flag;
	} kinds[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS}, {"pid", CLONE_NEWPID}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (proc_namespace(pid, kinds[i].kind) != proc_namespace(0, kinds[i].kind))
			target->namespaces |= kinds[i].flag;
}

/* Opens what is to be taken over of @receptor; false where that has ended. */
static bool open_target(const struct receptor *receptor, struct target *target)
{
	static struct user user; /* large */
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)receptor->pid);
	if (!handle_open(&target->process, receptor->pid))
		return false;
	target->proc = file_open_directory(AT_FDCWD, path);
	target->directory = openat(target->proc, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	find_namespaces(receptor->pid, target);
	bool same = target->proc >= 0 && read_user(target->proc, &user) &&
		    user.uid == receptor->uid && handle_alive(&target->process);
	errno = ESRCH;
	return same;
}

/*
 * Becomes its user. Nothing that he has chosen runs before, and nothing of root stays. In another
 * user namespace any number may look like ours.
 */
static bool become_user(const struct target *target)
{
	static struct user user;

	return read_user(target->proc, &user) &&
	       ((!(target->namespaces & CLONE_NEWUSER) && user.uid == geteuid()) ||
		(setgroups(user.groups, user.group) == 0 &&
		 setresgid(user.gid, user.gid, user.gid) == 0 &&
		 setresuid(user.uid, user.uid, user.uid) == 0));
}

/* In the child: goes on as the receptor is. */
static void become(const struct target *target, const char **outside)
{
	int inner = target->namespaces & ~CLONE_NEWPID;

	if (!*outside && inner && setns(target->process.fd, inner))
		*outside = strerror(errno);
	if (!become_user(target)) {
		print_error("cannot become the user of receptor, pid %d: %s; nothing was looked at",
			    (int)target->process.id.pid, strerror(errno));
		_exit(EXIT_LEFT);
	}
	/* / where that is out of reach now */
	(void)!fchdir(target->directory);
}

pid_t receptor_fork(const struct receptor *receptor, const char **outside)
{
	struct target target = {.process = HANDLE_NONE, .proc = -1, .directory = -1};
	_cleanup_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t child = -1;

	*outside = NULL;
	if (open_target(receptor, &target)) {
		/* children alone enter one of these */
		if (target.namespaces & CLONE_NEWPID && setns(target.process.fd, CLONE_NEWPID))
			*outside = strerror(errno);
		child = fork();
	}
	if (child == 0) {
		(void)setsid();
		become(&target, outside);
		users_drop_rights();
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* another user's is taken away */
	} else if (target.namespaces & CLONE_NEWPID) {
		(void)setns(own, CLONE_NEWPID); /* out of ours none came */
	}
	cleanup_close(&target.directory);
	cleanup_close(&target.proc);
	handle_close(&target.process);
	return child;
}

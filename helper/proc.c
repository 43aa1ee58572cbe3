/* SPDX-License-Identifier: Apache-2.0 */
#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../preload/podman_command.h"
#include "file.h"
#include "util.h"

/* Linux limits argv to a quarter of the stack's size, usually 2 MiB; execve(2). */
#define CMDLINE_LIMIT (8U << 20)
#define PROC_LIMIT    (64U << 10)
#define MOUNTS_LIMIT  (8U << 20)
#define ANCESTORS_MAX 4096
#define PF_EXITING    0x4

char *proc_read(pid_t pid, const char *name, size_t limit, size_t *size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return read_file(AT_FDCWD, path, limit, size);
}

void proc_boot_id(char boot[BOOT_ID_SIZE])
{
	static char known[BOOT_ID_SIZE]; /* no process outlives it */

	if (!known[0]) {
		_cleanup_free_ char *text =
			read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", PROC_LIMIT, NULL);

		(void)snprintf(known, sizeof(known), "%.36s", text ? text : "");
	}
	memcpy(boot, known, sizeof(known));
}

bool proc_parse_stat(const char *text, size_t size, struct proc_stat *stat)
{
	/* the name may hold spaces and parentheses: it ends at the last one, proc(5) */
	const char *open = memchr(text, '(', size);
	const char *close = memrchr(text, ')', size);
	int ppid, session;
	unsigned int flags;
	uint64_t user, system;

	if (!open || !close || close < open || text[size] != '\0')
		return false;
	memset(stat, 0, sizeof(*stat));
	size_t length = (size_t)(close - open - 1);
	memcpy(stat->name, open + 1, length < sizeof(stat->name) ? length : sizeof(stat->name) - 1);
	if (sscanf(close + 1,
		   " %c %d %*d %d %d %*d %u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &stat->state, &ppid, &session, &stat->tty, &flags, &user, &system,
		   &stat->start) != 8)
		return false;
	stat->cpu = user + system;
	stat->exiting = flags & PF_EXITING;
	stat->ppid = ppid;
	stat->session = session;
	return true;
}

bool proc_stat(pid_t pid, struct proc_stat *stat)
{
	size_t size = 0;
	_cleanup_free_ char *text = proc_read(pid, "stat", PROC_LIMIT, &size);

	if (!text)
		return false;
	errno = EBADMSG;
	return proc_parse_stat(text, size, stat);
}

static bool find_mask(const char *text, const char *key, uint64_t *mask)
{
	const char *line = strstr(text, key);
	const char *digits = line ? line + strlen(key) : "";

	*mask = strtoull(digits, NULL, 16);
	return isxdigit((unsigned char)digits[0]);
}

bool proc_parse_status(const char *text, struct proc_status *status)
{
	memset(status, 0, sizeof(*status));
	const char *pids = strstr(text, "\nNSpid:\t");

	if (pids) { /* "NSpid:\t4711\t1": one column a namespace, the innermost last */
		const char *end = strchr(pids + 1, '\n');
		const char *tab = end ? memrchr(pids, '\t', (size_t)(end - pids)) : NULL;

		status->namespace_init =
			tab && tab > pids + strlen("\nNSpid:") && after(tab, "\t1\n");
	}
	const char *tgid = strstr(text, "\nTgid:"), *uids = strstr(text, "\nUid:");
	if (!tgid || sscanf(tgid, "\nTgid: %d", &status->process) != 1 || !uids ||
	    sscanf(uids, "\nUid: %u %u %u", &status->uid, &status->effective_uid,
		   &status->saved_uid) != 3)
		return false;
	return find_mask(text, "\nSigBlk:\t", &status->blocked) &&
	       find_mask(text, "\nSigIgn:\t", &status->ignored) &&
	       find_mask(text, "\nSigCgt:\t", &status->caught);
}

bool proc_status(pid_t pid, struct proc_status *status)
{
	_cleanup_free_ char *text = proc_read(pid, "status", PROC_LIMIT, NULL);

	return text && proc_parse_status(text, status);
}

bool words_split(char *text, size_t size, struct words *words)
{
	size_t count = 0, n = 0;

	memset(words, 0, sizeof(*words));
	for (size_t i = 0; i < size; i++)
		count += text[i] == '\0' || i + 1 == size;
	words->text = text;
	words->word = count ? calloc(count + 1, sizeof(*words->word)) : NULL;
	if (!words->word) {
		words_free(words);
		return false;
	}
	for (size_t i = 0; i < size; i += strlen(text + i) + 1)
		words->word[n++] = text + i;
	words->count = n;
	return true;
}

void words_free(struct words *words)
{
	cleanup_free(&words->text);
	cleanup_free(&words->word);
	memset(words, 0, sizeof(*words));
}

static bool read_words(pid_t pid, const char *name, struct words *words)
{
	size_t size = 0;
	char *text = proc_read(pid, name, CMDLINE_LIMIT, &size);

	memset(words, 0, sizeof(*words));
	return text && words_split(text, size, words);
}

bool proc_cmdline(pid_t pid, struct words *words)
{
	return read_words(pid, "cmdline", words);
}

bool proc_environ(pid_t pid, struct words *words)
{
	return read_words(pid, "environ", words);
}

bool proc_exe_name(pid_t pid, char name[NAME_MAX + 1])
{
	static const char deleted[] = " (deleted)";
	char path[64], target[PATH_MAX];

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	size_t cut = (size_t)length - (sizeof(deleted) - 1);
	/* what a package upgrade makes of a program that runs */
	if ((size_t)length >= sizeof(deleted) && equal(target + cut, deleted))
		target[cut] = '\0';
	return snprintf(name, NAME_MAX + 1, "%s", path_basename(target)) <= NAME_MAX;
}

bool in_container_cgroup(const char *text, const char *cid)
{
	char name[96];
	int length = snprintf(name, sizeof(name), "/libpod-%s", cid);

	for (const char *at = text; cid[0] && (at = strstr(at, name)); at += length)
		/* systemd's is libpod-CID.scope, and crun puts a `container` below */
		if (strchr("/.\n", at[length]))
			return true;
	return false;
}

bool has_container_mount(const char *text, const char *cid)
{
	static const char place[] = " /run/.containerenv ";
	char file[128];
	int length = snprintf(file, sizeof(file), "/%s/userdata/.containerenv", cid);

	/* "36 35 98:0 FILE /run/.containerenv OPTIONS …" */
	for (const char *at = text; cid[0] && (at = strstr(at, file));) {
		at += length;
		if (after(at, place) || (after(at, "//deleted") && after(at + 9, place)))
			return true;
	}
	return false;
}

bool proc_in_container(pid_t pid, const char *cid)
{
	_cleanup_free_ char *cgroup = proc_read(pid, "cgroup", PROC_LIMIT, NULL);

	if (cgroup && in_container_cgroup(cgroup, cid))
		return true;
	if (proc_namespace(pid, "mnt") == proc_namespace(0, "mnt"))
		return false; /* most are not worth the reading */
	_cleanup_free_ char *mounts = proc_read(pid, "mountinfo", MOUNTS_LIMIT, NULL);
	return mounts && has_container_mount(mounts, cid);
}

bool proc_has_syncpipe(pid_t pid)
{
	_cleanup_words_ struct words words;

	return proc_environ(pid, &words) && env_value(words.word, "_OCI_SYNCPIPE");
}

ino_t proc_namespace(pid_t pid, const char *kind)
{
	char path[64];
	struct stat st;

	if (pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	else
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	return stat(path, &st) ? 0 : st.st_ino;
}

bool proc_shares_root(pid_t pid, bool *known)
{
	char path[64];
	struct stat theirs, ours;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	*known = stat(path, &theirs) == 0 && stat("/", &ours) == 0;
	return *known && theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

bool proc_is_of(pid_t pid, uid_t uid)
{
	struct proc_status status;

	return proc_status(pid, &status) && status.uid == uid && status.effective_uid == uid &&
	       status.saved_uid == uid;
}

bool proc_descends(pid_t pid, pid_t ancestor)
{
	struct proc_stat stat;

	for (int i = 0; i < ANCESTORS_MAX && pid > 1 && proc_stat(pid, &stat); i++) {
		if (stat.ppid == ancestor)
			return true;
		pid = stat.ppid;
	}
	return false;
}

bool proc_each(proc_visit *visit, void *context)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry = NULL;
	bool found_us = false;

	while (proc && (errno = 0, entry = readdir(proc))) {
		pid_t pid = proc_parse_pid(entry->d_name, strlen(entry->d_name));

		found_us = found_us || pid == getpid();
		if (pid && !visit(pid, context))
			break;
	}
	bool whole = proc && !entry && !errno && found_us;
	if (proc)
		(void)closedir(proc);
	return whole;
}

pid_t proc_parse_pid(const char *text, size_t size)
{
	size_t digits = strspn(text, "0123456789");

	/* ten digits hold every pid_t; strtoll would take a sign and blanks as well */
	if (digits == 0 || digits > 10 || digits + (text[digits] == '\n') != size)
		return 0;
	long long pid = strtoll(text, NULL, 10);
	return pid <= INT_MAX ? (pid_t)pid : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "util.h"

/* Linux limits argv to a quarter of the stack's size, usually 2 MiB; execve(2). */
#define CMDLINE_LIMIT (8U << 20)
#define PIDFILE_LIMIT 64
#define PROC_LIMIT    (64U << 10)
#define ANCESTORS_MAX 4096

/* Reads @fd to its end, at most @limit bytes, NUL-terminated. NULL with errno. */
static char *read_all(int fd, size_t limit, size_t *size)
{
	size_t room = 4096;
	char *text = malloc(room), *larger = text;

	*size = 0;
	while (larger) {
		ssize_t n = read(fd, text + *size, room - *size - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0) {
			text[*size] = '\0';
			return text;
		}
		*size += n > 0 ? (size_t)n : 0;
		if (*size > limit)
			errno = EFBIG;
		if (n < 0 || *size > limit)
			break;
		if (room - *size > 1)
			continue;
		larger = realloc(text, room *= 2);
		text = larger ? larger : text;
	}
	int error = errno;
	free(text);
	errno = error;
	return NULL;
}

char *read_file(int directory, const char *path, size_t limit, size_t *size)
{
	_cleanup_close_ int fd =
		openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	size_t used;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	return read_all(fd, limit, size ? size : &used);
}

static char *read_proc(pid_t pid, const char *name, size_t limit, size_t *size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return read_file(AT_FDCWD, path, limit, size);
}

void proc_boot_id(char boot[BOOT_ID_SIZE])
{
	_cleanup_free_ char *text =
		read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", PROC_LIMIT, NULL);

	(void)snprintf(boot, BOOT_ID_SIZE, "%.36s", text ? text : "");
}

bool proc_parse_stat(const char *text, size_t size, struct proc_stat *stat)
{
	/* the name may hold spaces and parentheses: it ends at the last one, proc(5) */
	const char *open = memchr(text, '(', size);
	const char *close = memrchr(text, ')', size);
	int ppid, session;

	if (!open || !close || close < open || text[size] != '\0')
		return false;
	memset(stat, 0, sizeof(*stat));
	size_t length = (size_t)(close - open - 1);
	memcpy(stat->name, open + 1, length < sizeof(stat->name) ? length : sizeof(stat->name) - 1);
	if (sscanf(close + 1,
		   " %c %d %*d %d %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%" SCNu64,
		   &stat->state, &ppid, &session, &stat->tty, &stat->start) != 5)
		return false;
	stat->ppid = ppid;
	stat->session = session;
	return true;
}

bool proc_stat(pid_t pid, struct proc_stat *stat)
{
	size_t size = 0;
	_cleanup_free_ char *text = read_proc(pid, "stat", PROC_LIMIT, &size);

	return text && proc_parse_stat(text, size, stat);
}

static bool find_mask(const char *text, const char *key, uint64_t *mask)
{
	const char *line = strstr(text, key);

	return line && sscanf(line + strlen(key), "%" SCNx64, mask) == 1;
}

bool proc_parse_status(const char *text, struct proc_status *status)
{
	memset(status, 0, sizeof(*status));
	const char *pids = strstr(text, "\nNSpid:");

	if (pids) { /* "NSpid:\t4711\t1": one column a namespace, the innermost last */
		const char *end = strchr(pids + 1, '\n');
		const char *tab = end ? memrchr(pids, '\t', (size_t)(end - pids)) : NULL;

		status->namespace_init =
			tab && tab > pids + strlen("\nNSpid:") && strtol(tab + 1, NULL, 10) == 1;
	}
	return find_mask(text, "\nSigBlk:", &status->blocked) &&
	       find_mask(text, "\nSigIgn:", &status->ignored) &&
	       find_mask(text, "\nSigCgt:", &status->caught);
}

bool proc_status(pid_t pid, struct proc_status *status)
{
	_cleanup_free_ char *text = read_proc(pid, "status", PROC_LIMIT, NULL);

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
	free(words->text);
	free(words->word);
	memset(words, 0, sizeof(*words));
}

bool proc_cmdline(pid_t pid, struct words *words)
{
	size_t size = 0;
	char *text = read_proc(pid, "cmdline", CMDLINE_LIMIT, &size);

	memset(words, 0, sizeof(*words));
	return text && words_split(text, size, words);
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
	const char *slash = strrchr(target, '/');
	return snprintf(name, NAME_MAX + 1, "%s", slash ? slash + 1 : target) <= NAME_MAX;
}

bool proc_in_cgroup(pid_t pid, const char *cid)
{
	char name[96];
	_cleanup_free_ char *text = read_proc(pid, "cgroup", PROC_LIMIT, NULL);

	(void)snprintf(name, sizeof(name), "libpod-%s", cid);
	return text && cid[0] && strstr(text, name);
}

ino_t proc_namespace(pid_t pid, const char *kind)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	return stat(path, &st) ? 0 : st.st_ino;
}

uid_t proc_uid(pid_t pid)
{
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) ? (uid_t)-1 : st.st_uid;
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

void proc_each(proc_visit *visit, void *context)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = proc_parse_pid(entry->d_name);

		if (pid && !visit(pid, context))
			break;
	}
	if (proc)
		(void)closedir(proc);
}

pid_t proc_parse_pid(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	char *end;

	/* ten digits hold every pid_t; strtol would take a sign and blanks as well */
	if (digits == 0 || digits > 10)
		return 0;
	long long pid = strtoll(text, &end, 10);
	return (*end == '\0' || equal(end, "\n")) && pid <= INT_MAX ? (pid_t)pid : 0;
}

pid_t read_pid_file(int directory, const char *path)
{
	_cleanup_free_ char *text = read_file(directory, path, PIDFILE_LIMIT, NULL);

	return text ? proc_parse_pid(text) : 0;
}

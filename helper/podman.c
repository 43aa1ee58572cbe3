/* SPDX-License-Identifier: Apache-2.0 */
#include "podman.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../preload/podman_command.h"
#include "bounds.h"
#include "conmon_args.h"
#include "file.h"
#include "handle.h"
#include "identity.h"
#include "log.h"
#include "room.h"
#include "signals.h"
#include "stall.h"
#include "util.h"

/* The answers of podman_knows(). */
#define PIDFILE	     "pidfile=1\n"
#define NO_PIDFILE   "pidfile=0\n"
#define NEITHER	     "neither\n"
#define NO_ACCESS    "no access\n"
#define ANSWER_LIMIT 64

/* A flag that only a podman knows that works on this machine. */
#define LOCAL_FLAG "--syslog"

/* What conmon writes where the container was ended by SIGKILL. */
#define KILLED_STATUS "137"

/* With what `podman container inspect` ends where it has none of that id. */
#define NO_SUCH_CONTAINER 125

#define OUTPUT_LIMIT (4U << 20)
#define ERRORS_LIMIT 1024 /* of what a podman that fails said in the end */
#define TASKS	     24 /* that it starts, with the runtime's: 20 for a removal by 4.3.1 and runc */
#define LOOK_MS	     10 /* at a child for which the kernel gives no pidfd */

/* A command line, or a part of one. */
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static char *const *environment_of(const struct run *run)
{
	return (char *const *)(uintptr_t)run->environment;
}

/* In the child: becomes podman in @directory, or else in /, with @output as stdout, and @errors. */
__attribute__((noreturn)) static void become_podman(const char *const words[],
						    char *const environment[],
						    const char *directory, int output, int errors)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	signals_give_back();
	if (file_close_stdio(output) && (errors < 0 || dup2(errors, STDERR_FILENO) >= 0) &&
	    (chdir(directory) == 0 || chdir("/") == 0))
		(void)execvpe(words[0], (char *const *)(uintptr_t)words, environment);
	_exit(127);
}

/* Reads @fd to its end, @deadline or OUTPUT_LIMIT, NUL-terminated. NULL where memory is short. */
static char *read_output(int fd, int64_t deadline)
{
	char *text = malloc(OUTPUT_LIMIT);
	struct pollfd ready = {fd, POLLIN, 0};
	size_t used = 0;
	ssize_t n = 1;

	if (!text)
		return NULL;
	while (n > 0 && poll(&ready, 1, ms_until(deadline)) > 0) {
		n = read(fd, text + used, OUTPUT_LIMIT - used - 1);
		used += n > 0 ? (size_t)n : 0;
	}
	text[used] = '\0';
	return text;
}

/* Waits for our own @child until @deadline; as waitpid(2) with WNOHANG, 0: it has not ended. */
static pid_t wait_for(pid_t child, int64_t deadline, int *status)
{
	struct handle handle;
	bool open = handle_open(&handle, child);
	pid_t ended;

	while ((ended = waitpid(child, status, WNOHANG)) == 0 && ms_until(deadline))
		if (open)
			open = !handle_wait(&handle, ms_until(deadline));
		else
			sleep_ms(LOOK_MS);
	handle_close(&handle);
	return ended;
}

/* Ends our own @child, not waited for yet: its pid is its own. */
static void end_child(pid_t child)
{
	int status;

	(void)kill(child, SIGKILL);
	(void)wait_for(child, boottime_ms() + KILL_MS, &status);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * Runs @words in @directory for at most @ms. Returns the exit status, or -1 where it could not be
 * started or was ended for taking too long. With @output, hands its stdout over, or NULL.
 */
static int call(const char *directory, const char *const words[], char *const environment[], int ms,
		char **output)
{
	int64_t deadline = boottime_ms() + ms;
	int ends[2] = {-1, -1};
	int status;

	if (output)
		*output = NULL;
	if (output && pipe2(ends, O_CLOEXEC))
		return -1;
	pid_t child = fork();
	if (child == 0)
		become_podman(words, environment, directory, ends[1], -1);
	cleanup_close(&ends[1]);
	if (child > 0 && output)
		*output = read_output(ends[0], deadline);
	cleanup_close(&ends[0]);
	if (child < 0)
		return -1;

	pid_t ended = wait_for(child, deadline, &status);
	if (ended == 0) {
		log_line("%s %s: no end after %d ms, killed", words[0], words[1], ms);
		end_child(child);
	}
	return ended == child ? exit_status(status) : -1;
}

/* Whether a setting, "--flag=value", "NAME=value" or a value alone, is no absolute path. */
static bool is_relative(const char *setting)
{
	const char *value = strchr(setting, '=');

	if (!value)
		return setting[0] != '-' && setting[0] != '/';
	return value[1] && value[1] != '/';
}

/*
 * Where podman is called about the run: in a directory that any user may enter and that keeps no
 * file system busy, but where the run's podman may have been given a path relative to its own.
 */
static const char *directory_of(const struct run *run)
{
	for (size_t i = 0; i < run->globals; i++)
		if (is_relative(run->global[i]))
			return run->cwd;
	for (size_t i = 0; i < run->environments; i++)
		if (is_relative(run->environment[i]))
			return run->cwd;
	return "/";
}

const char *last_line(char *text)
{
	size_t length = strlen(text);

	while (length && text[length - 1] == '\n')
		text[--length] = '\0';
	const char *newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

/* Keeps what @words, which failed, said last into the file @errors. */
static void keep_failure(struct run *run, const char *const words[], int status, int errors)
{
	char text[ERRORS_LIMIT];
	off_t size = lseek(errors, 0, SEEK_END);
	off_t start = size < ERRORS_LIMIT ? 0 : size - ERRORS_LIMIT + 1;
	ssize_t length = pread(errors, text, sizeof(text) - 1, start);

	text[length > 0 ? length : 0] = '\0';
	(void)snprintf(run->said, sizeof(run->said), "%s: status %d: %s", words[0], status,
		       last_line(text));
}

/*
 * Whether podman can be called. A rootless one that gets no process to enter its user namespace
 * with takes the process that keeps that for dead, and forgets it: from then on every podman of
 * the user fails (5.4.2, in a service that has as many tasks as it may).
 */
static bool has_room(void)
{
	return geteuid() == 0 || room_for_processes(TASKS);
}

/* The same without its output, for as long as it makes progress. What it fails of is in run->said.
 */
static int call_patiently(struct run *run, const char *const words[])
{
	_cleanup_close_ int errors = memfd_create("stderr", MFD_CLOEXEC); /* -1: it is not heard */
	struct handles child = {0};
	struct handle handle;
	int status;

	if (!has_room()) {
		(void)snprintf(run->said, sizeof(run->said),
			       "%s: fewer than %d processes can be started here", words[0], TASKS);
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0)
		become_podman(words, environment_of(run), directory_of(run), -1, errors);
	if (pid < 0)
		return -1;
	if (!handle_open(&handle, pid)) /* a zombie already */
		handle = (struct handle){{pid, 0}, -1};
	bool ended =
		handles_add(&child, handle) && wait_while_they_move(run, &child, NULL, STALL_MS);
	handles_close(&child);
	if (!ended) {
		log_run(run, NULL, "%s makes no progress, killed", words[0]);
		end_child(pid);
		return -1;
	}
	/* dead: there is nothing to wait for but a kernel without pidfds */
	if (wait_for(pid, boottime_ms() + KILL_MS, &status) != pid)
		return -1;
	if (status)
		keep_failure(run, words, exit_status(status), errors);
	return exit_status(status);
}

/*
 * Asks whether @words, behind which `run` flags stand, are a command line; returns podman's
 * status, or -1 (call()). In our own directory: the environment may name files relative to it.
 */
static int ask(const char *const words[], char *const environment[])
{
	return call(".", words, environment, FLAGS_MS, NULL);
}

static enum podman_knows ask_flags(const char *podman, char *const environment[])
{
	int status =
		ask(WORDS(podman, "run", LOCAL_FLAG, "--pidfile=/dev/null", "--help"), environment);

	if (status == 0)
		return PODMAN_KNOWS_BOTH;
	if (status == 126 || status == 127) /* it was not started: env(1) */
		return PODMAN_DOES_NOT_START;
	if (status < 0)
		return PODMAN_DOES_NOT_ANSWER;
	status = ask(WORDS(podman, "run", LOCAL_FLAG, "--conmon-pidfile=/dev/null", "--help"),
		     environment);
	if (status == 0)
		return PODMAN_KNOWS_CONMON_PIDFILE;
	/* one that is out of order knows no flag either */
	if (status < 0 || ask(WORDS(podman, "run", "--help"), environment))
		return PODMAN_DOES_NOT_ANSWER;
	return PODMAN_KNOWS_NEITHER;
}

/* Whether @executable is podman itself, and no script that may do anything before. */
static bool is_program(const char *executable)
{
	static const char elf[] = {'\177', 'E', 'L', 'F'};
	char magic[sizeof(elf)];
	_cleanup_close_ int fd = open(executable, O_RDONLY | O_CLOEXEC);

	/* who runs a script has to read it */
	return fd < 0 || (read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
			  memcmp(magic, elf, sizeof(elf)) == 0);
}

/*
 * Whether @podman writes into @directory, which is @path to us. @answer is the name of the file
 * that is to keep this, and what podman writes goes by one like it.
 */
static bool can_write(int directory, const char *path, const char *answer, const char *podman,
		      char *const environment[])
{
	char name[160], flag[PATH_MAX + 192];

	(void)snprintf(name, sizeof(name), "%s-%x", answer, (unsigned int)getpid());
	(void)snprintf(flag, sizeof(flag), "--file=%s/%s", path, name);
	int status = ask(WORDS(podman, "completion", flag, "bash"), environment);
	if (status < 0 || unlinkat(directory, name, 0) == 0)
		return true;
	/* what prints no completions has not understood, and said nothing of the directory */
	_cleanup_free_ char *script = NULL;
	status = call(".", WORDS(podman, "completion", "bash"), environment, FLAGS_MS, &script);
	return status != 0 || !script || !strstr(script, "bash completion");
}

/* Keeps an answer; without room podman is asked again. */
static void keep_answer(int directory, const char *name, const char *text)
{
	char temporary[160];

	(void)snprintf(temporary, sizeof(temporary), "%s-%x", name, (unsigned int)getpid());
	(void)file_replace(directory, name, temporary, text);
}

enum podman_knows podman_knows(int directory, const char *path, const char *executable,
			       char *const environment[])
{
	static const struct {
		enum podman_knows knows;
		const char *text;
	} answers[] = {
		{PODMAN_KNOWS_BOTH, PIDFILE},
		{PODMAN_KNOWS_CONMON_PIDFILE, NO_PIDFILE},
		{PODMAN_KNOWS_NEITHER, NEITHER},
		{PODMAN_CANNOT_WRITE, NO_ACCESS},
	};
	char name[128];
	struct stat st;

	if (stat(executable, &st))
		return PODMAN_DOES_NOT_START;
	(void)snprintf(name, sizeof(name), ".podman-%jx-%jx-%jx-%jx.%lx", (uintmax_t)st.st_dev,
		       (uintmax_t)st.st_ino, (uintmax_t)st.st_size, (uintmax_t)st.st_mtim.tv_sec,
		       (unsigned long)st.st_mtim.tv_nsec);
	_cleanup_free_ char *known = read_own_file(directory, name, ANSWER_LIMIT, NULL);
	for (size_t i = 0; known && i < ARRAY_SIZE(answers); i++)
		if (equal(known, answers[i].text))
			return answers[i].knows;

	enum podman_knows knows = ask_flags(executable, environment);
	if ((knows == PODMAN_KNOWS_BOTH || knows == PODMAN_KNOWS_CONMON_PIDFILE) &&
	    directory >= 0 && !is_program(executable) &&
	    !can_write(directory, path, name, executable, environment))
		knows = PODMAN_CANNOT_WRITE;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (knows == answers[i].knows)
			keep_answer(directory, name, answers[i].text);
	return knows;
}

/* A command line in the making. */
struct command {
	const char *word[RUN_WORDS + 16]; /* podman's own flags, and what is asked of it */
	size_t count;
};

static void add(struct command *command, const char *const words[])
{
	for (; *words && command->count + 1 < ARRAY_SIZE(command->word); words++)
		command->word[command->count++] = *words;
	command->word[command->count] = NULL;
}

bool podman_is_elsewhere(const char *executable, char *const flags[], size_t count,
			 char *const environment[])
{
	struct command command = {.count = 0};

	if (count > RUN_WORDS)
		return false;
	add(&command, WORDS(executable));
	for (size_t i = 0; i < count; i++)
		add(&command, WORDS(flags[i]));
	add(&command, WORDS("run", LOCAL_FLAG, "--help"));
	if (ask(command.word, environment) <= 0)
		return false;
	command.count = count + 1;
	add(&command, WORDS("run", "--help"));
	return ask(command.word, environment) == 0;
}

void podman_share_answers(int from, int to)
{
	char run[RUN_SIZE];
	_cleanup_names_ struct names names;

	(void)names_read(from, &names); /* podman is asked again as well */
	for (size_t i = 0; i < names.count; i++) {
		_cleanup_free_ char *answer = NULL;

		if (file_kind(names.name[i], run) == FILE_ANSWER &&
		    faccessat(to, names.name[i], F_OK, AT_SYMLINK_NOFOLLOW) != 0)
			answer = read_own_file(from, names.name[i], ANSWER_LIMIT, NULL);
		if (answer)
			keep_answer(to, names.name[i], answer);
	}
}

/* Writes the first line that @words print; "" where they fail. */
static void first_line(const char *const words[], char *const environment[], char *line,
		       size_t size)
{
	char *output;
	int status = call("/", words, environment, FLAGS_MS, &output);

	(void)snprintf(line, size, "%.*s", status == 0 && output ? (int)strcspn(output, "\n") : 0,
		       output ? output : "");
	free(output);
}

void podman_version(const char *executable, char *const environment[], char *version, size_t size)
{
	first_line(WORDS(executable, "--version"), environment, version, size);
}

bool podman_first_image(const char *executable, char *const environment[], char *image, size_t size)
{
	_cleanup_free_ char *images = NULL, *errors = NULL;
	/* the first call of all sets podman's storage up */
	bool good = call("/",
			 WORDS(executable, "images", "--quiet", "--no-trunc",
			       "--filter=dangling=false"),
			 environment, STALL_MS, &images) == 0;

	if (!good)
		(void)call("/",
			   WORDS("/bin/sh", "-c", "exec \"$0\" images 2>&1 >/dev/null", executable),
			   environment, STALL_MS, &errors);
	const char *line = good ? images : errors ? last_line(errors) : NULL;
	(void)snprintf(image, size, "%.*s", line ? (int)strcspn(line, "\n") : 0, line ? line : "");
	return good;
}

/* podman with the storage options of the run, and @words behind them. */
static struct command compose(const struct run *run, const char *const words[])
{
	struct command command = {.count = 0};
	size_t at = 0;

	while (at + 1 < run->cleanups &&
	       !(equal(run->cleanup[at], "container") && equal(run->cleanup[at + 1], "cleanup")))
		at++;
	if (at + 1 < run->cleanups) { /* conmon's exit command, up to these two words */
		add(&command, run->cleanup);
		command.count = at;
	} else { /* no conmon was ever seen: the flags that podman itself was given */
		add(&command, WORDS(run->executable));
		add(&command, run->global);
	}
	add(&command, words);
	return command;
}

/* Asks podman @words about the run; as call(). */
static int ask_about(const struct run *run, const char *const words[], int ms, char **output)
{
	const struct command command = compose(run, words);

	if (output)
		*output = NULL;
	if (!has_room())
		return -1;
	return call(directory_of(run), command.word, environment_of(run), ms, output);
}

/* How podman knows the container: by its id, or by a name that nobody else would give. */
static const char *name_of(const struct run *run)
{
	const char *name = after(run->container_name, NAME_PREFIX);

	if (run->cid[0])
		return run->cid;
	return name && equal(name, run->name) ? run->container_name : NULL;
}

/* Whether inspect's @line, "CID [podman run --cidfile=…/RUN.cid …]", is of the run's container. */
static bool is_created_by(const struct run *run, char *line)
{
	char file[RUN_SIZE + 16];
	char *blank = strchr(line, ' ');

	if (!blank)
		return false;
	*blank = '\0';
	(void)snprintf(file, sizeof(file), "/%s%s ", run->name, ID_SUFFIX);
	return cid_valid(line) && strstr(blank + 1, file);
}

/*
 * What podman says of the one container @which, by its id or name, in @format; NULL where it says
 * nothing. Owned by the caller. *@status as call().
 */
static char *inspect(const struct run *run, const char *which, const char *format, int *status)
{
	char *output;

	*status = ask_about(run, WORDS("container", "inspect", "--format", format, which), ASK_MS,
			    &output);
	if (*status == 0)
		return output;
	free(output);
	return NULL;
}

/*
 * Whether there is the container @which for podman, or with @external storage of it: 0 and 1,
 * podman-container-exists(1); else as call().
 */
static int ask_exists(const struct run *run, const char *which, bool external)
{
	return ask_about(run,
			 external ? WORDS("container", "exists", "--external", which)
				  : WORDS("container", "exists", which),
			 ASK_MS, NULL);
}

/* Takes the id of the container @which where the run made it. Whether podman could be asked. */
static bool find_by(struct run *run, const char *which)
{
	int status;
	_cleanup_free_ char *line =
		inspect(run, which, "{{.Id}} {{.Config.CreateCommand}}", &status);

	if (line && is_created_by(run, line))
		run_set_cid(run, line);
	if (line || status < 0)
		return line;
	/* it fails of what there is not, and of what it cannot look at; as a whole it has made none
	 * that it did not name */
	status = ask_exists(run, which, false);
	if (status != 1)
		return status > 1 && !cid_valid(which);
	/* podman was killed before it had the container in its database: or another one was */
	if (!cid_valid(which) && ask_exists(run, which, true) == 0)
		log_run(run, NULL,
			"podman has storage of a container %s and nothing else of it; if that is "
			"nobody's: podman rm --force %s",
			which, which);
	return true;
}

struct search {
	struct run *run;
	bool asked;
};

/*
 * Asks about the container of the conmon @pid, which names the run's pid file, or where there is
 * none came after its podman.
 */
static bool visit_conmon(pid_t pid, void *context)
{
	struct search *search = context;
	const char *file = search->run->conmon_pidfile;
	_cleanup_words_ struct words words = {0};
	struct conmon_args args;
	struct proc_stat stat;

	if (!proc_cmdline(pid, &words))
		return true;
	conmon_args_parse(&words, &args);
	if (is_conmon_of(args.cid, pid, &words) && proc_is_of(pid, geteuid()) &&
	    (!file[0] || equal(args.conmon_pidfile, file)) && proc_stat(pid, &stat) &&
	    stat.start >= search->run->podman.start)
		search->asked = find_by(search->run, args.cid) && search->asked;
	return !search->run->cid[0];
}

bool podman_find(struct run *run)
{
	struct search search = {run, true};
	char cid[CID_SIZE];

	if (run->cid[0])
		return true;
	if (read_foreign_cid(run, cid) && !find_by(run, cid))
		return false;
	/* podman had no room for it, or no time, or its user took it away: what runs has a conmon
	 */
	if (!run->cid[0] && (has_no_id(run) || id_is_lost(run)))
		search.asked = proc_each(visit_conmon, &search) && search.asked;
	/* a name of ours is as good as the id */
	if (name_of(run))
		return true;
	if (run->container_name[0])
		search.asked = find_by(run, run->container_name) && search.asked;
	return search.asked;
}

void podman_stop(const struct run *run, int grace_ms)
{
	char time[32];

	if (!name_of(run))
		return;
	(void)snprintf(time, sizeof(time), "--time=%d", (grace_ms + 999) / 1000);
	/* fails where none runs */
	(void)ask_about(run, WORDS("stop", time, name_of(run)), grace_ms + ASK_MS, NULL);
}

/* Whether podman says that it has no such container. */
static bool is_unknown(const struct run *run)
{
	int status = ask_exists(run, name_of(run), true);

	/* one that fails as a whole has made none that it did not name */
	if (!run->cid[0])
		return status >= 1;
	if (status != 1)
		return false;
	/* a rootless one that cannot enter its user namespace ends with 1, whatever it is asked */
	free(inspect(run, run->cid, "{{.Id}}", &status));
	return status == NO_SUCH_CONTAINER;
}

bool podman_calls_it_so(const struct run *run)
{
	int status;
	_cleanup_free_ char *id = inspect(run, run->container_name, "{{.Id}}", &status);

	return id && run->cid[0] && equal(last_line(id), run->cid);
}

bool podman_has_ended_it(const struct run *run)
{
	int status;

	if (!run->cid[0] || run->remove)
		return false;
	/* the year 1 stands for never */
	_cleanup_free_ char *year = inspect(run, run->cid, "{{.State.FinishedAt.Year}}", &status);
	return year && strtol(year, NULL, 10) > 1;
}

/* Whether conmon @pid, which podman has on its list, is dead, or the run's own. */
static bool is_left_by(const struct run *run, pid_t pid)
{
	struct proc_stat stat;

	return pid == run->conmon.pid || !proc_stat(pid, &stat) || proc_is_dead(&stat);
}

/* How podman knows a container that stays. */
enum staying {
	STAYING_UNKNOWN, /* podman did not say */
	STAYING_DONE,	 /* nothing is to be done: it was cleaned up, there is none, podman fails as
			    a whole, or names a conmon that lives, as somebody has started it anew */
	STAYING_CREATED, /* it never ran */
	STAYING_DIRTY,
};

static enum staying ask_staying(const struct run *run)
{
	char state[16];
	int conmon = 0, status;
	_cleanup_free_ char *output =
		inspect(run, name_of(run), "{{.State.Status}} {{.State.ConmonPid}}", &status);

	if (!output || sscanf(output, "%15s %d", state, &conmon) != 2)
		return status > 0 ? STAYING_DONE : STAYING_UNKNOWN;
	if (equal(state, "exited"))
		return STAYING_DONE;
	if (equal(state, "created") || equal(state, "configured"))
		return STAYING_CREATED;
	return run->restarts || is_left_by(run, conmon) ? STAYING_DIRTY : STAYING_DONE;
}

/* Writes the runtime, as conmon has named it, or podman does; "" where none does. */
static void find_runtime(const struct run *run, char runtime[PATH_MAX])
{
	int status;
	char *asked =
		run->runtime[0] ? NULL : inspect(run, name_of(run), "{{.OCIRuntime}}", &status);
	const char *found = asked ? asked : run->runtime;

	(void)snprintf(runtime, PATH_MAX, "%.*s", (int)strcspn(found, "\n"), found);
	free(asked);
}

/* Whether a runtime's @state, in JSON, is of a container in which nothing runs. */
static bool says_stopped(const char *state)
{
	static const char key[] = "\"status\"";
	const char *status = strstr(state, key);

	return status &&
	       after(status + strlen(key) + strspn(status + strlen(key), " \t\n:"), "\"stopped\"");
}

/*
 * It is asked first: a delete may take its time, also of what is not there; but a runtime that was
 * killed before it had written its first state does not know what it began. One that stays its
 * owner may have begun to start by now, and a delete without --force ends that as well until it
 * runs.
 */
static void forget_by(struct run *run, const char *runtime)
{
	char *state = NULL;
	int status =
		call("/", WORDS(runtime, "state", run->cid), environment_of(run), ASK_MS, &state);
	bool stopped = state && says_stopped(state);

	free(state);
	if (status && container_was_made(run))
		return;
	if (run->remove)
		(void)call_patiently(run, WORDS(runtime, "delete", "--force", run->cid));
	else if (stopped)
		(void)call_patiently(run, WORDS(runtime, "delete", run->cid));
}

void podman_forget(struct run *run, const char *runtime)
{
	if (!run->cid[0])
		return;
	if (runtime[0]) {
		forget_by(run, runtime);
		return;
	}
	forget_by(run, "crun");
	forget_by(run, "runc");
}

/* Opens the directory in which podman looks for exit files; -1 where it is not known. */
static int open_exits(const struct run *run)
{
	if (!run->cid[0] || !equal(path_basename(run->exit_dir), "exits"))
		return -1;
	return file_open_directory(AT_FDCWD, run->exit_dir);
}

bool podman_is_told(const struct run *run)
{
	_cleanup_close_ int directory = open_exits(run);

	return directory >= 0 && faccessat(directory, run->cid, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Tells podman how the container ended, as conmon does, where conmon had no time to: by a file of
 * its id (conmon, src/ctr_exit.c). podman would wait for it, and take the container for running;
 * with one that is empty every command of the user fails. Returns whether there is one.
 */
static bool write_exit_file(const struct run *run)
{
	_cleanup_close_ int directory = open_exits(run);
	char temporary[CID_SIZE + 16];

	if (directory < 0)
		return false;
	_cleanup_free_ char *there = read_own_file(directory, run->cid, ANSWER_LIMIT, NULL);
	if (there && there[0])
		return true;
	(void)snprintf(temporary, sizeof(temporary), "%s.podleash", run->cid);
	return file_replace(directory, run->cid, temporary, KILLED_STATUS);
}

/* podman reads it, and removes it, but where it knows the end already, or was killed there. */
static void remove_exit_file(const struct run *run)
{
	_cleanup_close_ int directory = open_exits(run);

	if (directory >= 0)
		(void)unlinkat(directory, run->cid, 0); /* none there is as good */
}

/* What conmon calls in the end, or would have called where it was never seen. */
static int call_cleanup(struct run *run)
{
	const struct command command =
		compose(run, run->remove ? WORDS("container", "cleanup", "--rm", name_of(run))
					 : WORDS("container", "cleanup", name_of(run)));

	return call_patiently(run, run->cleanups ? run->cleanup : command.word);
}

/* Cleans up. @stop: podman may take it for running, and refuse. */
static bool clean_up(struct run *run, bool stop)
{
	int status = call_cleanup(run);

	if (status && stop) {
		podman_stop(run, 0);
		status = call_cleanup(run);
	}
	if (status == 0)
		log_run(run, NULL, "podman container cleanup %s: status 0", name_of(run));
	return status == 0;
}

/* Of one that stays: whoever has started it meanwhile owns it, and cleanup refuses. */
static bool clean_up_staying(struct run *run)
{
	enum staying staying = ask_staying(run);
	char runtime[PATH_MAX];

	if (staying == STAYING_CREATED) /* it is asked before anyone is looked for */
		find_runtime(run, runtime);
	if (staying == STAYING_DONE || run_is_taken(run))
		return true;
	if (staying == STAYING_CREATED) {
		podman_forget(run, runtime);
		if (!run->runtime[0]) /* conmon had not begun */
			return true;
	}
	bool told = staying == STAYING_CREATED || write_exit_file(run);
	/* a cleanup starts it again where a policy says so, and reports no full disk */
	(void)clean_up(run, !told);
	staying = ask_staying(run);
	return staying == STAYING_DONE || staying == STAYING_CREATED;
}

static bool clean_up_and_remove(struct run *run)
{
	(void)write_exit_file(run);
	if ((clean_up(run, true) && container_was_removed(run)) || is_unknown(run))
		return true;
	/* what no cleanup removes: a container that was killed while podman removed it */
	const struct command command =
		compose(run, WORDS("rm", "--force", "--volumes", name_of(run)));
	(void)call_patiently(run, command.word); /* asked below */
	return is_unknown(run);
}

bool podman_clean_up(struct run *run)
{
	char runtime[PATH_MAX];

	if (!name_of(run))
		return true;
	if (!run->remove)
		return clean_up_staying(run);
	/* a bundle that is there says that there is something to remove */
	bool gone = (!run->bundle[0] || container_was_removed(run)) && is_unknown(run);
	/* podman has failed before it made one, as a rule: no image, no such flag */
	if (gone && !run->cid[0])
		return true;
	find_runtime(run, runtime); /* while podman knows it */
	if (!gone && !clean_up_and_remove(run))
		return false;
	remove_exit_file(run);
	podman_forget(run, runtime);
	return true;
}

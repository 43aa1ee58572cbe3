/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podleash guard: waits for the end of a run, or ends it.
 *
 * One process a run. It sleeps in poll(2) on the pidfds of the holders, podman, conmon and the
 * container init; once all are known nothing wakes it but the death of one of them or SIGTERM, of a
 * canceller or a service manager.
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "ancestors.h"
#include "bounds.h"
#include "commands.h"
#include "guard.h"
#include "guard_fds.h"
#include "handle.h"
#include "identity.h"
#include "log.h"
#include "podman.h"
#include "reap.h"
#include "util.h"

/* Between two looks for the pid files: an eighth of the time it took so far, within these. */
#define LOOK_MIN_MS 2
#define LOOK_MAX_MS 1000

/* A look that comes so long after it was due was held up. */
#define LATE_MS 500

/* Between two looks at processes for which the kernel gives no pidfd. */
#define NO_PIDFD_MS 200

/* Between two attempts to end what does not end. */
#define RETRY_MS     1000
#define RETRY_MAX_MS 300000

struct watch {
	struct run *run;
	struct handle holder[RUN_HOLDERS];
	struct handle podman, conmon, container;
	int signals;	      /* signalfd: SIGTERM and its like */
	int64_t started;      /* to look for files: boottime_ms */
	int64_t due;	      /* boottime_ms of the next look, if nothing happens before */
	int64_t linger_until; /* 0: no end is due */
	bool asked;	      /* podman, whose container is in a file of the user's own */
};

/* Why a run is ended, where it is not the name of a holder that is gone. */
#define CANCEL "cancel"

enum verdict { GO_ON, FINISHED, LET_GO, MUST_REAP };

/* Who is dead, at one look. */
struct sight {
	bool podman_gone, conmon_gone, holder_gone;
};

/* Keeps @handle open on the process @id until that is dead: what is open wakes the guard then. */
static void follow(struct handle *handle, struct process id)
{
	bool same = is_same_process(handle->id, id);

	if (same && handle_alive(handle))
		return;
	handle_close(handle);
	if (!same)
		(void)handle_open_exact(handle, id);
}

/* Whether no pid file tells conmon: podman was given none, or has ended and left none. */
static bool needs_search(const struct watch *watch)
{
	return !watch->run->conmon_pidfile[0] || !handle_alive(&watch->podman);
}

/* Closes the handles of those that are dead: they would wake the guard again and again. */
static bool holder_gone(struct watch *watch, const char **name)
{
	bool gone = false;

	for (size_t i = watch->run->holders; i-- > 0;) {
		if (handle_alive(&watch->holder[i]))
			continue;
		handle_close(&watch->holder[i]);
		*name = watch->run->holder[i].name;
		gone = true;
	}
	return gone;
}

/*
 * Whether conmon is not known, or there may be another: a restart gives the container one before
 * the old has ended, which waits for what the container's first process left running.
 */
static bool lacks_conmon(const struct watch *watch)
{
	const struct run *run = watch->run;

	return !handle_alive(&watch->conmon) ||
	       (run->detach && run->container.pid && !handle_alive(&watch->container));
}

/*
 * Whether the guard slept through the end of the job, stopped perhaps: then nobody can tell a
 * restart within it from its owner's start. One that is awake sees conmon's end, or the
 * container's, in an earlier look.
 */
static bool is_late(struct watch *watch)
{
	const struct run *run = watch->run;
	bool seen = !(watch->conmon.id.pid && watch->container.id.pid) &&
		    boottime_ms() < watch->due + LATE_MS;
	const char *name;

	return run->conmon.pid && !run->over && !run->restarts && !seen && lacks_conmon(watch) &&
	       holder_gone(watch, &name);
}

/*
 * podman is asked about an id file that is empty until that tells: it may be about to be written.
 * About one of the user's own once, when that is written, or lost, and when podman has ended.
 */
static void ask_for_id(struct watch *watch)
{
	struct run *run = watch->run;
	char cid[CID_SIZE];

	if (has_no_id(run))
		(void)podman_find(run);
	else if (!(watch->asked && handle_alive(&watch->podman)) &&
		 (read_foreign_cid(run, cid) || id_is_lost(run)))
		watch->asked = podman_find(run);
}

/*
 * Learns the container's id, conmon and the container init as soon as their files name them; a
 * restart gives a container another conmon, which has written its pid by now.
 */
static void look(struct watch *watch)
{
	struct run *run = watch->run;
	struct process before = run->conmon;

	follow(&watch->podman, run->podman);
	if (is_late(watch))
		run->over = run->conmon.start;
	if (!run->cid[0])
		ask_for_id(watch);
	if (lacks_conmon(watch) && !learn_conmon(run) && needs_search(watch))
		(void)find_conmon(run);
	if (before.start != run->conmon.start)
		watch->linger_until = 0;
	(void)learn_container(run);
	bool had_conmon = watch->conmon.id.pid != 0;
	follow(&watch->conmon, run->conmon);
	if (had_conmon && !watch->conmon.id.pid) /* a restart makes another at once */
		watch->started = boottime_ms();
	follow(&watch->container, run->container);
}

/* Waits for an end that is due, and does not trust it to come. */
static enum verdict linger(struct watch *watch, int ms)
{
	if (!watch->linger_until)
		watch->linger_until = boottime_ms() + ms;
	return ms_until(watch->linger_until) ? GO_ON : MUST_REAP;
}

/*
 * conmon is gone and podman lives. It may write its output for as long as its reader takes. Where
 * conmon did not clean up it does so itself, if conmon has told it of the end; else it waits for
 * ever.
 */
static enum verdict linger_for_podman(struct watch *watch)
{
	const struct run *run = watch->run;

	if (run->remove && access(run->bundle, F_OK) == 0)
		return linger(watch, podman_is_told(run) ? PODMAN_ALONE_MS : PODMAN_MS);
	watch->linger_until = 0; /* somebody else has cleaned up */
	return GO_ON;
}

/*
 * Whether a process of the job has taken us for its child (PR_SET_CHILD_SUBREAPER), and may wait
 * until it has none. An init takes any orphan, and waits for none.
 */
static bool is_waited_for(const struct run *run)
{
	pid_t parent = getppid();

	for (size_t i = 0; parent > 1 && i < run->holders; i++)
		if (parent == run->holder[i].id.pid || proc_descends(parent, run->holder[i].id.pid))
			return true;
	return false;
}

/* Of a detached run whose holder lives: conmon has ended after its container, if any was seen. */
static enum verdict judge_stopped(struct watch *watch)
{
	const struct run *run = watch->run;

	if (container_was_removed(run))
		return FINISHED;
	if (run->remove)
		return linger(watch, PODMAN_MS);
	watch->linger_until = 0;
	/* what stays may be started again until the job ends */
	return !run->restarts && is_waited_for(run) ? LET_GO : GO_ON;
}

/*
 * The container has ended by itself, and nobody is in a hurry; or it is not known: not made yet, or
 * too short-lived to be seen.
 */
static enum verdict judge_without_container(struct watch *watch, const struct sight *sight)
{
	const struct run *run = watch->run;
	bool held = run->detach && !sight->holder_gone;
	bool unseen = !run->container.pid && !run->conmon.pid && sight->podman_gone;

	if (!run->container.pid && sight->holder_gone)
		return MUST_REAP;
	if (sight->conmon_gone && !sight->podman_gone)
		return sight->holder_gone ? MUST_REAP : linger_for_podman(watch);
	/* podman made none, or conmon came and went before anyone saw it */
	if (unseen && !(run->detach && run->cid[0]))
		return MUST_REAP;
	if (held && (unseen || sight->conmon_gone))
		return judge_stopped(watch);
	/* all may have been killed at once: the bundle tells, or podman of what stays */
	if (sight->conmon_gone)
		return run->remove ? FINISHED : MUST_REAP;
	if (held || !(sight->podman_gone || sight->holder_gone))
		return GO_ON;
	return linger(watch, CONMON_MS);
}

static enum verdict judge(struct watch *watch, const char **why)
{
	const struct run *run = watch->run;
	struct sight sight = {.podman_gone = !handle_alive(&watch->podman),
			      .conmon_gone = run->conmon.pid && !handle_alive(&watch->conmon),
			      .holder_gone = holder_gone(watch, why)};

	if (!sight.holder_gone)
		*why = sight.conmon_gone && !sight.podman_gone ? "conmon" : "podman";
	if (!handle_alive(&watch->container))
		return judge_without_container(watch, &sight);
	if (sight.holder_gone || (sight.podman_gone && !run->detach))
		return MUST_REAP;
	*why = "conmon";
	return sight.conmon_gone ? MUST_REAP : GO_ON;
}

static int timeout_ms(const struct watch *watch)
{
	const struct run *run = watch->run;
	int64_t look_ms = (boottime_ms() - watch->started) / 8;
	bool all_known = run->conmon.pid && run->container.pid;

	if (watch->linger_until)
		return ms_until(watch->linger_until);
	if (all_known && !(run->detach && lacks_conmon(watch)))
		return -1;
	if (look_ms < LOOK_MIN_MS)
		return LOOK_MIN_MS;
	return look_ms < LOOK_MAX_MS ? (int)look_ms : LOOK_MAX_MS;
}

static void add_fd(struct pollfd *fds, nfds_t *count, const struct handle *handle, int *timeout)
{
	if (!handle->id.pid)
		return;
	if (handle->fd < 0) {
		if (*timeout < 0 || *timeout > NO_PIDFD_MS)
			*timeout = NO_PIDFD_MS;
		return;
	}
	fds[(*count)++] = (struct pollfd){handle->fd, POLLIN, 0};
}

/* What the start took: a guard sleeps for hours, and there may be a hundred of them. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

/* Sleeps until something may have changed; returns whether SIGTERM came. */
static bool wait_for_news(struct watch *watch)
{
	struct pollfd fds[RUN_HOLDERS + 4] = {{watch->signals, POLLIN, 0}};
	int timeout = timeout_ms(watch);
	nfds_t count = 1;

	for (size_t i = 0; i < watch->run->holders; i++)
		add_fd(fds, &count, &watch->holder[i], &timeout);
	add_fd(fds, &count, &watch->podman, &timeout);
	add_fd(fds, &count, &watch->conmon, &timeout);
	add_fd(fds, &count, &watch->container, &timeout);
	if (timeout < 0)
		give_memory_back();
	watch->due = boottime_ms() + timeout;
	int ready = poll(fds, count, timeout);
	if (ready < 0) /* the kernel is short of memory */
		sleep_ms(NO_PIDFD_MS);
	return ready > 0 && (fds[0].revents & POLLIN);
}

static enum verdict watch_run(struct watch *watch, const char **why)
{
	for (;;) {
		look(watch);
		enum verdict verdict = judge(watch, why);
		if (verdict != GO_ON) { /* who died may have written a pid file just before */
			look(watch);
			verdict = judge(watch, why);
		}
		if (verdict != GO_ON)
			return verdict;
		*why = CANCEL;
		if (wait_for_news(watch))
			return MUST_REAP;
	}
}

/* Forgets the signals that came so far. */
static void forget_signals(const struct watch *watch)
{
	struct signalfd_siginfo heard;

	while (read(watch->signals, &heard, sizeof(heard)) > 0)
		continue;
}

/* Sleeps for @ms, or until a signal comes, or has come by now; returns whether it was the time. */
static bool pause_reaping(const struct watch *watch, int ms)
{
	struct pollfd signals = {watch->signals, POLLIN, 0};
	int ready = poll(&signals, 1, ms);

	if (ready < 0) /* the kernel is short of memory */
		sleep_ms(ms);
	return ready <= 0;
}

/* Reaps a run that may be @lent: who has it may have ended it by now, or be at it. */
static enum reaped reap_ours(struct run *run, bool lent)
{
	struct stat st;

	if (!lent)
		return reap(run);
	if (flock(run->fd, LOCK_EX | LOCK_NB))
		return REAPED_IDLE;
	return fstat(run->fd, &st) == 0 && st.st_nlink == 0 ? REAPED : reap(run);
}

/*
 * Nobody else may come by for long: again and again, ever more rarely. @told: somebody waits for
 * it, and may do what we cannot; he is lent the run until the next try.
 */
static bool reap_again(const struct watch *watch, bool told)
{
	int pause_ms = RETRY_MS;
	bool lent = false;

	for (;;) {
		forget_signals(watch);
		enum reaped reaped = reap_ours(watch->run, lent);
		if (reaped == REAPED || pause_ms > RETRY_MAX_MS)
			return reaped == REAPED;
		if (reaped == REAPED_IDLE && told)
			lent = flock(watch->run->fd, LOCK_UN) == 0;
		told = !pause_reaping(watch, pause_ms);
		if (!told) /* else it tries again at once */
			pause_ms *= 2;
	}
}

static bool guard_run(struct watch *watch)
{
	struct run *run = watch->run;
	const char *why = "";
	char reason[32];
	enum verdict verdict = watch_run(watch, &why);

	if (verdict == FINISHED && reap_finished(run))
		return true;
	if (verdict == LET_GO) {
		record_remove(run);
		return true;
	}
	if (equal(why, CANCEL)) {
		run->why = "cancelled";
	} else if (verdict == MUST_REAP) {
		(void)snprintf(reason, sizeof(reason), "%s is gone", why);
		run->why = reason;
	}
	bool reaped = reap_again(watch, equal(why, CANCEL));
	run->why = NULL; /* the text is this function's */
	return reaped;
}

/* SIGTERM and its like wait in a descriptor, so that no reap is cut short. */
static int open_signals(void)
{
	sigset_t set;

	guard_signals(&set);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : fd;
}

static bool watch_open(struct watch *watch, struct run *run)
{
	struct proc_stat self;
	struct draft draft = {0};

	*watch = (struct watch){.run = run, .signals = open_signals(), .started = boottime_ms()};
	watch->podman = watch->conmon = watch->container = HANDLE_NONE;
	/* one that is dead already leaves its handle closed, and judge() sees it */
	for (size_t i = 0; i < run->holders; i++)
		(void)handle_open_exact(&watch->holder[i], run->holder[i].id);
	if (watch->signals < 0 || !proc_stat(getpid(), &self))
		return false;
	run->guard = (struct process){getpid(), self.start};
	draft_add_process(&draft, "guard", run->guard, NULL);
	return record_append(run, &draft);
}

/*
 * Whether a holder had ended before podman was started, and the run's owner lives: hold, which
 * waits for us, writes another record then.
 */
static bool is_held_anew(struct watch *watch)
{
	_cleanup_handle_ struct handle hold = HANDLE_NONE;
	const char *name;

	return holder_gone(watch, &name) && owner_lives() && hold_open(watch->run, &hold);
}

/* What @record says: the run's name behind the last slash, the directory @path before it. */
static bool split_path(const char *record, char path[PATH_MAX], struct run *run)
{
	const char *slash = strrchr(record, '/');

	if (!slash || file_kind(slash + 1, run->name) != FILE_RECORD || slash - record >= PATH_MAX)
		return false;
	memcpy(path, record, (size_t)(slash - record));
	path[slash - record] = '\0';
	return true;
}

int guard_main(int argc, char *argv[])
{
	_cleanup_run_ struct run run;
	char path[PATH_MAX];
	struct watch watch;
	const char *why;

	(void)prctl(PR_SET_NAME, "podleash"); /* else top(1) calls it `exe`: guard_start() */
	run_init(&run, GUARD_FD_DIRECTORY, "");
	run.fd = GUARD_FD_RECORD;
	if (argc != 2 || fcntl(GUARD_FD_READY, F_GETFD) < 0 || !split_path(argv[1], path, &run)) {
		print_error("guard: not started by hold or sweep, which open its record");
		return WRONG_USAGE;
	}
	/* open, since guard_start() put them there: this cannot fail */
	for (int fd = GUARD_FD_FIRST; fd < GUARD_FD_FIRST + GUARD_FDS; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (!record_read(&run, &why) || !watch_open(&watch, &run)) {
		log_line("%s: no guard for it: %s", argv[1], strerror(errno));
		return EXIT_LEFT;
	}
	if (is_held_anew(&watch))
		return 0;
	/* hold may have gone on without waiting any longer: the run is guarded all the same */
	(void)!write(GUARD_FD_READY, "", 1);
	(void)close(GUARD_FD_READY);
	guard_sweep_others(&run, path);
	return guard_run(&watch) ? 0 : EXIT_LEFT;
}

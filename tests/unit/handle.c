/* SPDX-License-Identifier: Apache-2.0 */
/* Which process a handle holds. */
#include "../../helper/handle.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../helper/util.h"
#include "tap.h"

static void *say_id(void *pipe_end)
{
	pid_t id = (pid_t)syscall(SYS_gettid);

	(void)!write(*(int *)pipe_end, &id, sizeof(id));
	for (;;)
		(void)pause();
	return NULL;
}

static void test_thread(void)
{
	struct handle handle;
	pthread_t thread;
	pid_t id = 0;
	int ends[2];

	ok(pipe(ends) == 0 && pthread_create(&thread, NULL, say_id, &ends[1]) == 0 &&
		   read(ends[0], &id, sizeof(id)) == sizeof(id) && id != getpid(),
	   "a thread says its id");
	ok(!handle_open(&handle, id) && !handle.id.pid && handle.fd < 0,
	   "a thread's id is no process");
	ok(handle_open(&handle, getpid()), "the process is one");
	handle_close(&handle);
}

static void test_child(void)
{
	struct handle handle, other;
	pid_t child = fork();
	siginfo_t info;

	if (child == 0)
		for (;;)
			(void)pause();
	ok(handle_open(&handle, child) && handle_alive(&handle), "a child is held");
	ok(handle_open_exact(&other, handle.id), "by its start as well");
	handle_close(&other);
	ok(!handle_open_exact(&other, (struct process){child, handle.id.start + 1}) &&
		   !other.id.pid && !handle_alive(&other),
	   "another start is another process");
	ok(handle_signal(&handle, SIGKILL) && handle_wait(&handle, 5000) && !handle_alive(&handle),
	   "a signal reaches it");
	ok(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0 && !handle_open(&other, child),
	   "a zombie is dead");
	(void)waitpid(child, NULL, 0);
	ok(!handle_signal(&handle, SIGKILL), "nobody is signalled once it is gone");
	ok(!handle_open(&other, child), "nor held");
	handle_close(&handle);
}

static void *stay(void *unused)
{
	for (;;)
		(void)pause();
	return unused;
}

static bool first_thread_ended(pid_t pid)
{
	struct proc_stat stat;

	return proc_stat(pid, &stat) && stat.state == 'Z';
}

static void test_threads_left(void)
{
	struct handle handle;
	pthread_t thread;
	pid_t child = fork();

	if (child == 0) {
		(void)pthread_create(&thread, NULL, stay, NULL);
		pthread_exit(NULL);
	}
	for (int i = 0; i < 500 && !first_thread_ended(child); i++)
		sleep_ms(10);
	ok(first_thread_ended(child) && handle_open(&handle, child) && handle_alive(&handle),
	   "a process lives on whose first thread has ended");
	ok(handle_signal(&handle, SIGKILL) && handle_wait(&handle, 5000), "a signal reaches it");
	(void)waitpid(child, NULL, 0);
	handle_close(&handle);
}

static void test_no_pid(void)
{
	static const pid_t pids[] = {0, -1, 2147483647, -2147483647};
	struct handle handle;

	for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++)
		ok(!handle_open(&handle, pids[i]) && handle.fd < 0, "%d is no process",
		   (int)pids[i]);
	ok(!handle_signal(&HANDLE_NONE, SIGKILL) && handle_wait(&HANDLE_NONE, 0),
	   "what is closed is signalled never, and dead");
}

int main(void)
{
	test_thread();
	test_child();
	test_threads_left();
	test_no_pid();
	return done();
}

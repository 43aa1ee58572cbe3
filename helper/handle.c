/* SPDX-License-Identifier: Apache-2.0 */
#include "handle.h"

#include <signal.h>
#include <sys/syscall.h>

#include "util.h"

/* How often a process without a pidfd is looked at. */
#define LOOK_MS 10

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* By number: libc has wrappers from glibc 2.36 on. The kernel sets close-on-exec. */
static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/*
 * There is no such process; EINVAL, and ENOENT from Linux 6.16 on, say so of a thread's id.
 * For any other reason the kernel gives no pidfd.
 */
static bool no_such_process(void)
{
	return errno == ESRCH || errno == EINVAL || errno == ENOENT;
}

/* Without a pidfd nothing tells a thread's id from a process's: proc(5) shows both alike. */
static bool is_thread(pid_t pid)
{
	struct proc_status status;

	return proc_status(pid, &status) && status.process != pid;
}

bool handle_open(struct handle *handle, pid_t pid)
{
	struct proc_stat stat;

	*handle = HANDLE_NONE;
	errno = ESRCH;
	if (pid <= 0)
		return false;
	handle->fd = pidfd_open(pid);
	if (handle->fd < 0 && (no_such_process() || is_thread(pid)))
		return false;
	if (!proc_stat(pid, &stat)) {
		handle_close(handle);
		return false;
	}
	handle->id = (struct process){pid, stat.start};
	errno = ESRCH;
	return handle_keep(handle, true);
}

bool handle_open_exact(struct handle *handle, struct process id)
{
	if (!handle_open(handle, id.pid)) {
		if (!is_shortage())
			return false;
		*handle = (struct handle){id, -1}; /* looked at whenever it is asked for */
		return true;
	}
	if (handle->id.start == id.start)
		return true;
	handle_close(handle);
	errno = ESRCH;
	return false;
}

bool handle_keep(struct handle *handle, bool proven)
{
	if (proven && handle_alive(handle))
		return true;
	handle_close(handle);
	return false;
}

void handle_close(struct handle *handle)
{
	cleanup_close(&handle->fd);
	*handle = HANDLE_NONE;
}

/* False with errno: a shortage, or it is dead. */
static bool still_the_same(const struct handle *handle)
{
	struct proc_stat stat;

	if (!proc_stat(handle->id.pid, &stat))
		return false;
	errno = ESRCH;
	return !proc_is_dead(&stat) && stat.start == handle->id.start;
}

bool handle_alive(const struct handle *handle)
{
	return handle->id.pid && !handle_wait(handle, 0);
}

bool handle_signal(const struct handle *handle, int signal)
{
	if (!handle->id.pid)
		return false;
	if (handle->fd >= 0)
		return syscall(SYS_pidfd_send_signal, handle->fd, signal, NULL, 0) == 0;
	return still_the_same(handle) && kill(handle->id.pid, signal) == 0;
}

void handle_wake(const struct handle *handle)
{
	struct proc_stat stat;

	if (proc_stat(handle->id.pid, &stat) && stat.state == 'T')
		(void)handle_signal(handle, SIGCONT); /* ended meanwhile is as good */
}

bool handle_wait(const struct handle *handle, int ms)
{
	int64_t deadline = boottime_ms() + ms;

	if (!handle->id.pid)
		return true;
	for (;;) {
		struct pollfd end = {handle->fd, POLLIN, 0};
		int left = ms_until(deadline);
		int ended = handle->fd < 0 ? -1 : poll(&end, 1, left);

		/* without a pidfd, or the memory to wait for it */
		if (ended > 0 || (ended < 0 && !still_the_same(handle) && !is_shortage()))
			return true;
		if (!left)
			return false;
		if (ended < 0)
			sleep_ms(left < LOOK_MS ? left : LOOK_MS);
	}
}

bool pid_may_live(pid_t pid)
{
	_cleanup_handle_ struct handle handle;

	return handle_open(&handle, pid) || is_shortage();
}

bool process_lives(struct process id)
{
	_cleanup_handle_ struct handle handle = HANDLE_NONE;

	return id.pid && handle_open_exact(&handle, id);
}

bool handles_add(struct handles *list, struct handle handle)
{
	struct handle *larger = realloc(list->item, (list->count + 1) * sizeof(*larger));

	if (!larger) {
		handle_close(&handle);
		return false;
	}
	list->item = larger;
	list->item[list->count++] = handle;
	return true;
}

bool handles_have(const struct handles *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->item[i].id.pid == pid)
			return true;
	return false;
}

void handles_signal(const struct handles *list, int signal)
{
	for (size_t i = 0; i < list->count; i++)
		(void)handle_signal(&list->item[i], signal); /* dead already is as good */
}

void handles_wake(const struct handles *list)
{
	for (size_t i = 0; i < list->count; i++)
		handle_wake(&list->item[i]);
}

bool handles_wait(const struct handles *list, int ms)
{
	int64_t deadline = boottime_ms() + ms;
	bool all = true;

	for (size_t i = 0; i < list->count; i++)
		all = handle_wait(&list->item[i], ms_until(deadline)) && all;
	return all;
}

void handles_close(struct handles *list)
{
	for (size_t i = 0; i < list->count; i++)
		handle_close(&list->item[i]);
	free(list->item);
	*list = (struct handles){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hold on one process that its death and the reuse of its pid cannot loosen: a pidfd, opened
 * first and verified second (pidfd_open(2), Linux 5.3). Where there is none (RHEL 8: 4.18), or
 * descriptors are short, the start time is compared before each kill(2), which leaves the window
 * between the two.
 */
#ifndef PODLEASH_HANDLE_H
#define PODLEASH_HANDLE_H

#include <poll.h>

#include "proc.h"

struct handle {
	struct process id; /* pid 0: closed */
	int fd;		   /* -1: the kernel has no pidfds, or none to spare */
};

#define HANDLE_NONE ((struct handle){.fd = -1})

/*
 * Opens @pid, whoever it is now. False where it is dead, or with a shortage in errno (util.h) could
 * not be looked at.
 */
bool handle_open(struct handle *handle, pid_t pid);

/*
 * Opens exactly @id. False where that is dead, whoever has its pid now. One that cannot be looked
 * at for a shortage counts as alive until it can, and gets no signal.
 */
bool handle_open_exact(struct handle *handle, struct process id);

void handle_close(struct handle *handle);
#define _cleanup_handle_ __attribute__((cleanup(handle_close)))

/*
 * Whether it was @proven to be who is meant, and lives: then what was read was its own. Else the
 * handle is closed.
 */
bool handle_keep(struct handle *handle, bool proven);

/*
 * Whether the process lives: neither gone nor a zombie. A closed handle's does not. One whose
 * first thread alone has ended lives, but where there is no pidfd to tell it from a zombie.
 */
bool handle_alive(const struct handle *handle);

/* Signals the process. False where it is dead or may not be signalled (errno). */
bool handle_signal(const struct handle *handle, int signal);

/*
 * Wakes a process that a signal has stopped. One that runs gets no SIGCONT: podman would hand it on
 * to its container, and complain where that has ended (podman, libpod terminal.ProxySignals).
 */
void handle_wake(const struct handle *handle);

/* Waits at most @ms for the death of the process; returns whether it is dead. */
bool handle_wait(const struct handle *handle, int ms);

/* Whether exactly @id lives, or may: the one-time question. */
bool process_lives(struct process id);

/*
 * Whether whoever has @pid lives, or may. No zombie does, unless other threads of it run: a pidfd
 * tells these apart.
 */
bool pid_may_live(pid_t pid);

/* A list of handles; owns them. */
struct handles {
	struct handle *item;
	size_t count;
};

/* Takes @handle over. False, with the handle closed, where memory is short. */
bool handles_add(struct handles *list, struct handle handle);
bool handles_have(const struct handles *list, pid_t pid);
void handles_signal(const struct handles *list, int signal);
void handles_wake(const struct handles *list);
/* Waits at most @ms for all of them; returns whether all are dead. */
bool handles_wait(const struct handles *list, int ms);
void handles_close(struct handles *list);

#endif

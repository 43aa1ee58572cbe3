/* SPDX-License-Identifier: Apache-2.0 */
/*
 * without_pidfd COMMAND [ARG…]: runs it, and all that it starts, as on a kernel that has no pidfds
 * (before 5.3; RHEL 8 has 4.18): a filter answers ENOSYS. Needs CAP_SYS_ADMIN.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The same numbers on every architecture; older headers have no names for them. */
#define PIDFD_SEND_SIGNAL 424
#define PIDFD_OPEN	  434
#define PIDFD_GETFD	  438

int main(int argc, char *argv[])
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PIDFD_SEND_SIGNAL, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PIDFD_OPEN, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PIDFD_GETFD, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (argc < 2 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("without_pidfd");
		return 126;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}

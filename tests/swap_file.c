/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swap_file FILE GOOD VICTIM: as fast as it can, and until it is killed, puts in the place
 * of FILE by rename a copy of GOOD, a symbolic and a hard link to VICTIM, a FIFO,
 * and nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(const char *from, const char *to)
{
	char bytes[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t size = read(in, bytes, sizeof(bytes));

	if (size > 0)
		(void)!write(out, bytes, (size_t)size);
	(void)close(in);
	(void)close(out);
}

int main(int argc, char *argv[])
{
	char next[4096];

	if (argc != 4)
		return 2;
	(void)snprintf(next, sizeof(next), "%s.next", argv[1]);
	for (unsigned int turn = 0;; turn++) {
		(void)unlink(next);
		switch (turn % 5) {
		case 0:
			copy(argv[2], next);
			break;
		case 1:
			(void)!symlink(argv[3], next);
			break;
		case 2:
			(void)!link(argv[3], next);
			break;
		case 3:
			(void)mkfifo(next, 0600);
			break;
		default:
			(void)unlink(argv[1]);
		}
		(void)rename(next, argv[1]);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "file.h"
#include "util.h"

#define LINE_SIZE 1024

static const char *log_file;

void log_init(void)
{
	const char *file = getenv("PODLEASH_LOG");

	/* the guard's working directory is /: a relative name would mean two files */
	log_file = file && file[0] == '/' ? file : NULL;
}

static bool log_to_file(const char *line)
{
	_cleanup_close_ int fd = file_open_log(log_file);
	char stamped[LINE_SIZE + 64];
	time_t now = time(NULL);
	struct tm utc;

	if (fd < 0 || !gmtime_r(&now, &utc))
		return false;
	size_t length = strftime(stamped, sizeof(stamped), "%Y-%m-%dT%H:%M:%SZ ", &utc);
	int more = snprintf(stamped + length, sizeof(stamped) - length, "podleash[%d]: %s\n",
			    (int)getpid(), line);
	/* one write a line, so that lines of many guards do not mix */
	return write(fd, stamped, length + (size_t)more) >= 0;
}

/*
 * syslog(3) waits while /dev/log is full; a guard that must end a container, and a
 * job that must start, do not. The line is lost then.
 */
static void log_to_syslog(const char *line)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char message[LINE_SIZE + 64], stamp[32];
	time_t now = time(NULL);
	struct tm local;

	if (fd < 0 || !localtime_r(&now, &local) ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return;
	(void)strftime(stamp, sizeof(stamp), "%b %e %T", &local);
	int length = snprintf(message, sizeof(message), "<%d>%s podleash[%d]: %s",
			      LOG_DAEMON | LOG_NOTICE, stamp, (int)getpid(), line);
	(void)send(fd, message, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* One line it is, and plain: a file's name or an argument may hold what commands a terminal. */
void format_line(char *line, size_t size, const char *format, va_list arguments)
{
	(void)vsnprintf(line, size, format, arguments); /* cut where too long */
	make_printable(line);
}

void log_line(const char *format, ...)
{
	char line[LINE_SIZE];
	int saved = errno;
	va_list arguments;

	va_start(arguments, format);
	format_line(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (!log_file || !log_to_file(line))
		log_to_syslog(line);
	errno = saved;
}

void print_error(const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	format_line(line, sizeof(line), format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "podleash: %s\n", line);
}

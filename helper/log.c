/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "commands.h"
#include "file.h"
#include "record.h"
#include "util.h"

#define LINE_SIZE      1024
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

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

/* Nobody here waits for a logger: false where none takes @message at once. */
static bool send_to(const char *path, const char *message, size_t length)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1); /* one of the two below */
	return fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof(address)) &&
	       send(fd, message, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* syslog(3) waits while /dev/log is full. */
static void log_to_syslog(const char *line)
{
	char message[LINE_SIZE + 64], stamp[32];
	time_t now = time(NULL);
	struct tm local;

	if (!localtime_r(&now, &local))
		return;
	(void)strftime(stamp, sizeof(stamp), "%b %e %T", &local);
	int length = snprintf(message, sizeof(message), "<%d>%s podleash[%d]: %s",
			      LOG_DAEMON | LOG_NOTICE, stamp, (int)getpid(), line);
	(void)send_to("/dev/log", message, (size_t)length); /* else the line is lost */
}

void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* An entry in the journal's own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): NAME=value lines. */
struct entry {
	char text[2 * LINE_SIZE];
	size_t length;
};

/* What is empty gets no field, and what does not fit none either. */
static void add_field(struct entry *entry, const char *name, const char *value)
{
	char *field = entry->text + entry->length;
	size_t room = sizeof(entry->text) - entry->length;
	int length = snprintf(field, room, "%s=%s", name, value);

	if (!value[0] || (size_t)length + 1 >= room)
		return;
	make_printable(field);
	field[length] = '\n';
	entry->length += (size_t)length + 1;
}

static bool log_to_journal(const char *line, const struct run *run, const char *reason)
{
	struct entry entry = {.length = 0};
	char number[16];

	add_field(&entry, "MESSAGE", line);
	(void)snprintf(number, sizeof(number), "%d", LOG_NOTICE);
	add_field(&entry, "PRIORITY", number);
	(void)snprintf(number, sizeof(number), "%d", LOG_FAC(LOG_DAEMON));
	add_field(&entry, "SYSLOG_FACILITY", number);
	add_field(&entry, "SYSLOG_IDENTIFIER", "podleash");
	if (run) {
		add_field(&entry, "PODLEASH_UNIT", run->unit);
		add_field(&entry, "PODLEASH_RUN", run->name);
		add_field(&entry, "PODLEASH_CONTAINER_ID", run->cid);
	}
	if (reason)
		add_field(&entry, "PODLEASH_REASON", reason);
	return send_to(JOURNAL_SOCKET, entry.text, entry.length);
}

static void put(const char *line, const struct run *run, const char *reason)
{
	int saved = errno;

	if ((!log_file || !log_to_file(line)) && !log_to_journal(line, run, reason))
		log_to_syslog(line);
	errno = saved;
}

const char *log_place(const char *unit)
{
	static char command[256];

	if (log_file && file_takes_log(log_file))
		return log_file;
	if (access(JOURNAL_SOCKET, F_OK))
		return "syslog";
	(void)snprintf(command, sizeof(command), LOG_OF_JOURNAL "%s%s",
		       unit ? " PODLEASH_UNIT=" : "", unit ? unit : "");
	return command;
}

/* One line it is, and plain: a file's name or an argument may hold what commands a terminal. */
void format_line(char *line, size_t size, const char *format, va_list arguments)
{
	(void)vsnprintf(line, size, format, arguments); /* cut where too long */
	make_printable(line);
}

void log_run(const struct run *run, const char *reason, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;
	int length = 0;

	if (run)
		length = snprintf(line, sizeof(line), "unit %s%s%s: ", run->unit,
				  run->name[0] ? ", run " : "", run->name);
	va_start(arguments, format);
	format_line(line + length, sizeof(line) - (size_t)length, format, arguments);
	va_end(arguments);
	put(line, run, reason);
}

void log_ending(struct run *run)
{
	if (run->why)
		log_run(run, run->why, "ending it: %s", run->why);
	run->why = NULL;
}

static const char *speaker = "podleash";

void print_errors_as(const char *name)
{
	speaker = name;
}

void print_error(const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	format_line(line, sizeof(line), format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "%s: %s\n", speaker, line);
}

/* Whether whoever reads stdout has gone: what is not printed then nobody misses. */
static bool reader_is_gone(void)
{
	struct pollfd end = {STDOUT_FILENO, POLLOUT, 0};

	return poll(&end, 1, 0) == 1 && end.revents & (POLLERR | POLLHUP);
}

int check_output(int status)
{
	errno = 0;
	bool whole = fflush(stdout) == 0 && !ferror(stdout);
	int error = errno;

	if (whole || reader_is_gone())
		return status;
	print_error("standard output: %s; not all could be printed",
		    error ? strerror(error) : "a write failed");
	return status ? status : EXIT_LEFT;
}

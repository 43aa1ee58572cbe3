/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of /proc, however a process may have named itself. */
#include "../../helper/proc.h"

#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "tap.h"

/* Fields 3 to 24 of a /proc/PID/stat as the kernel prints them; `start` is the 22nd of the line. */
#define FIELDS                                                                                     \
	" S 4711 4712 4713 34816 4713 4194560 100 200 300 400 5 6 7 8 20 0 1 0 987654321 1024 "    \
	"256\n"

static void test_stat_names(void)
{
	static const struct {
		const char *behaviour, *name, *kept;
	} rows[] = {
		{"a plain name", "conmon", "conmon"},
		{"an empty name", "", ""},
		{"a name with a space", "a b", "a b"},
		{"a name with an opening bracket", "a(b", "a(b"},
		{"a name with a closing bracket", "a)b", "a)b"},
		{"a name that ends like the name's end", "x) S 1 1 1 0", "x) S 1 1 1 0"},
		{"a name of brackets alone", ")))(((", ")))((("},
		{"a name with a newline", "a\nb) Z 1", "a\nb) Z 1"},
		{"a name of other bytes than ASCII", "\xff\x80 \x01", "\xff\x80 \x01"},
		{"a name of 15 bytes", "123456789012345", "123456789012345"},
		{"a longer name, which is cut", "kworker/u16:2+flush", "kworker/u16:2+f"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct proc_stat stat;
		char text[256];
		int size = snprintf(text, sizeof(text), "123 (%s)%s", rows[i].name, FIELDS);

		bool parsed = proc_parse_stat(text, (size_t)size, &stat);
		ok(parsed && !strcmp(stat.name, rows[i].kept), "stat: %s", rows[i].behaviour);
		ok(parsed && stat.state == 'S' && stat.ppid == 4711 && stat.session == 4713 &&
			   stat.tty == 34816 && !stat.exiting && stat.cpu == 11 &&
			   stat.start == 987654321,
		   "stat: %s does not shift the fields behind it", rows[i].behaviour);
	}
}

static void test_stat_damaged(void)
{
	static const struct {
		const char *behaviour, *text;
	} rows[] = {
		{"nothing", ""},
		{"no name", "123 S 1 1 1 0"},
		{"no closing bracket", "123 (name S 1 1 1 0"},
		{"the brackets the wrong way round", "123 )name( S 1 1 1 0"},
		{"nothing behind the name", "123 (name)"},
		{"an end before the start time", "123 (name) S 1 2 3 0 5 6 7 8 9 10 11 12"},
		{"a word in a number's place", "123 (name) S one" FIELDS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct proc_stat stat;

		ok(!proc_parse_stat(rows[i].text, strlen(rows[i].text), &stat),
		   "stat: %s is refused", rows[i].behaviour);
	}

	static const char hidden[] = "123 (a\0b)" FIELDS;
	struct proc_stat stat;
	ok(proc_parse_stat(hidden, sizeof(hidden) - 1, &stat) && stat.ppid == 4711,
	   "stat: a NUL in the name hides nothing behind it");

	static const char large[] = "1 (a) S 1 1 1 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 "
				    "18446744073709551615 1\n";
	ok(proc_parse_stat(large, sizeof(large) - 1, &stat) && stat.start == UINT64_MAX,
	   "stat: a start time of 64 bits");

	static const char busy[] = "1 (a) S 1 1 1 0 1 1 1 1 1 1 4294967296 18446744065119617030 1 "
				   "1 1 1 1 1 9 1\n";
	ok(proc_parse_stat(busy, sizeof(busy) - 1, &stat) && stat.cpu == 18446744069414584326U &&
		   stat.start == 9,
	   "stat: the time that it has run, by itself and in the kernel, of 64 bits");

	static const char exiting[] = "1 (a) S 1 1 1 0 1 4194564 1 1 1 1 1 1 1 1 1 1 1 1 9";
	ok(proc_parse_stat(exiting, sizeof(exiting) - 1, &stat) && stat.exiting,
	   "stat: one that is exiting is told");

	static const char zombie[] = "1 (a)"
				     " Z 1 1 1 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 5 1\n";
	ok(proc_parse_stat(zombie, sizeof(zombie) - 1, &stat) && stat.state == 'Z',
	   "stat: a zombie is told");
}

#define SIGNALS "SigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n"
#define MASKS                                                                                      \
	"Tgid:\t4711\nUid:\t1\t2\t3\t4\n"                                                          \
	"SigPnd:\t0\nSigBlk:\t0000000000004000\nSigIgn:\t0000000000001000\nSigCgt:"                \
	"\t8000000000000001\n"

static void test_status(void)
{
	static const struct {
		const char *behaviour, *nspid;
		bool init;
	} rows[] = {
		{"no NSpid line", "", false},
		{"pid 1 of its only namespace is not a container's init", "NSpid:\t1\n", false},
		{"a pid of one namespace", "NSpid:\t4711\n", false},
		{"pid 1 of an inner namespace", "NSpid:\t4711\t1\n", true},
		{"pid 1 of the innermost of three namespaces", "NSpid:\t4711\t8\t1\n", true},
		{"pid 1 of a namespace in the middle", "NSpid:\t4711\t1\t8\n", false},
		{"a pid that starts with 1", "NSpid:\t4711\t12\n", false},
		{"a pid that ends with 1", "NSpid:\t4711\t21\n", false},
		{"a pid that is no number", "NSpid:\t4711\t1s\n", false},
		{"a pid on the next line", "NSpid:\t4711\t\n1\n", false},
		{"a line without a tab", "NSpid:\n", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct proc_status status;
		char text[512];

		(void)snprintf(text, sizeof(text), "Name:\tsh\nState:\tS\n%s%s", rows[i].nspid,
			       MASKS);
		ok(proc_parse_status(text, &status) && status.namespace_init == rows[i].init,
		   "status: %s", rows[i].behaviour);
		ok(status.blocked == 0x4000 && status.ignored == 0x1000 &&
			   status.caught == 0x8000000000000001,
		   "status: %s: the signals", rows[i].behaviour);
	}

	static const char *const missing[] = {
		"",
		"Name:\tsh\n",
		"Name:\tsh\nSigBlk:\t0\nSigIgn:\t0\n",
		"Name:\tsh\nSigBlk:\t0\nSigCgt:\t0\n",
		"Name:\tsh\nSigIgn:\t0\nSigCgt:\t0\n",
		"Name:\tSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n",
		"Name:\tsh\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\tnone\n",
		"Name:\tsh\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t\nFDSize:\t64\n",
		"Name:\tsh\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t-1\n",
	};
	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
		struct proc_status status;
		char text[256];

		(void)snprintf(text, sizeof(text), "Umask:\t0\nTgid:\t1\nUid:\t1\t1\t1\t1\n%s",
			       missing[i]);
		ok(!proc_parse_status(missing[i], &status) && !proc_parse_status(text, &status),
		   "status: a missing line is noticed, %zu", i + 1);
	}
}

static void test_users(void)
{
	static const char text[] = "Name:\tTgid:\t1\nUmask:\t0\nTgid:\t7\nPid:\t9\n"
				   "Uid:\t1\t2\t4294967294\t4\n" SIGNALS;
	struct proc_status status;

	ok(proc_parse_status(text, &status) && status.process == 7,
	   "status: the process of a thread");
	ok(status.uid == 1 && status.effective_uid == 2 && status.saved_uid == 4294967294,
	   "status: the user's three numbers");
	ok(!proc_parse_status("Name:\ta\nTgid:\t7\n" SIGNALS, &status) &&
		   !proc_parse_status("Name:\ta\nTgid:\tx\nUid:\t1\t2\t3\t4\n" SIGNALS, &status) &&
		   !proc_parse_status("Name:\ta\nTgid:\t7\nUid:\t1\t2\n" SIGNALS, &status) &&
		   !proc_parse_status("Name:\ta\nUid:\t1\t2\t3\t4\n" SIGNALS, &status),
	   "status: a missing user or process is noticed");
	ok(proc_is_of(getpid(), getuid()) && !proc_is_of(getpid(), getuid() + 1) &&
		   !proc_is_of(0, 0),
	   "this process is its user's");
}

#define CID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_container_marks(void)
{
	static const struct {
		const char *text;
		bool inside;
	} cgroups[] =
		{
			{"1:pids:/libpod_parent/libpod-" CID "\n0::/\n", true},
			{"0::/machine.slice/libpod-" CID ".scope/container\n", true},
			{"0::/user.slice/libpod-" CID "/inner\n", true},
			{"0::/machine.slice/libpod-conmon-" CID ".scope\n", false},
			{"0::/mylibpod-" CID "\n", false},
			{"0::/libpod-" CID "0\n", false},
			{"0::/libpod-" CID "0\n1:pids:/libpod-" CID "\n", true},
			{"0::/libpod-\n", false},
			{"", false},
		},
	  mounts[] = {
		  {"1 2 0:1 /a/" CID "/userdata/.containerenv /run/.containerenv rw - ext4 a rw\n",
		   true},
		  {"1 2 0:1 /a/" CID
		   "/userdata/.containerenv//deleted /run/.containerenv rw - ext4 a rw\n",
		   true},
		  {"1 2 0:1 /a/" CID "/userdata/.containerenv /mnt rw - ext4 a rw\n", false},
		  {"1 2 0:1 /a/" CID "/userdata/hosts /etc/hosts rw - ext4 a rw\n", false},
		  {"1 2 0:1 /a/" CID "0/userdata/.containerenv /run/.containerenv rw - a a rw\n",
		   false},
		  {"1 2 0:1 / /run/.containerenv rw - ext4 /" CID "/userdata/.containerenv rw\n",
		   false},
		  {"", false},
	  };

	for (size_t i = 0; i < sizeof(cgroups) / sizeof(*cgroups); i++)
		ok(in_container_cgroup(cgroups[i].text, CID) == cgroups[i].inside,
		   "container: by its cgroup, %zu", i + 1);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
		ok(has_container_mount(mounts[i].text, CID) == mounts[i].inside,
		   "container: by its mounts, %zu", i + 1);
	ok(!in_container_cgroup(cgroups[7].text, "") && !has_container_mount(mounts[0].text, ""),
	   "container: no id is no container's");
}

/* Splits @size bytes and compares them with @expected, whose words stand apart by '|'. */
static void split(const char *bytes, size_t size, const char *expected, const char *behaviour)
{
	char *text = malloc(size + 1), joined[128] = "";
	struct words words;

	memcpy(text, bytes, size);
	text[size] = '\0';
	bool split = words_split(text, size, &words);
	for (size_t i = 0; i < words.count; i++) {
		strcat(joined, words.word[i]);
		strcat(joined, "|");
	}
	ok(split == (size > 0) && !strcmp(joined, expected), "words: %s", behaviour);
	ok(!split || !words.word[words.count], "words: %s: NULL behind the last", behaviour);
	words_free(&words);
}

static void test_words(void)
{
	split("podman\0run\0image", 17, "podman|run|image|", "a command line");
	split("podman", 7, "podman|", "a single word");
	split("podman\0run", 10, "podman|run|", "a last word without its NUL");
	split("a\0\0b", 5, "a||b|", "an empty word is a word");
	split("\0", 1, "|", "an empty name");
	split("a\0\0", 3, "a||", "an empty last word");
	split("\0\0\0", 3, "|||", "empty words alone");
	split("a b\n", 5, "a b\n|", "a title that a process gave itself is one word");
	split("", 0, "", "nothing at all is no command line");
}

static void test_pid(void)
{
	static const struct {
		const char *text;
		pid_t pid;
		const char *behaviour;
	} rows[] = {
		{"1", 1, "one"},
		{"4711", 4711, "a pid"},
		{"4711\n", 4711, "a pid and a newline"},
		{"004711", 4711, "leading zeros"},
		{"2147483647", 2147483647, "the largest pid"},
		{"2147483648", 0, "2^31"},
		{"4294967297", 0, "2^32 + 1"},
		{"9999999999", 0, "ten digits that are too many"},
		{"18446744073709551617", 0, "2^64 + 1"},
		{"00000004711", 0, "more digits than any pid has"},
		{"0", 0, "zero"},
		{"0\n", 0, "zero and a newline"},
		{"-1", 0, "minus one, which is everyone"},
		{"-4711", 0, "a process group"},
		{"+4711", 0, "a plus sign"},
		{" 4711", 0, "a blank before it"},
		{"\t4711", 0, "a tab before it"},
		{"\n4711", 0, "a newline before it"},
		{"4711 ", 0, "a blank behind it"},
		{"4711\r\n", 0, "the end of line of another system"},
		{"4711\n\n", 0, "two newlines"},
		{"4711\n4712\n", 0, "two pids"},
		{"4711x", 0, "a letter behind it"},
		{"0x10", 0, "a hexadecimal number"},
		{"4711.5", 0, "a fraction"},
		{"", 0, "nothing"},
		{"\n", 0, "a newline alone"},
		{"self", 0, "a word"},
		{"\xd9\xa1", 0, "digits of another script"},
	};
	static const char hidden[] = "12\0"
				     "34";

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ok(proc_parse_pid(rows[i].text, strlen(rows[i].text)) == rows[i].pid, "pid: %s %s",
		   rows[i].behaviour, rows[i].pid ? "is read" : "is refused");
	ok(proc_parse_pid(hidden, sizeof(hidden) - 1) == 0, "pid: what a NUL hides is seen");
}

/* Starts a copy of sleep(1) at @path; returns its pid once it runs. */
static pid_t start_copy(const char *path)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cp \"$(command -v sleep)\" '%s'", path);
	return system(command) ? -1 : child_start(path, environ, false);
}

static void test_own_process(void)
{
	char directory[] = "/tmp/unit-proc.XXXXXX", path[64], exe[NAME_MAX + 1];
	struct proc_stat self, child;
	struct words words;

	ok(proc_stat(getpid(), &self) && self.ppid == getppid(), "a process is read");
	ok(!proc_stat(0, &child), "there is no process 0");

	if (!mkdtemp(directory))
		return;
	(void)snprintf(path, sizeof(path), "%s/a ) b", directory);
	pid_t pid = start_copy(path);
	ok(proc_exe_name(pid, exe) && !strcmp(exe, "a ) b"), "a program's name is its file's");
	/* of another process: qemu makes up its own one's, without a session */
	ok(proc_stat(pid, &child) && !strcmp(child.name, "a ) b") && child.ppid == getpid() &&
		   child.session == getsid(0) && child.start >= self.start,
	   "a process with a nasty name is read");
	ok(proc_cmdline(pid, &words) && words.count == 2 && !strcmp(words.word[1], "60"),
	   "its command line is read");
	words_free(&words);
	ok(proc_descends(pid, getpid()) && !proc_descends(getpid(), pid),
	   "it descends from its parent, and not the other way round");
	(void)unlink(path);
	ok(proc_exe_name(pid, exe) && !strcmp(exe, "a ) b"),
	   "a program's name is the same after its file was removed");
	(void)kill(pid, SIGKILL);
	siginfo_t info;
	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	ok(proc_stat(pid, &child) && child.state == 'Z',
	   "a dead child is a zombie until it is waited for");
	ok(!proc_cmdline(pid, &words), "a zombie has no command line");
	ok(!proc_exe_name(pid, exe), "a zombie has no program");
	(void)waitpid(pid, NULL, 0);
	ok(!proc_stat(pid, &child), "a process that is no more is not read");
	(void)rmdir(directory);
}

int main(void)
{
	test_stat_names();
	test_stat_damaged();
	test_status();
	test_users();
	test_container_marks();
	test_words();
	test_pid();
	test_own_process();
	return done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is a conmon, by what podman gave it (role.c of the fuzzers judges the other proofs), and
 * which container is meant, by the id's file.
 */
#include "../../helper/identity.h"

#include <stdint.h>

#include "../../helper/util.h"
#include "child.h"
#include "tap.h"

#define CID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ENDS  "--exit-command", "podman", "--exit-command-arg"
#define WORDS 16

static const struct {
	const char *behaviour;
	const char *words[WORDS];
	bool proven;
} rows[] = {
	{"podman's own", {"conmon", "-c", CID, "-u", CID, ENDS, CID}, true},
	{"one in the long forms", {"conmon", "--cid", CID, "--cuuid", CID, ENDS, CID}, true},
	{"one of another name", {"/opt/monitor", "-c", CID, "-u", CID, ENDS, CID}, true},
	{"one of no name", {"", "-c", CID, "-u", CID, ENDS, CID}, true},
	{"one of another container", {"conmon", "-c", OTHER, "-u", OTHER, ENDS, OTHER}, false},
	{"one with the other's id alone", {"conmon", "-c", OTHER, "-u", CID, ENDS, CID}, false},
	{"one of a podman exec", {"conmon", "-c", CID, "-u", OTHER, ENDS, OTHER}, false},
	{"a podman exec that cleans up after the container",
	 {"conmon", "-c", CID, "-u", OTHER, ENDS, CID},
	 false},
	{"one without -c", {"conmon", "-u", CID, ENDS, CID}, false},
	{"one without -u", {"conmon", "-c", CID, ENDS, CID}, false},
	{"one without an exit command", {"conmon", "-c", CID, "-u", CID}, false},
	{"one whose exit command is of another container",
	 {"conmon", "-c", CID, "-u", CID, ENDS, OTHER},
	 false},
	{"one whose exit command goes on behind the id",
	 {"conmon", "-c", CID, "-u", CID, ENDS, CID, "--exit-command-arg", "x"},
	 false},
	{"one whose flags are another flag's values",
	 {"conmon", "-n", "-c", CID, "-u", CID, ENDS, CID},
	 false},
	{"a shell that has the words", {"sh", "x", "-c", CID, "-u", CID, ENDS, CID}, false},
	{"one word", {"conmon"}, false},
	{"no word", {NULL}, false},
};

static struct words words_of(const char *const list[])
{
	struct words words = {.word = (char **)(uintptr_t)list};

	while (list[words.count])
		words.count++;
	return words;
}

#define RUN "4711-1a"

/* Puts @size bytes of @text into the run's id file, and says what is learned from it: "" or an id.
 */
static const char *learned(int directory, const char *text, size_t size, const char *cidfile)
{
	static struct run run;
	int fd = openat(directory, RUN ID_SUFFIX, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)!write(fd, text, size);
	(void)close(fd);
	run_init(&run, directory, RUN);
	run.cidfile = cidfile;
	(void)learn_conmon(&run);
	return run.cid;
}

static void test_id_file(void)
{
	static const struct {
		const char *behaviour, *text;
		size_t size;
	} none[] = {
		{"an empty file", "", 0},
		{"half of one", CID, 32},
		{"one digit less", CID, 63},
		{"one with a newline", CID "\n", 65},
		{"one with a NUL", CID, 65},
		{"one with a NUL in it", "0123\0" CID, 64},
		{"two", CID CID, 128},
		{"one in capitals",
		 "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", 64},
	};
	char path[] = "/tmp/unit-identity.XXXXXX", users[64], cid[CID_SIZE];
	int directory = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const char *ours = "/elsewhere/" RUN ID_SUFFIX;
	struct run run;

	ok(equal(learned(directory, CID, 64, ours), CID),
	   "an id is learned, whatever the directory is called by now");
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		ok(!learned(directory, none[i].text, none[i].size, ours)[0], "%s is no id",
		   none[i].behaviour);
	(void)snprintf(users, sizeof(users), "%s/" RUN ID_SUFFIX, path);
	ok(!learned(directory, "no id", 5, "")[0], "without a file of it nothing is learned");
	run_init(&run, directory, "4711-1b");
	run.cidfile = users;
	ok(!read_foreign_cid(&run, cid), "what is no id is none in the user's own either");
	(void)learned(directory, CID, 64, "");
	ok(!learn_conmon(&run) && !run.cid[0], "from a file of the user's own nothing is learned");
	ok(read_foreign_cid(&run, cid) && equal(cid, CID), "but it can be read");
	run_init(&run, directory, RUN);
	run.cidfile = users;
	ok(!read_foreign_cid(&run, cid), "ours is none of the user's");
	(void)unlinkat(directory, RUN ID_SUFFIX, 0);
	(void)!symlinkat("/dev/null", directory, RUN ID_SUFFIX);
	run.cidfile = ours;
	ok(!learn_conmon(&run) && !run.cid[0], "a symlink is not followed");
	(void)unlinkat(directory, RUN ID_SUFFIX, 0);
	(void)close(directory);
	(void)rmdir(path);
}

int main(void)
{
	char pipe[] = "_OCI_SYNCPIPE=3", other[] = "X_OCI_SYNCPIPE=3";
	pid_t with = child_start_with(pipe, true), without = child_start_with(other, true);
	pid_t forked = child_start_with(pipe, false);
	const struct words first = words_of(rows[0].words);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct words words = words_of(rows[i].words);

		ok(is_conmon_of(CID, with, &words) == rows[i].proven, "%s is %s", rows[i].behaviour,
		   rows[i].proven ? "a conmon of it" : "none");
	}
	ok(!is_conmon_of(CID, without, &first), "one without podman's pipe is none");
	ok(!is_conmon_of(CID, forked, &first), "nor one that leads no session: a conmon's child");
	ok(!is_conmon_of(CID, 0, &first), "nor one whose environment cannot be read");
	ok(!is_conmon_of("", with, &first), "without an id none is");
	child_end(with);
	child_end(without);
	child_end(forked);
	test_id_file();
	return done();
}

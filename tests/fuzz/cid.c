/* SPDX-License-Identifier: Apache-2.0 */
/* The file RUN.cid: 64 lower-case hex digits and not a byte more, or nothing is known. */
#include <fcntl.h>
#include <unistd.h>

#include "../../helper/identity.h"
#include "../../helper/util.h"
#include "fuzz.h"

#define RUN "4711-1a"

static char path[] = "/tmp/fuzz-cid.XXXXXX";
static char user_path[sizeof(path) + sizeof("/" RUN ID_SUFFIX)];
static int directory = -1, file;

static void clean(void)
{
	(void)unlinkat(directory, RUN ID_SUFFIX, 0);
	(void)rmdir(path);
}

static void prepare(void)
{
	if (directory >= 0)
		return;
	must(mkdtemp(path) && atexit(clean) == 0);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	file = openat(directory, RUN ID_SUFFIX, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	must(directory >= 0 && file >= 0);
	(void)snprintf(user_path, sizeof(user_path), "%s/" RUN ID_SUFFIX, path);
}

/* What an id is, told in another way. */
static bool is_id(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((data[i] < '0' || data[i] > '9') && (data[i] < 'a' || data[i] > 'f'))
			return false;
	return size == CID_SIZE - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), cid[CID_SIZE];
	struct run run;

	prepare();
	must(pwrite(file, data, size, 0) == (ssize_t)size && ftruncate(file, (off_t)size) == 0);
	run_init(&run, directory, RUN);
	run.cidfile = "/pids/" RUN ID_SUFFIX;
	must(!learn_conmon(&run));
	must(equal(run.cid, is_id(data, size) ? text : ""));

	/* in a file of another name, the user's own, it proves nothing */
	run_init(&run, directory, "4711-1b");
	run.cidfile = user_path;
	must(!learn_conmon(&run) && !run.cid[0]);
	must(read_foreign_cid(&run, cid) == is_id(data, size));
	must(!is_id(data, size) || equal(cid, text));
	free(text);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "receptor.h"

#include <stdio.h>

#include "../preload/podman_command.h"
#include "util.h"

struct search {
	struct receptor *receptor;
	size_t count;
};

static bool is_daemon(const struct words *words)
{
	if (!equal(path_basename(words->word[0]), "receptor"))
		return false;
	for (size_t i = 1; i < words->count; i++)
		if (equal(words->word[i], "--command-runner"))
			return false;
	return true;
}

/* Where its configuration is, from its own working directory. */
static void find_conf(const struct words *words, struct receptor *receptor)
{
	const char *conf = NULL;

	for (char **word = words->word + 1; *word && !conf; word++)
		conf = equal(*word, "--config") || equal(*word, "-c") ? word[1]
								      : after(*word, "--config=");
	if (conf && conf[0] == '/')
		(void)snprintf(receptor->conf, sizeof(receptor->conf), "%s", conf);
	else if (conf)
		(void)snprintf(receptor->conf, sizeof(receptor->conf), "/proc/%d/cwd/%s",
			       (int)receptor->pid, conf);
}

static bool visit(pid_t pid, void *context)
{
	struct search *search = context;
	struct receptor *receptor = &search->receptor[search->count];
	struct proc_status status;
	_cleanup_words_ struct words words;
	bool known;

	if (!proc_cmdline(pid, &words))
		return true;
	bool here = is_daemon(&words) && proc_status(pid, &status) &&
		    (proc_shares_root(pid, &known) || !known);
	if (here) {
		*receptor = (struct receptor){.pid = pid, .uid = status.uid};
		find_conf(&words, receptor);
		receptor->own = proc_environ(pid, &receptor->environment) && known &&
				proc_is_of(pid, geteuid());
		search->count++;
	}
	return search->count < RECEPTORS_MAX;
}

size_t receptors_find(struct receptor receptor[RECEPTORS_MAX])
{
	struct search search = {receptor, 0};

	(void)proc_each(visit, &search);
	return search.count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work commands in receptor's configuration, and what their command lines say of the leash.
 *
 * Both forms of the file are read (receptor, docs/user_guide/workceptor; ghjm/cmdline):
 *     - work-command:              work-commands:
 *         worktype: NAME             - worktype: NAME
 *         command: PROGRAM             command: PROGRAM
 *         params: WORDS                params: WORDS
 * This is no YAML parser. A value may be plain, quoted or a block (`>-`, `|`), also over several
 * lines; what is written as {…} or […], or has an anchor, an alias, a tag or another escape than \"
 * \\ \/ is found and marked as not understood. Line breaks are blanks: the words are the same. Work
 * commands on receptor's own command line are not looked for.
 */
#ifndef PODLEASH_RECEPTOR_CONF_H
#define PODLEASH_RECEPTOR_CONF_H

#include <stdbool.h>

#include "proc.h"

struct work_command {
	const char *worktype, *command, *params; /* "" where not given */
	bool understood;			 /* else some of them may be missing */
};

/*
 * Calls @found for each work command in the NUL-terminated @text, which it writes to; the
 * strings are @text's and live as long. Pure.
 */
typedef void work_command_found(const struct work_command *command, void *context);
void receptor_conf_read(char *text, work_command_found *found, void *context);

/*
 * Makes the words that receptor starts: the command, and the params as google/shlex splits
 * them. Freed by words_free(). False where memory is short. Pure.
 */
bool work_command_words(const struct work_command *command, struct words *words);

/* Which of @words is a podleash that has `run` behind it, or NULL. Pure. */
const char *words_podleash_run(const struct words *words);

/* Whether the words speak of what starts containers: ansible-runner or podman. Pure. */
bool words_start_containers(const struct words *words);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The users whose runs a command looks at, and what is done as each of them. */
#ifndef PODLEASH_USERS_H
#define PODLEASH_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Owned by the caller; freed by users_free(). */
struct users {
	uid_t *uid;
	size_t count;
};

/* Adds @uid, once. False for one whom passwd(5) or our user namespace does not know. */
bool users_add(struct users *users, uid_t uid);

bool users_have(const struct users *users, uid_t uid);

/*
 * Adds all who may have runs, whom names and numbers tell alone: nothing of theirs is opened. We,
 * the owner of /run/podleash, the users of processes of this program, of /run/user/UID and of
 * /tmp/podleash-UID. Returns how many processes are of nobody who is known here; each is named on
 * stderr.
 */
size_t users_find(struct users *users);
void users_free(struct users *users);
#define _cleanup_users_ __attribute__((cleanup(users_free)))

/*
 * In a child that has become another user: gives up what root still has, its descriptors but for
 * stdin, stdout and stderr, and its session keyring. What that user has chosen may run then.
 */
void users_drop_rights(void);

/*
 * Calls @function as each of @users, one after the other or @at_once, and returns what they
 * returned: EXIT_NOTHING where all did, else the others' statuses, or'ed. For root another user's
 * call is in a child that becomes him for good: groups, gid, uid, a session without a terminal, and
 * an environment of PATH, HOME, USER and LOGNAME alone, and users_drop_rights(). Nobody can hold up
 * the others: a child that takes more than @ms (-1: as long as it likes), or that its user has
 * stopped, is killed, named on stderr, and counts as EXIT_LEFT.
 */
int users_call(const struct users *users, bool at_once, int ms, int (*function)(void *context),
	       void *context);

#endif

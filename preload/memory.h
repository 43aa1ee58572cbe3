/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for a command line, which a stack may have no room for. Async-signal-safe. */
#ifndef PODLEASH_MEMORY_H
#define PODLEASH_MEMORY_H

#include <stddef.h>

/*
 * Returns @size bytes, aligned for a pointer, or NULL. A vfork child has the memory of its parent,
 * where what it has mapped stays once it has become another program: there the kernel marks the
 * block as free then, and the next such child takes it again.
 */
void *memory_take(size_t size);

/* Gives it back. */
void memory_give(void *memory);

#endif

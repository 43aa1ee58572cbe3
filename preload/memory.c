/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel says when a vfork child has become another program: it goes through the robust list of
 * a thread that does so, or ends, and marks each word on it that has the thread's id as one whose
 * owner died (get_robust_list(2); futex_exec_release() in the kernel). libc gives such a list to
 * every thread, and none to a vfork child.
 */
#include "memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OWNER_DIED 0x40000000U /* FUTEX_OWNER_DIED of linux/futex.h, which musl has not */
#define LEAST	   (16U << 10)

struct link {
	struct link *next;
};

/* What the kernel reads, linux/futex.h. */
struct robust_list {
	struct link first;
	long offset; /* from a link to its word */
	struct link *pending;
};

struct block {
	struct robust_list
		list; /* of this block alone; its first link is NULL where it is not used */
	struct link link;
	uint32_t owner; /* a thread id, 0, or one with OWNER_DIED */
	size_t size;	/* with this head */
	struct block *next;
};

/* Those that vfork children have left in this process; never fewer. */
static struct block *left;

/* Whether there is no robust list: then ours may stand there for a while. */
static bool has_no_list(void)
{
	struct robust_list *list = NULL;
	size_t size;

	return syscall(SYS_get_robust_list, 0, &list, &size) == 0 && !list;
}

static struct block *map(size_t size)
{
	struct block *block =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		return NULL;
	block->size = size;
	return block;
}

/* Takes one that is free, and large enough. */
static struct block *take_left(size_t size, uint32_t self)
{
	struct block *block = __atomic_load_n(&left, __ATOMIC_ACQUIRE);

	for (; block; block = block->next) {
		uint32_t owner = __atomic_load_n(&block->owner, __ATOMIC_RELAXED);

		if (block->size >= size && (!owner || owner & OWNER_DIED) &&
		    __atomic_compare_exchange_n(&block->owner, &owner, self, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return block;
	}
	return NULL;
}

/* Maps one that stays when its owner is another program. */
static struct block *map_left(size_t size, uint32_t self)
{
	struct block *block = map(size);

	if (!block)
		return NULL;
	block->owner = self;
	block->next = __atomic_load_n(&left, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&left, &block->next, block, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		continue;
	return block;
}

void *memory_take(size_t size)
{
	uint32_t self = (uint32_t)syscall(SYS_gettid);
	size_t room = LEAST;
	struct block *block;

	size += sizeof(*block);
	if (!has_no_list()) {
		block = map(size);
		return block ? block + 1 : NULL;
	}
	/* doubled: words that grow from child to child leave no block for each length */
	while (room < size)
		room *= 2;
	block = take_left(size, self);
	if (!block)
		block = map_left(room, self);
	if (!block)
		return NULL;
	block->link.next = &block->list.first;
	block->list = (struct robust_list){
		{&block->link}, (char *)&block->owner - (char *)&block->link, NULL};
	/* cannot fail: the size is right */
	(void)syscall(SYS_set_robust_list, &block->list, sizeof(block->list));
	return block + 1;
}

void memory_give(void *memory)
{
	struct block *block = (struct block *)memory - 1;

	if (!block->list.first.next) {
		(void)munmap(block, block->size); /* nothing to do about a failure */
		return;
	}
	(void)syscall(SYS_set_robust_list, NULL, sizeof(block->list));
	__atomic_store_n(&block->owner, 0, __ATOMIC_RELEASE);
}

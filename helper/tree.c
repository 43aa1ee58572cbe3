/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <stdio.h>

#include "identity.h"
#include "log.h"
#include "terminal.h"
#include "util.h"

/* What is deeper is shown beside those of this level: lines stay readable, recursion bounded. */
#define DEPTH_MAX   64
#define PREFIX_SIZE (DEPTH_MAX * 8)

/* Columns of the terminal. */
#define AGE_WIDTH    15 /* PID and AGE, with the blanks behind them */
#define STATE_WIDTH  11
#define BRANCH_WIDTH 3 /* of each level */
#define UNIT_PREFIX  "unit "

/* A process that lives. */
struct seen {
	struct process id;
	pid_t ppid;
	char name[16];
	size_t node; /* 0: not in the tree so far */
};

/* A unit or a process. */
struct node {
	size_t parent, depth;
	struct process id; /* pid 0: a unit */
	bool alive;
	bool elsewhere;		    /* in another namespace: whether it lives cannot be told */
	bool joined;		    /* the kernel has it elsewhere */
	bool spreads;		    /* what descends from it belongs to its run */
	const struct tree_run *run; /* whose podman it is; NULL: another process */
	char text[UNIT_SIZE + 8];
};

/* All trees; node 0 is above the units, and what one becomes that finds no memory. */
struct forest {
	struct seen *seen;
	size_t seens;
	struct node *node;
	size_t nodes;
	size_t width;	/* of the terminal; 0: it does not matter */
	size_t deepest; /* level */
	bool failed;	/* memory was short: nothing is printed */
};

/* How a tree is drawn. */
struct style {
	const char *branch[2][2]; /* [joined][last] */
	const char *passing;
	bool colour;
	size_t left; /* columns of the terminal before the tree: without STATE, or with it */
};

static const struct style unicode = {
	{{"├─ ", "└─ "}, {"╞═ ", "╘═ "}}, "│  ", false, AGE_WIDTH + STATE_WIDTH};
static const struct style ascii = {
	{{"|- ", "`- "}, {"|= ", "`= "}}, "|  ", false, AGE_WIDTH + STATE_WIDTH};

/* Whether its pids are of here and now. */
static bool is_here(const struct tree_run *item)
{
	return item->state != STATE_REBOOTED && item->state != STATE_ELSEWHERE;
}

bool tree_add(struct tree *tree, struct run *run, enum run_state state)
{
	struct tree_run *larger = realloc(tree->run, (tree->count + 1) * sizeof(*larger));

	if (!larger)
		return false;
	tree->run = larger;
	larger[tree->count++] = (struct tree_run){*run, state};
	run_init(run, -1, ""); /* there is nothing in it any more for its owner to free */
	return true;
}

void tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		run_free(&tree->run[i].run);
	free(tree->run);
	*tree = (struct tree){0};
}

static bool see(pid_t pid, void *context)
{
	struct forest *forest = context;
	struct proc_stat stat;

	if (!proc_stat(pid, &stat) || proc_is_dead(&stat))
		return true;
	struct seen *larger = realloc(forest->seen, (forest->seens + 1) * sizeof(*larger));
	if (!larger) {
		forest->failed = true;
		return false;
	}
	forest->seen = larger;
	struct seen *seen = &larger[forest->seens++];
	*seen = (struct seen){.id = {pid, stat.start}, .ppid = stat.ppid};
	memcpy(seen->name, stat.name, sizeof(seen->name));
	return true;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t one = ((const struct seen *)a)->id.pid, other = ((const struct seen *)b)->id.pid;

	return (one > other) - (one < other);
}

static struct seen *find_pid(const struct forest *forest, pid_t pid)
{
	struct seen key = {.id.pid = pid};

	return bsearch(&key, forest->seen, forest->seens, sizeof(key), compare_pids);
}

/* Appends a node below @parent and returns its number; 0 where memory is short. */
static size_t append(struct forest *forest, size_t parent)
{
	struct node *larger = realloc(forest->node, (forest->nodes + 1) * sizeof(*larger));

	if (!larger) {
		forest->failed = true;
		return 0;
	}
	forest->node = larger;
	while (larger[parent].depth >= forest->deepest)
		parent = larger[parent].parent;
	larger[forest->nodes] = (struct node){.parent = parent, .depth = larger[parent].depth + 1};
	return forest->nodes++;
}

/* The node of @unit: the runs of one have one, whatever directory they are in. */
static size_t plant_unit(struct forest *forest, const char *unit)
{
	for (size_t i = 1; i < forest->nodes; i++)
		if (forest->node[i].depth == 1 && equal(forest->node[i].text, unit))
			return i;
	size_t added = append(forest, 0);

	(void)snprintf(forest->node[added].text, sizeof(forest->node->text), "%s", unit);
	return added;
}

/* Hangs the process @seen below @parent, as @name; where @what is not "" that is said of it. */
static size_t hang(struct forest *forest, size_t parent, struct seen *seen, const char *name,
		   const char *what)
{
	size_t added = append(forest, parent);
	struct node *node = &forest->node[added];
	const struct node *above = &forest->node[node->parent];

	node->id = seen->id;
	node->alive = true;
	node->joined = above->id.pid && above->id.pid != seen->ppid;
	(void)snprintf(node->text, sizeof(node->text), "%s%s%s", name, what[0] ? ", " : "", what);
	make_printable(node->text);
	seen->node = added;
	return added;
}

/* The same for one that the record names, dead or alive; who is there already is not hung twice. */
static size_t hang_recorded(struct forest *forest, size_t parent, const struct tree_run *item,
			    const struct holder *who, const char *what)
{
	/* a holder was a child of the next one; guard and conmon never were podman's */
	pid_t ppid = forest->node[parent].run ? 0 : forest->node[parent].id.pid;
	struct seen dead = {.id = who->id, .ppid = ppid};
	struct seen *seen = find_pid(forest, who->id.pid);

	if (!seen || seen->id.start != who->id.start || !is_here(item))
		seen = &dead;
	for (size_t i = parent + 1; i < forest->nodes; i++) {
		const struct node *node = &forest->node[i];

		if (node->parent == parent && is_same_process(node->id, who->id) &&
		    node->alive == (seen != &dead))
			return i;
	}
	size_t added = hang(forest, parent, seen, who->name, what);
	forest->node[added].alive = seen != &dead;
	forest->node[added].elsewhere = item->state == STATE_ELSEWHERE;
	return added;
}

/* A process of the run that the record may not name. */
static void hang_of_run(struct forest *forest, size_t parent, struct seen *seen,
			const struct run *run)
{
	char what[32] = "";

	if (is_same_process(seen->id, run->container))
		(void)snprintf(what, sizeof(what), "container %.12s", run->cid);
	size_t added = hang(forest, parent, seen, seen->name, what); /* may move forest->node */
	forest->node[added].spreads = true;
}

/* Where what the kernel has below @pid goes, as far as it belongs to a run; else 0. */
static size_t node_of_run(const struct forest *forest, pid_t pid)
{
	const struct seen *seen = find_pid(forest, pid);

	return seen && forest->node[seen->node].spreads ? seen->node : 0;
}

static void hang_descendants(struct forest *forest, const struct run *run)
{
	bool more;

	do { /* children mostly come behind their parents: once, and once in vain */
		more = false;
		for (size_t i = 0; i < forest->seens; i++) {
			struct seen *seen = &forest->seen[i];
			size_t parent = seen->node ? 0 : node_of_run(forest, seen->ppid);

			if (!parent)
				continue;
			hang_of_run(forest, parent, seen, run);
			more = true;
		}
	} while (more && !forest->failed);
}

/* What conmon has no more below it, or never had (podman exec): by the container's id. */
static void hang_members(struct forest *forest, size_t conmon, const struct run *run)
{
	for (size_t i = 0; run->cid[0] && i < forest->seens; i++) {
		struct seen *seen = &forest->seen[i];

		if (seen->node || !proc_in_container(seen->id.pid, run->cid))
			continue;
		size_t parent = node_of_run(forest, seen->ppid);
		hang_of_run(forest, parent ? parent : conmon, seen, run);
	}
}

static void plant_run(struct forest *forest, const struct tree_run *item)
{
	const struct run *run = &item->run;
	const struct holder podman = {run->podman, "podman"}, guard = {run->guard, "podleash"},
			    conmon = {run->conmon, "conmon"};
	_cleanup_handle_ struct handle podman_proven = HANDLE_NONE, conmon_proven = HANDLE_NONE;
	size_t at = plant_unit(forest, run->unit);
	char what[RUN_SIZE + 8];

	for (size_t i = run->holders; i-- > 0;)
		at = hang_recorded(forest, at, item, &run->holder[i], "");
	(void)snprintf(what, sizeof(what), "run %s", run->name);
	at = hang_recorded(forest, at, item, &podman, what);
	forest->node[at].run = item;
	forest->node[at].spreads = is_here(item) && podman_open(run, &podman_proven);
	if (run->guard.pid)
		(void)hang_recorded(forest, at, item, &guard, "guard");
	if (run->conmon.pid) {
		at = hang_recorded(forest, at, item, &conmon, "");
		forest->node[at].spreads = is_here(item) && conmon_open(run, &conmon_proven);
	}
	if (!is_here(item))
		return;
	hang_descendants(forest, run);
	hang_members(forest, at, run);
}

/* The child of @parent behind the node @child, in the order in which they came; 0: none. */
static size_t next_child(const struct forest *forest, size_t parent, size_t child)
{
	while (++child < forest->nodes)
		if (forest->node[child].parent == parent)
			return child;
	return 0;
}

/* The columns of the terminal from the left edge of the tree to the text of @node. */
static size_t indent(const struct node *node)
{
	return node->depth > 1 ? (node->depth - 1) * BRANCH_WIDTH : strlen(UNIT_PREFIX);
}

/* Leaves out STATE, then cuts texts, where the lines of @forest are too long for the terminal. */
static void fit(struct forest *forest, struct style *style)
{
	size_t longest = 0;

	if (!forest->width)
		return;
	for (size_t i = 1; i < forest->nodes; i++) {
		size_t length = indent(&forest->node[i]) + strlen(forest->node[i].text);

		if (length > longest)
			longest = length;
	}
	if (style->left + longest > forest->width)
		style->left = AGE_WIDTH;
	for (size_t i = 1; i < forest->nodes; i++) {
		struct node *node = &forest->node[i];
		size_t before = style->left + indent(node);

		cut_text(node->text, forest->width > before ? forest->width - before : 0);
	}
}

static void print_process(const struct node *node, const struct style *style)
{
	const struct tree_run *item = node->run;
	bool alarm = !node->alive && !node->elsewhere && !(item && item->run.detach);
	char age[AGE_SIZE];

	(void)snprintf(age, sizeof(age), "%s", node->elsewhere ? "-" : "dead");
	if (node->alive)
		format_age(age, seconds_since(node->id.start * tick_ns()));
	(void)printf("%7d ", (int)node->id.pid);
	print_coloured(age, 5, style->colour && alarm ? "31" : NULL);
	(void)printf("  ");
	if (style->left == AGE_WIDTH)
		return;
	print_coloured(item ? state_word(item->state) : "", -9,
		       style->colour && item ? state_colour(item->state) : NULL);
	(void)printf("  ");
}

/* Prints what is below @parent; the lines that pass them on the left are in @prefix. */
static void print_below(const struct forest *forest, const struct style *style, size_t parent,
			char prefix[PREFIX_SIZE], size_t length)
{
	for (size_t next, i = next_child(forest, parent, parent); i; i = next) {
		const struct node *node = &forest->node[i];

		next = next_child(forest, parent, i);
		prefix[length] = '\0';
		if (node->depth == 1) {
			(void)printf("%*s" UNIT_PREFIX, (int)style->left, "");
			print_coloured(node->text, 0, style->colour ? "1" : NULL);
			(void)puts("");
			print_below(forest, style, i, prefix, length);
			continue;
		}
		print_process(node, style);
		(void)printf("%s%s%s\n", prefix, style->branch[node->joined][!next], node->text);
		const char *passing = next ? style->passing : "   ";
		(void)memcpy(prefix + length, passing, strlen(passing));
		print_below(forest, style, i, prefix, length + strlen(passing));
	}
}

static int compare_runs(const void *a, const void *b)
{
	const struct run *one = &((const struct tree_run *)a)->run;
	const struct run *other = &((const struct tree_run *)b)->run;
	int unit = strverscmp(one->unit, other->unit);

	return unit ? unit : strverscmp(one->name, other->name);
}

/* How many levels the terminal has room for, the unit's and a process' at least. */
static size_t levels(size_t width)
{
	size_t room = width > AGE_WIDTH ? (width - AGE_WIDTH - 1) / BRANCH_WIDTH + 1 : 0;

	if (!width || room > DEPTH_MAX)
		return DEPTH_MAX;
	return room < 2 ? 2 : room;
}

bool tree_print(struct tree *tree)
{
	struct forest forest = {.width = terminal_width()};
	struct style style = locale_is_utf8() ? unicode : ascii;
	char prefix[PREFIX_SIZE];

	if (!(forest.node = calloc(1, sizeof(*forest.node))))
		return false;
	forest.nodes = 1;
	forest.deepest = levels(forest.width);
	(void)proc_each(see, &forest); /* what it did not show is shown as dead, or not at all */
	if (forest.seens)
		qsort(forest.seen, forest.seens, sizeof(*forest.seen), compare_pids);
	if (tree->count)
		qsort(tree->run, tree->count, sizeof(*tree->run), compare_runs);
	for (size_t i = 0; i < tree->count && !forest.failed; i++)
		plant_run(&forest, &tree->run[i]);
	style.colour = terminal_takes_colour();
	if (!forest.failed && tree->count) {
		fit(&forest, &style);
		(void)printf("%7s %5s  %sPROCESS\n", "PID", "AGE",
			     style.left > AGE_WIDTH ? "STATE      " : "");
		print_below(&forest, &style, 0, prefix, 0);
	}
	free(forest.seen);
	free(forest.node);
	return !forest.failed;
}

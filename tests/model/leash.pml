/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may end a run, and in which order: hold, guard, cancel, sweep and podman around one
 * record, while the runner and any of them may be killed between two steps.
 *
 * An inline is named after the C function whose order of steps it has; what is not named in
 * the C code is written with a capital. A step is one statement: all that other processes
 * can see of it comes at once, as with rename(2), flock(2), unlink(2) and kill(2). A death
 * by SIGKILL is the `unless` at the end of a process. `make model` runs it, tests/model/check
 * says with which switches; docs/design.md says what is left out.
 */

/* File descriptions of the record, and whoever acts by one of them. */
#define NOBODY	0
#define HOLD	1 /* hold, and the guard that it starts: they share one */
#define CANCEL	2
#define SWEEP	3 /* and a guard that this sweep starts */
#define SWEEP_2 4
#define ACTORS	5
/* The others that can be killed. */
#define PODMAN	  5 /* the process that is hold first */
#define CONMON	  6
#define CONTAINER 7
#define VICTIMS	  8

#ifndef KILLS
#define KILLS 2
#endif

mtype = { NONE, HOLDING, CREATING, RUNS, GONE };

/* The directory. */
bool tombstone, record, pid_files;
byte lock;	  /* which file description has flock(LOCK_EX) on the record */
byte open[ACTORS]; /* by how many processes it is open */
byte recorded;	  /* guard= in the record, the last line of that key */
bool orphan;	  /* holder= in the record is init: the parent had ended before it was asked for */

/* The processes. */
bool runner = true; /* all holders above podman */
mtype podman = HOLDING, conmon = NONE, container = NONE, guard[ACTORS] = NONE;
bool ready[ACTORS];    /* the guard's byte in the pipe */
bool sigterm[ACTORS];  /* in the guard's signalfd */
bool sigkill[VICTIMS]; /* sent; the process makes no step any more */
bool cleaned;	       /* podman knows of no container of the run any more */

/* What is claimed. */
byte reaper;		       /* who is in reap() */
bool cancelled;		       /* cancel has returned 0 */
bool swept;		       /* such a sweep has returned 0 */
bool fresh[ACTORS];	       /* a holder was dead when this sweep began, and nobody was killed since */
bool unguarded;		       /* published, and without a guard or no more with one */
byte kills;

#define Owned	(runner && podman != GONE && conmon != GONE)
#define Held	((runner || orphan) && podman != GONE && conmon != GONE) /* by the record: is_held() */
#define Alive	(container == CREATING || container == RUNS)
#define Running (podman == RUNS || conmon == RUNS || Alive)

inline Close(fd)
{
	d_step {
		open[fd]--;
		if
		:: open[fd] == 0 && lock == fd -> lock = NOBODY
		:: else
		fi
	}
}

/* ---- record.c ---- */

/* openat(O_EXCL), flock(2) and write(2) on a file that nobody else sees; then renameat(2) */
inline record_publish(fd)
{
	d_step { open[fd] = 1; lock = fd; record = true; unguarded = true }
}

/* From openat(2) on, which has found the record: @opened, its lock is ours; else @busy or removed. */
inline record_open(fd, opened, busy)
{
	d_step {
		busy = lock != NOBODY; /* flock(LOCK_EX | LOCK_NB): EWOULDBLOCK */
		opened = !busy;
#ifndef NO_LINK_CHECK
		opened = opened && record; /* fstat(2): st_nlink == 0 is ENOENT */
#endif
		if
		:: opened -> lock = fd; open[fd] = 1
		:: else
		fi
	}
}

inline record_remove()
{
#ifndef RECORD_REMOVED_FIRST
	pid_files = false;
	record = false
#else
	record = false;
	pid_files = false
#endif
}

/* ---- reap.c: @me has the lock ---- */

/* Whatever signals, by handle_signal(), handles_signal() or through podman. */
inline Signal(who)
{
	d_step {
		assert(lock == me && record && reaper == me); /* claim: who signals has the lock, of a record that is there */
		sigkill[who] = true
	}
}

/* podman rm --force */
inline podman_forget()
{
	if
	:: atomic { Alive -> Signal(CONTAINER) }; !Alive
	:: else
	fi;
	cleaned = true
}

inline end_podman()
{
	if
	:: atomic { podman != GONE -> Signal(PODMAN) }; podman == GONE
	:: else
	fi
}

/* the runtime and conmon are one tree, killed as one */
inline end_trees()
{
	if
	:: atomic { container == CREATING -> Signal(CONTAINER) }
	:: else
	fi;
	if
	:: atomic { conmon == RUNS -> Signal(CONMON) }; conmon == GONE
	:: else
	fi;
	!sigkill[CONTAINER] || !Alive
}

inline container_end()
{
	if
	:: atomic { container == RUNS -> Signal(CONTAINER) }; container == GONE
	:: else
	fi
}

inline end_after_container()
{
	if
	:: conmon != RUNS
	:: conmon == RUNS -> end_trees() /* CONMON_MS are over */
	fi;
	if
	:: !cleaned -> podman_forget()
	:: else
	fi;
	if
	:: podman == GONE
	:: podman != GONE -> end_podman() /* PODMAN_MS are over */
	fi
}

inline end_creation()
{
	end_podman();
	if
	:: container != RUNS -> end_trees()
	:: container == RUNS /* the next round */
	fi
}

/* scene_take() and what follows from it */
inline reap_round(nothing)
{
	if
	:: podman == GONE && conmon != RUNS && container != CREATING &&
	   !(container == RUNS && conmon == RUNS) -> nothing = true /* nobody proves a container */
	:: container == RUNS -> nothing = false; container_end(); end_after_container()
	:: container == GONE && (podman != GONE || conmon == RUNS) ->
		nothing = false; end_after_container()
	:: container == CREATING || container == NONE && (podman != GONE || conmon == RUNS) ->
		nothing = false; end_creation()
	fi
}

inline reap(nothing)
{
	d_step {
		assert(lock == me && record && reaper == NOBODY); /* claim: one reaper at a time, of a record that is there */
		reaper = me
	};
#ifdef REMOVE_BEFORE_END
	record_remove();
#endif
	do
	:: reap_round(nothing);
		if
		:: nothing -> break
#ifdef ONE_ROUND
		:: else -> break
#else
		:: else
#endif
		fi
	od;
	if
	:: !cleaned -> podman_forget()
	:: else
	fi;
	record_remove();
	reaper = NOBODY
}

/* ---- guard_start.c, guard.c ---- */

/* fork(2) hands the file description on; returns once the guard is @started, or is not */
inline guard_start(fd, started)
{
	atomic {
#ifndef GUARD_WITHOUT_LOCK
		open[fd]++;
#endif
		guard[fd] = RUNS;
		run Guard(fd)
	};
	if
	:: ready[fd] -> started = true
	:: guard[fd] == RUNS -> started = true /* READY_MS are over */
	:: guard[fd] == GONE && !ready[fd] -> started = false
	fi
}

/* judge() with all holders alive: the container, conmon and podman have ended in their order */
#define Finished ((runner || orphan) && podman == GONE && conmon == GONE && cleaned)

proctype Guard(byte me)
{
	bool nothing;

	{
		assert(record); /* record_read() */
		recorded = me;	/* watch_open(): signals are blocked, handles open, guard= is written */
		d_step { ready[me] = true; unguarded = false };
end_watch:	!Held || sigterm[me]; /* watch_run() */
		if
		:: Finished && !sigterm[me] -> record_remove() /* reap_finished() */
		:: else -> reap(nothing)
		fi
	} unless { sigkill[me] }
	atomic {
		guard[me] = GONE;
		if
		:: reaper == me -> reaper = NOBODY
		:: else
		fi;
#ifndef GUARD_WITHOUT_LOCK
		Close(me)
#endif
	}
}

/* ---- hold.c, then podman in the same process ---- */

inline ancestors_find()
{
	if
	:: runner
#ifdef NO_PARENT_CHECK
	:: else -> orphan = true
#else
	:: else -> refused = true
#endif
	fi
}

inline tombstone_stops()
{
	if
	:: tombstone -> refused = true
	:: else
	fi
}

/* execve(2) closes hold's descriptor; the guard's stays */
inline become()
{
	d_step {
		assert(!cancelled); /* claim: no podman starts after cancel has returned */
		podman = RUNS;
		Close(HOLD)
	}
}

inline leash_and_become()
{
#ifdef RECORD_AFTER_TOMBSTONE
	tombstone_stops();
#endif
	record_publish(HOLD);
#ifndef RECORD_AFTER_TOMBSTONE
	tombstone_stops();
#endif
	if
	:: refused -> record_remove()
	:: else ->
		guard_start(HOLD, started);
#ifdef NO_GUARD_NO_RECORD
		if
		:: started
		:: else -> record_remove()
		fi;
#endif
		become()
	fi
}

active proctype Podman()
{
	bool refused, started;

	{
		ancestors_find();
		if
		:: refused
		:: else -> leash_and_become()
		fi;
		if
		:: refused
		:: else ->
			atomic { conmon = RUNS; run Conmon() }
end_wait:		cleaned /* conmon's word; it never comes from one that was killed */
		fi
	} unless { sigkill[PODMAN] }
	atomic {
		if
		:: podman == HOLDING && open[HOLD] -> Close(HOLD)
		:: else
		fi;
		podman = GONE
	}
}

proctype Conmon()
{
	{
		pid_files = true;
		atomic { container = CREATING; run Container() }
end_wait:	container == GONE;
		cleaned = true /* podman container cleanup --rm */
	} unless { sigkill[CONMON] }
	conmon = GONE
}

/* the runtime's create, then the container init */
proctype Container()
{
	{
		container = RUNS;
		if
		:: true /* ends by itself */
		:: true ->
end_run:		false
		fi
	} unless { sigkill[CONTAINER] }
	container = GONE
}

/* ---- cancel_unit.c ---- */

/* SIGTERM to the guard in the record, and its end; with none alive, any news */
inline tell_keeper()
{
	if
	:: recorded && guard[recorded] == RUNS -> /* guard_open() */
		told = recorded;
		sigterm[told] = true; /* reapers_tell() */
		guard[told] == GONE   /* reapers_collect() */
	:: else -> !record || lock == NOBODY || recorded && guard[recorded] == RUNS
	fi
}

inline look()
{
	do
	:: !record -> break
	:: record -> /* end_run() */
		record_open(me, opened, busy);
		if
		:: opened -> reap(nothing); Close(me) /* reapers_start(): in a child */
		:: busy -> tell_keeper()
		:: else
		fi
	od
}

inline cancel_unit()
{
#ifdef CANCEL_LOOKS_FIRST
	look();
	tombstone = true
#else
	tombstone = true; /* tombstone_write() */
	look()
#endif
}

proctype Cancel(byte me)
{
	bool opened, busy, nothing;
	byte told;

	cancel_unit();
	atomic {
		assert(!Running); /* claim: nothing runs when cancel returns */
		cancelled = true
	}
}

/* ---- sweep.c ---- */

inline sweep_run()
{
	do
	:: !record -> break
	:: record ->
		record_open(me, opened, busy);
		if
		:: opened && Held -> guard_start(me, failed); failed = !failed; Close(me); break /* give_guard() */
		:: opened && !Held -> reap(nothing); Close(me); break
#ifdef SWEEP_TRUSTS_LOCK
		:: busy -> break
#else
		:: busy && Held -> break
		:: busy && !Held -> !record || lock == NOBODY /* wait_for_keeper() */
#endif
		:: !opened && !busy
		fi
	od
}

proctype Sweep(byte me)
{
	bool opened, busy, nothing, failed;

	fresh[me] = !Owned;
	sweep_run();
	atomic { swept = swept || fresh[me] && !failed; fresh[me] = false }
}

/* ---- what may happen ---- */

/* another run's guard: guard_sweep_others() */
proctype Neighbour(byte me)
{
	if
	:: d_step { record && lock == NOBODY -> lock = me; open[me] = 1 } /* is_unguarded() */
		Close(me);
		run Sweep(me)
	:: true
	fi
}

inline Forget_sweeps()
{
	d_step { fresh[SWEEP] = false; fresh[SWEEP_2] = false; swept = false }
}

inline Kill(who, process)
{
	kills++;
	sigkill[who] = true;
	process == GONE;
	Forget_sweeps()
}

active proctype Killer()
{
	do
	:: d_step { runner -> runner = false; Forget_sweeps() }
	:: atomic { kills < KILLS && podman != GONE -> Kill(PODMAN, podman) }
	:: atomic { kills < KILLS && conmon == RUNS -> Kill(CONMON, conmon) }
	:: atomic { kills < KILLS && guard[HOLD] == RUNS -> unguarded = true; Kill(HOLD, guard[HOLD]) }
	:: atomic { kills < KILLS && guard[SWEEP] == RUNS -> unguarded = true; Kill(SWEEP, guard[SWEEP]) }
	:: break
	od
}

/* when nobody can make a step any more */
active proctype Claims()
{
	timeout -> atomic {
		assert(!cancelled || !Running); /* claim: nothing runs after a cancel */
		assert(Owned || unguarded || !Running && !record && !pid_files); /* claim: a guard that lives leaves nothing of a run that lost a holder */
		assert(Owned || !swept || !Running && !record && !pid_files) /* claim: nothing is left of it after a sweep */
	}
}

init
{
	atomic {
#ifdef CANCELS
		run Cancel(CANCEL);
#endif
#ifdef SWEEPS
		run Sweep(SWEEP);
#endif
#ifdef NEIGHBOUR
		run Neighbour(SWEEP_2);
#endif
		skip
	}
}

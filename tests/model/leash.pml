/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may end a run, and in which order: hold, guard, cancel, sweep, podman and conmon around one
 * record and one container, while the runner and any of them may be killed between two steps, and
 * somebody may start the container anew.
 *
 * An inline is named after the C function whose order of steps it has; what is not named in
 * the C code is written with a capital. A step is one statement: all that other processes
 * can see of it comes at once, as with rename(2), flock(2), unlink(2) and kill(2). A death
 * by SIGKILL is the `unless` at the end of a process. `make model` runs it, tests/model/check
 * says with which switches; docs/design.md says what is left out.
 *
 * The run: podman run --rm, and with -DDETACH -d, with -DSTAYS no --rm, with -DRESTARTS
 * --restart=on-failure:1. -DSTARTS: somebody starts the container once more, or restarts it.
 */

/* File descriptions of the record, and whoever acts by one of them. */
#define NOBODY	0
#define HOLD	1 /* hold, and the guard that it starts: they share one */
#define CANCEL	2
#define SWEEP	3 /* and a guard that this sweep starts */
#define SWEEP_2 4
#define ACTORS	5
/* The others that can be killed. Conmon and container of the first start, and of the second. */
#define PODMAN	     5 /* the process that is hold first */
#define CONMON(n)    (5 + (n))
#define CONTAINER(n) (7 + (n))
#define CLEANUP(n)   (9 + (n)) /* conmon's exit command */
#define SOMEBODY     1 /* who starts it anew */
#define REAPERS	     3	       /* the n of a cleanup that a reaper has begun */
#define VICTIMS	     13

#ifndef KILLS
#define KILLS 2
#endif
#ifdef DETACH
#define detach true
#else
#define detach false
#endif
#ifdef RESTARTS
#define restarts true
#define STAYS
#else
#define restarts false
#endif
#ifdef STAYS
#define remove false
#else
#define remove true
#endif

mtype = { NONE, HOLDING, CREATING, RUNS, GONE };	   /* a process */
mtype = { CREATED, STARTED, EXITED, REMOVED };		   /* the container, as podman's database has it */
mtype = { JOBS, OWNERS, EITHERS };			   /* whose a start of the container is */
mtype = { GO_ON, FINISHED, MUST_REAP };			   /* enum verdict */
mtype = { LEFT_NOTHING, LEFT_SOMETHING, LEFT_TO_ITS_OWNER }; /* enum left */

/* The directory. */
bool tombstone, record, id_file, pid_files;
byte lock;	   /* which file description has flock(LOCK_EX) on the record */
byte open[ACTORS]; /* by how many processes it is open */
/* What is appended to the record. */
byte recorded; /* guard=, the last line of that key */
bool orphan;   /* holder= is init: the parent had ended before it was asked for */
byte conmon_known, container_known; /* of which start */

/* podman. */
mtype database = NONE;
bool bundle;	   /* goes before the container's entry in the database */
byte podman_lock;  /* the container's, 0: nobody has it */
bool stopped;	   /* by podman stop: no policy starts it again */
bool exit_file;	   /* podman knows how the container ended */
byte starts;	   /* how often the container was started */
mtype whose[3] = JOBS;
bool adopted;	   /* the second conmon has been in the record */
bool late;	   /* it came within the ending */

/* The processes. */
bool runner = true; /* all holders above podman; of a detached run the topmost alone */
bool parent = true; /* podman's, where that is no holder */
mtype podman = HOLDING, guard[ACTORS] = NONE;
mtype conmon[3] = NONE, container[3] = NONE, cleanup[4] = NONE;
bool ready[ACTORS];    /* the guard's byte in the pipe */
bool sigterm[ACTORS];  /* in the guard's signalfd */
bool sigkill[VICTIMS]; /* sent; the process makes no step any more */

/* The variables of whoever is in reap(): there is one. */
byte over = 3;	/* run->over: later starts are somebody else's */
bool census_podman, taken;
byte census_conmon, census_runtime, census_cleanup; /* a bit for each start */
byte running;	/* scene->container: of which start */
bool watched; /* it is the guard */
bool made, cleaned, settled, refused;
mtype left = LEFT_NOTHING;

/* What is claimed. */
byte reaper;	   /* who is in reap() */
bool asked;	   /* cancel has begun */
bool cancelled;	   /* cancel has returned 0 */
bool swept;	   /* such a sweep has returned 0 */
bool fresh[ACTORS]; /* a holder was dead when this sweep began, and nobody was killed since */
bool unguarded;	   /* published, and without a guard or no more with one */
bool cut;	   /* a cleanup was killed between bundle and database: what ended is taken for done */
bool disturbed;	   /* podman, conmon or a cleanup was killed */
byte kills;

#define Bit(n)	 (1 << ((n) - 1))
#define Alive(n) (container[n] == CREATING || container[n] == RUNS)
#define Lost	 (!runner || !detach && podman == GONE)
/* the conmon of an earlier start has a cleanup that finds nothing to do */
#define Runs(n)	 (whose[n] == JOBS && (conmon[n] == RUNS && starts == n || Alive(n)))
#define Running	 (podman == RUNS || Runs(1) || Runs(2) || cleanup[REAPERS] == RUNS)
/* what podman still has to do for it */
#define Residue (whose[starts] == JOBS && (database == STARTED || remove && database == CREATED) && !(cut && kills))
#define Left	(Running || Residue || record || pid_files || id_file)

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
	d_step { pid_files = false; id_file = false };
	record = false
#else
	record = false;
	d_step { pid_files = false; id_file = false }
#endif
}

/* ---- identity.c: by the id alone, so only once the id file is there ---- */

/* Whether conmon @n, alive, is the run's */
#ifdef EVERY_CONMON_OURS
#define is_of_run(n) true
#elif defined(NEVER_OVER)
#define is_of_run(n) ((n) == conmon_known || !conmon_known || detach || restarts)
#elif defined(RESTARTED_IS_ANOTHERS)
#define is_of_run(n) ((n) == conmon_known || (n) <= over && (!conmon_known || detach || restarts))
#else
#define is_of_run(n) ((n) == conmon_known || remove && (!conmon_known || detach) || (n) <= over && (!conmon_known || detach || restarts))
#endif
#define Proven(n)	(id_file && conmon[n] == RUNS && is_of_run(n))
#define is_anothers(n)	(id_file && conmon[n] == RUNS && !is_of_run(n))

inline learn_from(n)
{
	if
	:: conmon_known != n ->
		conmon_known = n;
		container_known = 0;
		adopted = adopted || n == 2
	:: else
	fi
}

/* by the pid file, which names the last one */
#define Can_learn_conmon (conmon_known != starts && Proven(starts))
/* by the container's, which names the last one: the id is in its cgroup */
#define Can_learn_container (!container_known && id_file && container[starts] == RUNS && !is_anothers(starts))

inline learn_container()
{
	if
	:: Can_learn_container -> container_known = starts
	:: else
	fi
}

/* ---- reap.c: @me has the lock ---- */

/* Whatever signals, by handle_signal(), handles_signal() or through podman. */
inline Signal(who)
{
	d_step {
		assert(lock == me && record && reaper == me); /* claim: who signals has the lock, of a record that is there */
		assert(whose[2] != OWNERS || who != CONMON(2) && who != CONTAINER(2) && who != CLEANUP(2)); /* claim: what its owner has started is not signalled */
		assert(asked || disturbed || Lost || !detach && podman == GONE || (who != PODMAN || container[1] == GONE) && who != CONTAINER(1) && who != CONTAINER(2)); /* claim: a run that is held is not ended */
		sigkill[who] = true
	}
}


inline Wait_for_killed()
{
	!sigkill[CONTAINER(1)] && !sigkill[CONTAINER(2)]
}

inline end_podman()
{
	if
	:: atomic { podman != GONE -> Signal(PODMAN) }; podman == GONE
	:: else
	fi
}

inline census_take()
{
	census_podman = podman != GONE;
	census_conmon = Proven(1) + 2 * Proven(2);
	taken = is_anothers(1) || is_anothers(2);
	/* below another's conmon it is another's */
	census_runtime = (id_file && container[1] == CREATING && !is_anothers(1)) +
			 2 * (id_file && container[2] == CREATING && !is_anothers(2));
	/* the command is known from conmon's command line */
	census_cleanup = (conmon_known && cleanup[1] == RUNS && !is_anothers(1)) +
			 2 * (conmon_known && cleanup[2] == RUNS && !is_anothers(2)) +
			 4 * (conmon_known && cleanup[3] == RUNS)
}

/* Once podman has ended: what it starts in its last moment is the run's. */
#ifdef OVER_AT_ONCE
#define Can_close (over == 3 && !restarts)
#else
#define Can_close (over == 3 && !restarts && podman == GONE)
#endif
#define close_run(later) over = (Can_close -> later : over)
/* A holder died, and no guard was there to see it: all that is not in the record came later */
#define Since (conmon_known && !runner && !orphan && !watched -> conmon_known : starts)

#define Cleans_up (Proven(1) || Proven(2) || conmon_known && (cleanup[1] == RUNS || cleanup[2] == RUNS || cleanup[REAPERS] == RUNS))

inline scene_take()
{
	atomic {
		close_run(Since);
		if
		:: Can_learn_conmon -> learn_from(starts)
		:: else
		fi;
		census_take();
		if
		:: census_conmon & 1 -> learn_from(1)
		:: census_conmon & 2 -> learn_from(2)
		:: else
		fi;
		learn_container(); /* container_open() */
		running = (container_known && container[container_known] == RUNS -> container_known : 0)
	}
}

#define census_empty (!census_podman && !census_conmon && !census_runtime && !census_cleanup)
#define Ended	     (!(census_conmon & 1 && conmon[1] == RUNS) && !(census_conmon & 2 && conmon[2] == RUNS) && \
		      !(census_cleanup & 1 && cleanup[1] == RUNS) && !(census_cleanup & 2 && cleanup[2] == RUNS) && \
		      !(census_cleanup & 4 && cleanup[3] == RUNS))

/* the runtime, conmon and the cleanup are one tree, killed as one */
inline end_tree(n)
{
	d_step {
		if
		:: (census_conmon & Bit(n)) && conmon[n] == RUNS ->
			if
			:: cleanup[n] == RUNS -> Signal(CLEANUP(n))
			:: else
			fi;
			if
			:: container[n] == CREATING -> Signal(CONTAINER(n))
			:: else
			fi;
			Signal(CONMON(n))
		:: else
		fi;
		if
		:: (census_cleanup & Bit(n)) && cleanup[n] == RUNS -> Signal(CLEANUP(n))
		:: else
		fi;
		if
		:: (census_runtime & Bit(n)) && container[n] == CREATING -> Signal(CONTAINER(n))
		:: else
		fi
	};
	!sigkill[CONMON(n)] && !sigkill[CLEANUP(n)] && !sigkill[CONTAINER(n)]
}

inline end_trees()
{
	end_tree(1);
	end_tree(2);
	if
	:: (census_cleanup & 4) && cleanup[REAPERS] == RUNS -> Signal(CLEANUP(REAPERS)); cleanup[REAPERS] != RUNS
	:: else
	fi
}

/* ends only what carries the id, and nothing once somebody else's conmon is there */
inline container_end_rest()
{
	if
	:: atomic { id_file && Alive(starts) && !is_anothers(1) && !is_anothers(2) -> Signal(CONTAINER(starts)) }; Wait_for_killed()
	:: else
	fi
}

inline end_container()
{
	if
	:: restarts -> podman_stop()
	:: else
	fi;
	if
	:: atomic { container[running] == RUNS -> Signal(CONTAINER(running)) }; container[running] == GONE
	:: else
	fi
}

inline end_after_container()
{
	if /* the runtime has podman's lock, while it creates or starts */
	:: atomic { (census_runtime & 1) && container[1] == CREATING -> Signal(CONTAINER(1)) }
	:: atomic { (census_runtime & 2) && container[2] == CREATING -> Signal(CONTAINER(2)) }
	:: else
	fi;
	if
	:: census_conmon || census_cleanup -> /* wait_for_cleanup() */
		if
		:: Ended -> cleaned = true
		:: !Ended -> cleaned = false /* nothing has moved for too long */
		fi
	:: else
	fi;
	if
	:: !cleaned -> end_trees()
	:: else
	fi;
	if
	:: !cleaned || remove && bundle ->
		if /* what began meanwhile, and lost its conmon, was not seen before */
#ifndef CLEANUP_NOT_LOOKED_FOR
		:: Cleans_up
#endif
		:: else -> podman_clean_up()
		fi
	:: else
	fi;
	if
	:: podman == GONE
	:: podman != GONE -> end_podman(); cleaned = false /* PODMAN_MS are over */
	fi
}

inline end_creation()
{
	end_podman();
	scene_take();
	if
	:: !running -> end_trees()
	:: else
	fi
}

inline end_known()
{
	if
	:: d_step { conmon_known && Proven(conmon_known) ->
			learn_container();
			running = (container_known && container[container_known] == RUNS -> container_known : 0) };
		if
		:: running ->
			end_container();
			if
			:: conmon[running] == GONE -> cleaned = true
			:: conmon[running] == RUNS /* PODMAN_MS are over */
			fi
		:: else
		fi
	:: else
	fi
}

inline reap_round()
{
	scene_take();
	d_step {
		made = running || container_known || pid_files || conmon_known && remove && !bundle || census_cleanup;
		left = (census_empty && !running -> LEFT_NOTHING : LEFT_SOMETHING)
	};
	if
	:: taken && !running ->
		end_podman();
		left = LEFT_TO_ITS_OWNER
	:: running -> end_container()
	:: !taken && !running && made -> container_end_rest()
	:: else
	fi;
	if
	:: left == LEFT_SOMETHING && made -> end_after_container()
	:: left == LEFT_SOMETHING && !made -> end_creation()
	:: else
	fi
}

inline settle()
{
	if
	:: cleaned && conmon_known && remove && !bundle -> settled = true
#ifdef NO_ID_NO_CONTAINER
	:: else -> settled = true
#else
	:: else -> container_end_rest(); podman_clean_up() /* podman_find(): by the name */
#endif
	fi
}

inline Forget()
{
	d_step {
		census_podman = false; taken = false; census_conmon = 0; census_runtime = 0; census_cleanup = 0;
		running = 0; made = false; cleaned = false; settled = false; refused = false; left = LEFT_NOTHING;
		over = 3; watched = false; reaper = NOBODY
	}
}

inline reap()
{
	d_step {
		assert(lock == me && record && reaper == NOBODY); /* claim: one reaper at a time, of a record that is there */
		reaper = me;
		close_run(Since)
	};
#ifdef REMOVE_BEFORE_END
	record_remove();
#endif
	end_known();
	do
	:: reap_round();
		if
		:: left == LEFT_SOMETHING
		:: left == LEFT_TO_ITS_OWNER -> break
		:: left == LEFT_NOTHING ->
			settled = false;
			settle();
			if
			:: settled -> break
			:: else
			fi
		fi;
#ifdef ONE_ROUND
		break
#endif
	od;
	record_remove();
	Forget()
}

/* ---- podman.c: podman is asked for one container ---- */

#define has_nothing_left \
	(remove -> (!conmon_known || !bundle) && (database == NONE || database == REMOVED) : \
	 database != STARTED || !Restarted && conmon[starts] == RUNS && starts != conmon_known)

#ifdef STOP_NOT_LOOKED_FOR
#define Theirs false
#else
#define Theirs (is_anothers(1) || is_anothers(2)) /* run_is_taken() */
#endif

inline podman_stop()
{
	if
	:: atomic { podman_lock == 0 && container[starts] == RUNS && !Theirs -> stopped = true; Signal(CONTAINER(starts)) }; Wait_for_killed()
	:: true /* it fails */
	fi
}

inline clean_up()
{
	cleanup[REAPERS] != RUNS; /* one that was killed */
	atomic {
		assert(!conmon_known || whose[2] == EITHERS || late || (cleanup[1] != RUNS || sigkill[CLEANUP(1)]) && (cleanup[2] != RUNS || sigkill[CLEANUP(2)] || whose[2] == OWNERS)); /* claim: no cleanup is begun beside one */
		refused = false;
		cleanup[REAPERS] = RUNS;
		run Cleanup(REAPERS)
	};
	cleanup[REAPERS] == GONE
}

/* a policy starts it again, for all that podman_clean_up() knows */
#ifdef POLICY_FORGOTTEN
#define Restarted false
#else
#define Restarted restarts
#endif

inline podman_clean_up()
{
	if
	:: podman_lock == 0 && has_nothing_left -> settled = true /* it waits for the lock */
	:: podman_lock == 0 && !has_nothing_left ->
		exit_file = true; /* write_exit_file() */
		clean_up();
		if
		:: refused && Theirs
		:: refused && !Theirs ->
			podman_stop();
			if /* conmon cleans up after it */
			:: Cleans_up
			:: else -> clean_up()
			fi
		:: else
		fi;
		settled = !(Restarted) && (!refused || Theirs || has_nothing_left)
	fi
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

#ifdef HELD_BY_PARENT
#define holder_gone (!(runner && parent))
#else
#define holder_gone (!runner && !orphan)
#endif
#define podman_gone   (podman == GONE)
#define conmon_gone   (conmon_known && conmon[conmon_known] == GONE)
#define was_removed   (conmon_known && remove && !bundle) /* container_was_removed() */

#define Can_find_conmon (!conmon_known && podman == GONE && !Can_learn_conmon && Proven(1)) /* find_conmon() */
#define Can_look (Can_find_conmon || (!conmon_known || conmon_gone) && Can_learn_conmon || Can_learn_container)

/* judge(): whether it returns MUST_REAP, also once a time is over; and FINISHED */
#define must_stopped (remove && !was_removed && !Can_look) /* linger(): it looks again before the time is over */
#define must_gone \
	(!conmon_gone -> !(detach && !holder_gone) && (podman_gone || holder_gone) : \
	 (!podman_gone -> holder_gone || remove && bundle : \
	  (detach && !holder_gone -> must_stopped : !remove)))
#define finished_gone \
	(conmon_gone && podman_gone && (detach && !holder_gone -> was_removed : remove))
/* the container has ended before anyone saw its conmon, and may be started again */
#ifdef UNSEEN_IS_NONE
#define Unseen false
#else
#define Unseen (detach && id_file && !conmon_known)
#endif
#define must_unknown \
	(!podman_gone -> holder_gone || conmon_gone && remove && bundle : \
	 (holder_gone || !conmon_known && !Unseen -> true : \
	  (conmon_gone || Unseen -> (detach -> must_stopped : !remove) : !detach)))
#define finished_unknown \
	(podman_gone && conmon_gone && !holder_gone && (detach -> was_removed : remove))
#define must_alive (holder_gone || podman_gone && !detach || conmon_gone)

#define Must \
	(!container_known -> must_unknown : (container[container_known] == GONE -> must_gone : must_alive))
#define Finished \
	(!container_known -> finished_unknown : container[container_known] == GONE && finished_gone)
#define judge (Must -> MUST_REAP : (Finished -> FINISHED : GO_ON))

inline look_at_run()
{
	d_step {
		if
		:: (!conmon_known || conmon_gone) && Can_learn_conmon -> learn_from(starts)
		:: Can_find_conmon -> learn_from(1)
		:: else
		fi;
		learn_container()
	}
}

inline watch_run(verdict)
{
	do
	:: atomic { look_at_run(); verdict = judge };
		if
		:: atomic { verdict != GO_ON -> look_at_run(); verdict = judge }
		:: else
		fi;
		if
		:: verdict != GO_ON -> break
		:: else ->
end_watch:		if /* wait_for_news() */
			:: sigterm[me] -> verdict = MUST_REAP; break
			:: Can_look || judge != GO_ON
			fi
		fi
	od
}

proctype Guard(byte me)
{
	mtype verdict = GO_ON;

	{
		assert(record); /* record_read() */
		recorded = me;	/* watch_open(): signals are blocked, handles open, guard= is written */
		d_step { ready[me] = true; unguarded = false };
		watch_run(verdict);
		if
		:: verdict == FINISHED && was_removed -> /* reap_finished() */
			verdict = GO_ON;
			record_remove()
		:: else ->
			d_step { verdict = GO_ON; watched = true; close_run(starts) };
			reap()
		fi
	} unless { sigkill[me] }
	atomic {
		guard[me] = GONE;
		sigkill[me] = false;
		verdict = GO_ON;
		if
		:: lock == me && (reaper == me || reaper == NOBODY) -> Forget()
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
	:: runner && parent
#ifdef NO_PARENT_CHECK
	:: else -> orphan = !runner
#else
	:: else -> refused_it = true
#endif
	fi
}

inline tombstone_stops()
{
	if
	:: tombstone -> refused_it = true
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
	:: refused_it -> record_remove()
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

/* A guard that is there to see what happens, and not at its end yet */
#define Watched	   (record && reaper == NOBODY && over == 3 && (guard[HOLD] == RUNS && ready[HOLD] || guard[SWEEP] == RUNS && ready[SWEEP]))

/* Whose the second start is, when its conmon comes: @by a policy, or by somebody */
inline Say_whose(n)
{
	if
	:: n == 1 || podman_lock != SOMEBODY
	:: else -> if
	:: restarts -> whose[2] = (runner && record && reaper == NOBODY -> JOBS : EITHERS)
	:: !restarts && !detach -> whose[2] = (conmon_known -> OWNERS : EITHERS) /* nobody has seen the first */
	:: !restarts && detach && remove -> whose[2] = JOBS; late = reaper != NOBODY /* nobody else starts what goes with the job */
	:: !restarts && detach && !remove ->
		whose[2] = (runner -> (Watched -> JOBS : EITHERS) : (conmon_known && (over != 3 || lock == NOBODY) -> OWNERS : EITHERS))
	fi fi
}

/* podman has the container's lock, the number of which is @owner */
inline Start_container(n)
{
	atomic { Say_whose(n); starts = n; conmon[n] = RUNS; run Conmon(n) };
	container[n] == RUNS || container[n] == GONE || conmon[n] == GONE;
	d_step { database = STARTED; podman_lock = 0 }
}

active proctype Podman()
{
	bool refused_it, started;

	{
		ancestors_find();
		if
		:: refused_it
		:: else -> leash_and_become()
		fi;
		if
		:: refused_it
		:: true /* it fails, as a whole */
		:: !refused_it ->
			d_step { database = CREATED; bundle = true };
			id_file = true; /* --cidfile */
			podman_lock = PODMAN;
			Start_container(1);
			if
			:: detach
			:: !detach ->
end_wait:			exit_file || database == EXITED || database == REMOVED /* conmon's word; it never comes from one that was killed */
			fi
		fi
	} unless { sigkill[PODMAN] }
	atomic {
		if
		:: podman == HOLDING && open[HOLD] -> Close(HOLD)
		:: else
		fi;
		if
		:: podman_lock == PODMAN -> podman_lock = 0
		:: else
		fi;
		refused_it = false; started = false;
		podman = GONE;
		sigkill[PODMAN] = false
	}
}

proctype Conmon(byte n)
{
	{
		atomic { pid_files = pid_files || n == 1; container[n] = CREATING; run Container(n) }
end_wait:	container[n] == GONE;
		exit_file = true;
		atomic { cleanup[n] = RUNS; run Cleanup(n) }
		cleanup[n] == GONE
	} unless { sigkill[CONMON(n)] }
	d_step { conmon[n] = GONE; sigkill[CONMON(n)] = false }
}

/* the runtime's create, then the container init */
proctype Container(byte n)
{
	{
		container[n] = RUNS;
		if
		:: true /* ends by itself */
		:: true ->
end_run:		false
		fi
	} unless { sigkill[CONTAINER(n)] }
	d_step { container[n] = GONE; sigkill[CONTAINER(n)] = false }
}

/* podman container cleanup [--rm], below conmon or a reaper */
proctype Cleanup(byte n)
{
	{
		atomic { podman_lock == 0 -> podman_lock = CLEANUP(n) };
		if
		:: Alive(starts) -> refused = refused || n == REAPERS
		:: !Alive(starts) && restarts && !stopped && starts == 1 && database == STARTED ->
			Start_container(2) /* the policy */
		:: else ->
			bundle = bundle && !remove; /* delete, unmount: may take long */
			database = (remove -> REMOVED : (database == STARTED -> EXITED : database))
		fi
	} unless { sigkill[CLEANUP(n)] }
	atomic {
		if
		:: podman_lock == CLEANUP(n) -> podman_lock = 0
		:: else
		fi;
		cleanup[n] = GONE;
		cut = remove && starts == 1 && !bundle && database != REMOVED;
		sigkill[CLEANUP(n)] = false
	}
}

/* ---- cancel_unit.c ---- */

/* SIGTERM to the guard in the record, and its end; with none alive, any news */
inline tell_keeper()
{
	if
	:: recorded && guard[recorded] == RUNS -> /* guard_find() */
		told = recorded;
		sigterm[told] = true; /* reapers_wait_for() */
		guard[told] == GONE;  /* reapers_collect() */
		told = 0
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
		:: opened -> reap(); Close(me) /* reapers_start(): in a child */
		:: busy -> tell_keeper()
		:: else
		fi;
		opened = false; busy = false
	od
}

inline cancel_unit()
{
#ifdef CANCEL_LOOKS_FIRST
	look();
	tombstone = true
#else
	d_step { tombstone = true; asked = true }; /* tombstone_write() */
	look()
#endif
}

proctype Cancel(byte me)
{
	bool opened, busy;
	byte told;

	cancel_unit();
	atomic {
		assert(!Running); /* claim: nothing runs when cancel returns */
		cancelled = true
	}
}

/* ---- sweep.c ---- */

/* run_is_held(): by what the record tells */
#define Conmon_lives	(!conmon_known || conmon[conmon_known] == RUNS)
#define run_is_held \
	((runner || orphan) && \
	 (detach -> Conmon_lives || !container_known || container[container_known] == GONE : podman != GONE && Conmon_lives))

inline sweep_run()
{
	do
	:: !record -> break
	:: record ->
		record_open(me, opened, busy);
		if
		:: opened ->
			if
			:: runner || orphan -> look_at_run() /* learn_conmon() */
			:: else
			fi;
			if
			:: run_is_held -> guard_start(me, failed); failed = !failed; Close(me); break /* sweep_run() */
			:: else -> reap(); Close(me); break
			fi
#ifdef SWEEP_TRUSTS_LOCK
		:: busy -> break
#else
		:: busy && run_is_held -> break
		:: busy && !run_is_held -> !record || lock == NOBODY /* wait_for_keeper() */
#endif
		:: !opened && !busy
		fi
	od
}

proctype Sweep(byte me)
{
	bool opened, busy, failed;

	fresh[me] = Lost;
	sweep_run();
	atomic { swept = swept || fresh[me] && !failed; fresh[me] = false; opened = false; busy = false; failed = false }
}

/* ---- what may happen ---- */

/* another run's guard: guard_sweep_others() */
proctype Neighbour(byte me)
{
	if
	:: d_step { record && lock == NOBODY -> lock = me; open[me] = 1 } /* record_is_unguarded() */
		Close(me);
		run Sweep(me)
	:: true
	fi
}

/* podman start, or podman restart, by anybody */
proctype Start()
{
end_start: atomic {
		podman_lock == 0 && starts == 1 &&
		((database == EXITED || database == STARTED) && !Alive(1) || detach && database == STARTED && container[1] == RUNS) ->
			podman_lock = SOMEBODY
	};
	if
	:: atomic { Alive(1) -> sigkill[CONTAINER(1)] = true }; !Alive(1)
	:: else
	fi;
	Start_container(2)
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

inline Kill_guard(who)
{
	unguarded = true;
	/* nobody saw the second conmon while the job went on */
	whose[2] = (detach && !restarts && !adopted && whose[2] == JOBS -> EITHERS : whose[2]);
	Kill(who, guard[who])
}

active proctype Killer()
{
	do
	:: d_step { runner -> runner = false; Forget_sweeps() }
#ifdef DETACH
	:: d_step { parent -> parent = false }
#endif
#ifndef GUARDS_KILLED
	:: atomic { kills < KILLS && podman != GONE -> disturbed = true; Kill(PODMAN, podman) }
	:: atomic { kills < KILLS && conmon[1] == RUNS -> disturbed = true; Kill(CONMON(1), conmon[1]) }
#ifdef CLEANUPS_KILLED
	:: atomic { kills < KILLS && cleanup[1] == RUNS -> disturbed = true; Kill(CLEANUP(1), cleanup[1]) }
#endif
	:: atomic { kills < KILLS && conmon[2] == RUNS && whose[2] == JOBS -> disturbed = true; Kill(CONMON(2), conmon[2]) }
#endif
	:: atomic { kills < KILLS && guard[HOLD] == RUNS -> Kill_guard(HOLD) }
	:: atomic { kills < KILLS && guard[SWEEP] == RUNS -> Kill_guard(SWEEP) }
	:: break
	od
}

/* when nobody can make a step any more */
active proctype Claims()
{
	timeout -> atomic {
		assert(!cancelled || !Running); /* claim: nothing runs after a cancel */
		assert(detach || podman != GONE || unguarded || !Running || starts == 2 && disturbed); /* claim: a guard that lives lets nothing run without its podman */
		assert(!Lost || unguarded || !Left); /* claim: a guard that lives leaves nothing of a run that lost a holder */
		assert(!Lost || !swept || !Left) /* claim: nothing is left of it after a sweep */
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
#ifdef STARTS
		run Start();
#endif
		skip
	}
}

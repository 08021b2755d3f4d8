/* core/replay.h - telling how a simulated run is replayed.
 *
 * One line on stderr, with the command that runs the process again under the seed: from
 * /proc/self/cmdline. Async-signal-safe. Any thread.
 */
#ifndef WEIR_CORE_REPLAY_H
#define WEIR_CORE_REPLAY_H

/* "weir: seed 7: WHY; replay: WEIR_SEED=7 ./program args" */
void weir__replay_tell(const char *why);

/* Between these two a crash of the process tells that it is in a simulation. They nest not. */
void weir__replay_watch(void);
void weir__replay_unwatch(void);

#endif

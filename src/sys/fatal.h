/* sys/fatal.h - the one way to end the process; async-signal-safe. */
#ifndef WEIR_SYS_FATAL_H
#define WEIR_SYS_FATAL_H

_Noreturn void weir__fatal(const char *line);

#endif

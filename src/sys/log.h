/* sys/log.h - tells the program something, by the hook of <weir/log.h>.
 *
 * Any thread. No lock is held while it is called, since the hook is the program's.
 */
#ifndef WEIR_SYS_LOG_H
#define WEIR_SYS_LOG_H

#include <weir/log.h>

/* One line without a newline, of less than WEIR__LINE_BYTES: more is cut off by the default. */
void weir__log(enum weir_log_level level, const char *line);

#endif

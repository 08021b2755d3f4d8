/* weir/log.h - what weir has to say that is no call's result.
 *
 * Few things are: a deadlock that was noticed, for example. Errors are the results of calls and are
 * not logged. The default writes each line to stderr in one write.
 */
#ifndef WEIR_LOG_H
#define WEIR_LOG_H

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_log_level {
    WEIR_LOG_DEFAULT = 0, /* for weir_set_log: warnings and errors */
    WEIR_LOG_ERROR = 1,   /* something is wrong and stays so: the program has to be changed */
    WEIR_LOG_WARNING = 2, /* something is wrong for now, or about to be */
    WEIR_LOG_INFO = 3,    /* what an operator may want to know */
    WEIR_LOG_DEBUG = 4    /* what a programmer may want to know */
};

/* Called with one line of text without a newline, which is borrowed until the hook returns. Any
 * thread calls it, several at once; perhaps on the stack of a task, so it uses little. It must
 * not suspend, and so calls nothing of weir that does. */
typedef void weir_log(enum weir_log_level level, const char *line);

/* Sets the hook of the process, and up to which level it is called (WEIR_LOG_DEFAULT:
 * WEIR_LOG_WARNING); NULL sets the default hook. Does not suspend, cannot fail. Any thread, at any
 * time; a line that is on its way may still go to the old hook, so its code has to stay. */
WEIR_PUBLIC void weir_set_log(weir_log *hook, enum weir_log_level up_to);

#ifdef __cplusplus
}
#endif
#endif

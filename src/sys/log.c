/* sys/log.c - the hook of the log; see <weir/log.h>.
 *
 * Hook and level are two words: between their stores a line may meet the new hook and the old
 * level, which harms nobody.
 */
#include "sys/log.h"

#include <unistd.h>

#include "base/atomic.h"
#include "base/line.h"

static void write_line(enum weir_log_level level, const char *text)
{
    struct weir__line line;
    ssize_t ignored;

    (void)level;
    weir__line_init(&line);
    weir__line_add_cut(&line, text, WEIR__LINE_BYTES - 2);
    weir__line_add(&line, "\n");
    ignored = write(STDERR_FILENO, line.text, line.len); /* one write: lines do not mix */
    (void)ignored;
}

static weir_log *hook = write_line; /* partner: weir__log */
static enum weir_log_level most = WEIR_LOG_WARNING;

void weir_set_log(weir_log *chosen, enum weir_log_level up_to)
{
    WEIR_ATOMIC_STORE(&most, up_to == WEIR_LOG_DEFAULT ? WEIR_LOG_WARNING : up_to, RELAXED);
    WEIR_ATOMIC_STORE(&hook, chosen ? chosen : write_line, SEQ_CST);
}

void weir__log(enum weir_log_level level, const char *line)
{
    if (level <= WEIR_ATOMIC_LOAD(&most, RELAXED))
        WEIR_ATOMIC_LOAD(&hook, SEQ_CST)(level, line);
}

/* base/assert.h - assertions for weir's own invariants, on in release builds too.
 *
 * Never for errors of the environment and never for input. A broken invariant ends the process
 * through the fatal hook of <weir/fatal.h>.
 */
#ifndef WEIR_BASE_ASSERT_H
#define WEIR_BASE_ASSERT_H

/* Reports "weir: FILE:LINE: broken invariant: TEXT" through the fatal hook; does not return. */
_Noreturn void weir__assert_failed(const char *text, const char *file, int line);

#define WEIR_ASSERT(condition)                                                                     \
    (__builtin_expect(!!(condition), 1) ? (void)0                                                  \
                                        : weir__assert_failed(#condition, __FILE__, __LINE__))

#endif

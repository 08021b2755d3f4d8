/* base/probe.h - trace points: places that a tracer can attach to while the program runs.
 *
 * Static tracepoints (USDT) of the provider "weir", if <sys/sdt.h> was there at the build; else
 * nothing. One costs a nop and a note beside the code, which says where its arguments are. They are
 * numbers or addresses, and are not computed for it. docs/metrics.md lists the points.
 */
#ifndef WEIR_BASE_PROBE_H
#define WEIR_BASE_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define WEIR__PROBES 1
#endif
#endif

#if defined(WEIR__PROBES)
#define WEIR_PROBE1(name, a)       DTRACE_PROBE1(weir, name, a)
#define WEIR_PROBE2(name, a, b)    DTRACE_PROBE2(weir, name, a, b)
#define WEIR_PROBE3(name, a, b, c) DTRACE_PROBE3(weir, name, a, b, c)
#else
#define WEIR_PROBE1(name, a)       ((void)sizeof(a))
#define WEIR_PROBE2(name, a, b)    ((void)sizeof(a), (void)sizeof(b))
#define WEIR_PROBE3(name, a, b, c) ((void)sizeof(a), (void)sizeof(b), (void)sizeof(c))
#endif

#endif

/* sys/facts.h - facts of the machine and the process by calls that have no other home. Each returns
 * -errno when it fails. Any thread.
 */
#ifndef WEIR_SYS_FACTS_H
#define WEIR_SYS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rusage;
struct utsname;

int weir__facts_online(void);
int weir__facts_configured(void);
/* Bytes of the machine's memory. */
int64_t weir__facts_memory(void);
/* Bytes of the process that are in memory. */
int64_t weir__facts_resident(void);
int weir__facts_load(double out[3]);
int64_t weir__facts_uptime_ns(void);
int weir__facts_usage(struct rusage *out);
int weir__facts_names(struct utsname *out);

/* Where /proc/self/exe leads: the length of the text, which is `cap` for one that may be cut; no
 * terminator. *removed: the file has no name any more. */
int weir__facts_executable(char *out, size_t cap, bool *removed);

/* Names the first thread of the process, by at most 15 bytes. */
int weir__facts_name_process(const char *name);

/* Makes the program's name in libc's own messages another text than argv[0]. */
void weir__facts_keep_name(char *name);

#endif

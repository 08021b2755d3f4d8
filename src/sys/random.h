/* sys/random.h - random bytes from getrandom(2). Reached through weir__sys. Any thread. */
#ifndef WEIR_SYS_RANDOM_H
#define WEIR_SYS_RANDOM_H

#include <stddef.h>

/* Fills all `size` bytes, which it borrows; may block before the kernel's generator is seeded,
 * early at boot. 0, or -errno (WEIR_ENOSYS) and the bytes are then worth nothing. */
int weir__random_fill(void *bytes, size_t size);
/* The same without blocking, and as much as comes at once: how many bytes (1..), -EAGAIN before the
 * generator is seeded. */
int weir__random_try(void *bytes, size_t size);

#endif

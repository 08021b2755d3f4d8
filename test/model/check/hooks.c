/* test/model/check/hooks.c - what -fsanitize=thread has the sources under test call.
 *
 * The programs are linked without the sanitizer's own library: each plain access is the checker's.
 */
#include <string.h>

#include "memory.h"

#define HOOK(name, size, writes)                                                                   \
    void __tsan_##name(void *at);                                                                  \
    void __tsan_##name(void *at)                                                                   \
    {                                                                                              \
        model_touch(at, size, writes, false, model_actor());                                       \
    }
#define HOOKS(size)                                                                                \
    HOOK(read##size, size, false)                                                                  \
    HOOK(write##size, size, true)                                                                  \
    HOOK(unaligned_read##size, size, false)                                                        \
    HOOK(unaligned_write##size, size, true)

HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_read_range(void *at, size_t size);
void __tsan_write_range(void *at, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *at, size_t size)
{
    model_touch(at, size, false, false, model_actor());
}

void __tsan_write_range(void *at, size_t size)
{
    model_touch(at, size, true, false, model_actor());
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    model_touch(from, size, false, false, model_actor());
    model_touch(to, size, true, false, model_actor());
    return memcpy(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
    model_touch(to, size, true, false, model_actor());
    return memset(to, byte, size);
}

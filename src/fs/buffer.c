/* fs/buffer.c - buffers for direct I/O: pages in classes of a power of two.
 *
 * One lock guards the lists of those that nobody has, which are linked through their first word. At
 * most KEPT_MAX bytes are kept; what is given back beyond that goes to the system.
 */
#include "base/atomic.h"
#include "fs/file.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/page.h"

#define SIZE_MIN 4096u
#define CLASSES  9 /* 4 KiB to 1 MiB */
#define KEPT_MAX (16u << 20)

static uint32_t lock;
static void *kept[CLASSES];
static size_t kept_bytes, out_bytes;

static unsigned class_of(size_t size)
{
    unsigned rank = 0;

    while (((size_t)SIZE_MIN << rank) < size)
        rank++;
    return rank;
}

static void *pop(unsigned rank)
{
    void *bytes = kept[rank];

    if (bytes) {
        kept[rank] = *(void **)bytes;
        kept_bytes -= (size_t)SIZE_MIN << rank;
    }
    return bytes;
}

int weir_file_buffer_take(struct weir_file_buffer *out, size_t size)
{
    WEIR__CALL;
    void *bytes = NULL;
    unsigned rank;
    bool allowed;
    int rc = 0;

    if (size == 0 || size > WEIR_FILE_BUFFER_MAX)
        return WEIR_EINVAL;
    rank = class_of(size > weir__page_size() ? size : weir__page_size());
    size = (size_t)SIZE_MIN << rank;
    weir__lock(&lock);
    allowed = out_bytes + size <= WEIR_FILE_BUFFERS_BYTES_MAX;
    if (allowed) {
        bytes = pop(rank);
        out_bytes += size;
    }
    weir__unlock(&lock);
    if (!allowed)
        return WEIR_ELIMIT;
    if (!bytes)
        rc = weir__page_map(size, &bytes);
    if (rc < 0) {
        weir__lock(&lock);
        out_bytes -= size;
        weir__unlock(&lock);
        return rc;
    }
    *out = (struct weir_file_buffer){bytes, size};
    return 0;
}

void weir_file_buffer_give(struct weir_file_buffer *buffer)
{
    WEIR__CALL;
    size_t size = buffer->size;
    void *bytes = buffer->bytes;
    bool keeps;

    if (!bytes)
        return;
    *buffer = (struct weir_file_buffer){NULL, 0};
    weir__lock(&lock);
    out_bytes -= size;
    keeps = kept_bytes + size <= KEPT_MAX;
    if (keeps) {
        unsigned rank = class_of(size);

        *(void **)bytes = kept[rank];
        kept[rank] = bytes;
        kept_bytes += size;
    }
    weir__unlock(&lock);
    if (!keeps)
        weir__page_unmap(bytes, size);
}

void weir_file_buffer_trim(void)
{
    WEIR__CALL;
    unsigned rank;

    for (rank = 0; rank < CLASSES; rank++) {
        void *bytes;

        do {
            weir__lock(&lock);
            bytes = pop(rank);
            weir__unlock(&lock);
            if (bytes)
                weir__page_unmap(bytes, (size_t)SIZE_MIN << rank);
        } while (bytes);
    }
}

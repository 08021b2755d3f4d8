/* base/options.c - see options.h. */
#include "base/options.h"

#include <string.h>
#include <weir/error.h>

int weir__options_copy(void *own, size_t own_size, const void *theirs, size_t theirs_size)
{
    const unsigned char *bytes = theirs;
    size_t i;

    if (!theirs)
        return 0;
    for (i = own_size; i < theirs_size; i++) {
        if (bytes[i])
            return WEIR_EOPTION;
    }
    memcpy(own, theirs, theirs_size < own_size ? theirs_size : own_size);
    return 0;
}

void weir__options_give(void *theirs, size_t theirs_size, const void *own, size_t own_size)
{
    if (!theirs)
        return;
    memcpy(theirs, own, theirs_size < own_size ? theirs_size : own_size);
    if (theirs_size > own_size)
        memset((char *)theirs + own_size, 0, theirs_size - own_size);
}

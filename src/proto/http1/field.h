/* proto/http1/field.h - the header fields that the engine knows by name.
 *
 * A known field is found once, while the head is read, and then by index. Everything else is
 * found by comparing names. Pure: no state, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_FIELD_H
#define WEIR_PROTO_HTTP1_FIELD_H

#include <stddef.h>

#include "base/slice.h"

enum weir__http1_field {
    WEIR__HTTP1_FIELD_OTHER, /* any name that is not below */
    WEIR__HTTP1_FIELD_HOST,
    WEIR__HTTP1_FIELD_CONNECTION,
    WEIR__HTTP1_FIELD_CONTENT_LENGTH,
    WEIR__HTTP1_FIELD_TRANSFER_ENCODING,
    WEIR__HTTP1_FIELD_EXPECT,
    WEIR__HTTP1_FIELD_UPGRADE,
    WEIR__HTTP1_FIELD_RANGE,
    WEIR__HTTP1_FIELD_IF_MATCH,
    WEIR__HTTP1_FIELD_IF_NONE_MATCH,
    WEIR__HTTP1_FIELD_IF_MODIFIED_SINCE,
    WEIR__HTTP1_FIELD_IF_UNMODIFIED_SINCE,
    WEIR__HTTP1_FIELD_IF_RANGE,
    WEIR__HTTP1_FIELD_TRAILER,
    WEIR__HTTP1_FIELD_REFERER,
    WEIR__HTTP1_FIELD_USER_AGENT,
    WEIR__HTTP1_FIELD_ACCEPT_ENCODING,
    WEIR__HTTP1_FIELD_CONTENT_TYPE,
    WEIR__HTTP1_FIELD_KINDS /* how many there are */
};

/* Which field has this name, without regard to case. `len` bytes at `name`, all of them token
 * characters. */
enum weir__http1_field weir__http1_field_identify(const char *name, size_t len);

/* Takes the next element off a comma-separated list (RFC 9110 5.6.1): *element without the
 * blanks round it, *list what stands behind the comma. A comma inside a quoted string divides
 * nothing. Elements may be empty. False, and nothing changed, when the list has ended, which it
 * says by list->at == NULL. */
bool weir__http1_field_next(struct weir__slice *list, struct weir__slice *element);

#endif

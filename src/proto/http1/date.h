/* proto/http1/date.h - HTTP dates.
 *
 * Seconds since 1970-01-01T00:00:00Z to text and back, without a time zone, a locale or libc's
 * calendar. The clock is the caller's. Pure: no state, any thread.
 */
#ifndef WEIR_PROTO_HTTP1_DATE_H
#define WEIR_PROTO_HTTP1_DATE_H

#include <stdint.h>

#include "base/slice.h"

enum {
    WEIR__HTTP1_DATE_LEN = 29
};

/* Writes the 29 bytes of an IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT", and no NUL. Times before
 * year 0 or behind year 9999 are written as the nearest that the form can say. RFC 9110 5.6.7. */
void weir__http1_date_format(int64_t seconds, char into[WEIR__HTTP1_DATE_LEN]);

/* Reads a date in one of the three forms of RFC 9110 5.6.7: IMF-fixdate, RFC 850 and asctime. `now`
 * settles the century of RFC 850's two digits: a date that seems more than 50 years ahead is in
 * the past. A leap second is the next minute's first. The name of the weekday must be one, and
 * need not be that day's. 0 with *seconds, or WEIR_HTTP_ESYNTAX with *seconds untouched. */
int weir__http1_date_parse(struct weir__slice text, int64_t now, int64_t *seconds);

#endif

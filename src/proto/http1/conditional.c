/* proto/http1/conditional.c - conditional requests. The contract is in conditional.h. */
#include "proto/http1/conditional.h"

#include "proto/http1/date.h"
#include "proto/http1/etag.h"
#include "proto/http1/request.h"

static bool present(const struct weir__http1_request *request, enum weir__http1_field field)
{
    return request->known[field] != 0;
}

/* Whether one of the lines of If-Match or If-None-Match names the representation. */
static bool matches(const struct weir__http1_request *request, enum weir__http1_field field,
                    const struct weir__http1_validators *validators, bool strong)
{
    struct weir__slice list;
    size_t index = 0;

    while (weir__http1_request_next(request, field, &index, &list)) {
        if (!validators->exists)
            continue;
        if (weir__slice_is(list, "*"))
            return true;
        if (validators->etag.len > 0 && weir__http1_etag_listed(list, validators->etag, strong))
            return true;
    }
    return false;
}

/* The date of a field into *date; false if the field must be ignored: absent, repeated, no date,
 * or nothing to compare it with. */
static bool date_of(const struct weir__http1_request *request, enum weir__http1_field field,
                    const struct weir__http1_validators *validators, int64_t now, int64_t *date)
{
    struct weir__slice value;

    return validators->exists && validators->modified != WEIR__HTTP1_NO_DATE
           && !(request->repeated & 1u << field)
           && weir__http1_request_known(request, field, &value)
           && weir__http1_date_parse(value, now, date) == 0;
}

static bool reads(const struct weir__http1_request *request)
{
    return request->method == WEIR__HTTP1_METHOD_GET || request->method == WEIR__HTTP1_METHOD_HEAD;
}

/* Steps 1 and 2: whether the representation is the one that the client means. */
static bool precondition_holds(const struct weir__http1_request *request,
                               const struct weir__http1_validators *validators, int64_t now)
{
    int64_t date;

    if (present(request, WEIR__HTTP1_FIELD_IF_MATCH))
        return matches(request, WEIR__HTTP1_FIELD_IF_MATCH, validators, true);
    if (!date_of(request, WEIR__HTTP1_FIELD_IF_UNMODIFIED_SINCE, validators, now, &date))
        return true;
    return validators->modified <= date;
}

/* Steps 3 and 4: whether the client has the representation already. */
static bool client_has(const struct weir__http1_request *request,
                       const struct weir__http1_validators *validators, int64_t now)
{
    int64_t date;

    if (present(request, WEIR__HTTP1_FIELD_IF_NONE_MATCH))
        return matches(request, WEIR__HTTP1_FIELD_IF_NONE_MATCH, validators, false);
    return reads(request)
           && date_of(request, WEIR__HTTP1_FIELD_IF_MODIFIED_SINCE, validators, now, &date)
           && validators->modified <= date;
}

/* Step 5: If-Range must name exactly what is there, by a strong validator (RFC 9110 13.1.5). A
 * date is one only if the file cannot have changed again within the same second (8.8.2.2). */
static bool range_counts(const struct weir__http1_request *request,
                         const struct weir__http1_validators *validators, int64_t now)
{
    struct weir__slice value;
    int64_t date;

    if (request->method != WEIR__HTTP1_METHOD_GET || !present(request, WEIR__HTTP1_FIELD_RANGE))
        return false;
    if (!weir__http1_request_known(request, WEIR__HTTP1_FIELD_IF_RANGE, &value))
        return true;
    if (weir__http1_etag_valid(value))
        return !(request->repeated & 1u << WEIR__HTTP1_FIELD_IF_RANGE)
               && weir__http1_etag_equal_strong(value, validators->etag);
    return date_of(request, WEIR__HTTP1_FIELD_IF_RANGE, validators, now, &date)
           && validators->modified == date && date < now;
}

enum weir__http1_verdict weir__http1_conditional(const struct weir__http1_request *request,
                                                 const struct weir__http1_validators *validators,
                                                 int64_t now, bool *range)
{
    if (!precondition_holds(request, validators, now))
        return WEIR__HTTP1_VERDICT_FAILED;
    if (client_has(request, validators, now))
        return reads(request) ? WEIR__HTTP1_VERDICT_NOT_MODIFIED : WEIR__HTTP1_VERDICT_FAILED;
    *range = range_counts(request, validators, now);
    return WEIR__HTTP1_VERDICT_PROCEED;
}

/* test/fuzz/http1_conditional.c - conditions, entity tags and dates.
 *
 * The input is a header section; with a request line before it, it is judged against a file, in
 * which a proceeding range must have had a Range field. It is also read as a date: what is read
 * can be written and read again; and as a list of tags.
 */
#include "proto/http1/conditional.h"

#include <stdlib.h>

#include "proto/http1/date.h"
#include "proto/http1/etag.h"
#include "proto/http1/request.h"

#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"
#define NOW  INT64_C(1760000000)

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void judge(const char *fields, size_t len)
{
    static struct weir__http1_request request;
    const struct weir__http1_validators file = {true, {"\"a\"", 3}, 784111777};
    size_t size = sizeof HEAD - 1 + len;
    char *text = malloc(size);
    bool range = false;

    memcpy(text, HEAD, sizeof HEAD - 1);
    memcpy(text + sizeof HEAD - 1, fields, len);
    if (weir__http1_request_parse(text, size, 0, NULL, &request) > 0) {
        enum weir__http1_verdict verdict = weir__http1_conditional(&request, &file, NOW, &range);

        must(!range || request.known[WEIR__HTTP1_FIELD_RANGE] != 0);
        must(!range || verdict == WEIR__HTTP1_VERDICT_PROCEED);
    }
    free(text);
}

static void read_date(struct weir__slice text)
{
    char again[WEIR__HTTP1_DATE_LEN];
    int64_t seconds, back;

    if (weir__http1_date_parse(text, NOW, &seconds) < 0)
        return;
    weir__http1_date_format(seconds, again);
    must(weir__http1_date_parse(weir__slice_of(again, sizeof again), NOW, &back) == 0);
    /* A leap second at the end of 9999 cannot be written. */
    must(back == seconds || seconds == INT64_C(253402300800));
}

static void read_tags(struct weir__slice text)
{
    bool strong = weir__http1_etag_listed(text, weir__slice_text("\"a\""), true);
    bool weak = weir__http1_etag_listed(text, weir__slice_text("\"a\""), false);

    must(weak || !strong);
    if (weir__http1_etag_valid(text))
        must(weir__http1_etag_listed(text, text, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    struct weir__slice text = weir__slice_of(copy + 1, size);

    memcpy(copy + 1, data, size);
    judge(copy + 1, size);
    read_date(text);
    read_tags(text);
    free(copy);
    return 0;
}

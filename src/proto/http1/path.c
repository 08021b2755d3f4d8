/* proto/http1/path.c - from a request's path to the name of a file. The contract is in path.h. */
#include "proto/http1/path.h"

#include "proto/http1/scan.h"
#include "proto/http1/text.h"
#include "weir/error.h"

/* Decodes the segment that begins at *at, up to a slash or `end`, to the end of the text. 0, or an
 * error; *at is left behind what was read. */
static int decode_segment(const char **at, const char *end, struct weir__http1_text *text)
{
    while (*at < end && **at != '/') {
        char c = *(*at)++;

        if (c == '%') {
            int high, low;

            if (end - *at < 2)
                return WEIR_HTTP_ESYNTAX;
            high = weir__http1_scan_hex((*at)[0]);
            low = weir__http1_scan_hex((*at)[1]);
            if (high < 0 || low < 0)
                return WEIR_HTTP_ESYNTAX;
            c = (char)(high << 4 | low);
            *at += 2;
        }
        if (c == '\0' || c == '/') /* a slash can only be an encoded one here */
            return WEIR_HTTP_ESYNTAX;
        weir__http1_text_put(text, &c, 1);
    }
    return 0;
}

/* Takes the last segment off a text like "a/b/". False if there is none. */
static bool drop_segment(struct weir__http1_text *text)
{
    if (text->at == text->start)
        return false;
    text->at--;
    while (text->at > text->start && text->at[-1] != '/')
        text->at--;
    return true;
}

/* Settles the segment that was just decoded from `segment` on: a name stays, "" and "." go away,
 * ".." takes the one before along. *directory says which it was. */
static int settle_segment(struct weir__http1_text *text, char *segment, bool *directory)
{
    struct weir__slice name = weir__slice_of(segment, (size_t)(text->at - segment));
    bool up = weir__slice_is(name, "..");

    *directory = name.len == 0 || up || weir__slice_is(name, ".");
    if (!*directory)
        return 0;
    text->at = segment;
    return !up || drop_segment(text) ? 0 : WEIR_HTTP_ESYNTAX;
}

/* All segments, each followed by a slash while more come. The text is empty or ends in a slash
 * before each. */
static int decode_segments(const char *at, const char *end, struct weir__http1_text *text,
                           bool *directory)
{
    int rc = 0;

    *directory = true;
    while (at < end && rc == 0 && !text->full) {
        char *segment = text->at;

        at++; /* the slash */
        rc = decode_segment(&at, end, text);
        if (rc == 0 && !text->full)
            rc = settle_segment(text, segment, directory);
        if (rc == 0 && !*directory && at < end)
            weir__http1_text_put(text, "/", 1);
    }
    return rc;
}

int weir__http1_path_decode(struct weir__slice path, char *into, size_t cap,
                            struct weir__http1_path *out)
{
    const char *mark = path.len > 0 ? memchr(path.at, '?', path.len) : NULL;
    size_t len = mark ? (size_t)(mark - path.at) : path.len;
    struct weir__http1_text text = weir__http1_text_into(into, cap);
    bool directory;
    int rc;

    if (path.len == 0 || (len > 0 && path.at[0] != '/'))
        return WEIR_HTTP_ESYNTAX;
    rc = decode_segments(path.at, path.at + len, &text, &directory);
    if (rc < 0)
        return rc;
    if (directory && text.at > text.start)
        text.at--; /* "a/b/" */
    weir__http1_text_put(&text, "", 1);
    if (text.full)
        return WEIR_ENAMETOOLONG;
    out->file = weir__slice_of(into, weir__http1_text_len(&text) - 1);
    out->directory = directory;
    out->has_query = mark != NULL;
    out->query = mark ? weir__slice_of(mark + 1, path.len - len - 1) : weir__slice_of("", 0);
    return 0;
}

static void put_encoded(struct weir__http1_text *text, char c)
{
    unsigned char byte = (unsigned char)c;
    char code[3] = {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};

    if (weir__http1_scan_is(c, WEIR__HTTP1_PATH))
        weir__http1_text_put(text, &c, 1);
    else
        weir__http1_text_put(text, code, 3);
}

int weir__http1_path_encode(struct weir__slice file, bool directory, char *into, size_t cap)
{
    struct weir__http1_text text = weir__http1_text_into(into, cap);

    weir__http1_text_put(&text, "/", 1);
    for (size_t i = 0; i < file.len; i++)
        put_encoded(&text, file.at[i]);
    if (directory && file.len > 0)
        weir__http1_text_put(&text, "/", 1);
    return text.full ? WEIR_ENOBUFS : (int)weir__http1_text_len(&text);
}

/* proto/http1/status.c - status codes. The contract is in status.h.
 *
 * The table is searched from its start, so what a server mostly says stands first.
 */
#include "proto/http1/status.h"

#include "weir/error.h"

#define STATUS_HEAD "HTTP/1.1 200 "
#define STATUS_LINE(code, reason)                                                                  \
    {                                                                                              \
        code, sizeof("HTTP/1.1 " #code " " reason "\r\n") - 1, "HTTP/1.1 " #code " " reason "\r\n" \
    }

static const struct status_line {
    short status;
    unsigned short len;
    const char *text;
} lines[] = {
    STATUS_LINE(200, "OK"),
    STATUS_LINE(304, "Not Modified"),
    STATUS_LINE(206, "Partial Content"),
    STATUS_LINE(404, "Not Found"),
    STATUS_LINE(100, "Continue"),
    STATUS_LINE(101, "Switching Protocols"),
    STATUS_LINE(103, "Early Hints"),
    STATUS_LINE(201, "Created"),
    STATUS_LINE(202, "Accepted"),
    STATUS_LINE(204, "No Content"),
    STATUS_LINE(205, "Reset Content"),
    STATUS_LINE(300, "Multiple Choices"),
    STATUS_LINE(301, "Moved Permanently"),
    STATUS_LINE(302, "Found"),
    STATUS_LINE(303, "See Other"),
    STATUS_LINE(307, "Temporary Redirect"),
    STATUS_LINE(308, "Permanent Redirect"),
    STATUS_LINE(400, "Bad Request"),
    STATUS_LINE(401, "Unauthorized"),
    STATUS_LINE(403, "Forbidden"),
    STATUS_LINE(405, "Method Not Allowed"),
    STATUS_LINE(406, "Not Acceptable"),
    STATUS_LINE(407, "Proxy Authentication Required"),
    STATUS_LINE(408, "Request Timeout"),
    STATUS_LINE(409, "Conflict"),
    STATUS_LINE(410, "Gone"),
    STATUS_LINE(411, "Length Required"),
    STATUS_LINE(412, "Precondition Failed"),
    STATUS_LINE(413, "Content Too Large"),
    STATUS_LINE(414, "URI Too Long"),
    STATUS_LINE(415, "Unsupported Media Type"),
    STATUS_LINE(416, "Range Not Satisfiable"),
    STATUS_LINE(417, "Expectation Failed"),
    STATUS_LINE(421, "Misdirected Request"),
    STATUS_LINE(422, "Unprocessable Content"),
    STATUS_LINE(426, "Upgrade Required"),
    STATUS_LINE(428, "Precondition Required"),
    STATUS_LINE(429, "Too Many Requests"),
    STATUS_LINE(431, "Request Header Fields Too Large"),
    STATUS_LINE(500, "Internal Server Error"),
    STATUS_LINE(501, "Not Implemented"),
    STATUS_LINE(502, "Bad Gateway"),
    STATUS_LINE(503, "Service Unavailable"),
    STATUS_LINE(504, "Gateway Timeout"),
    STATUS_LINE(505, "HTTP Version Not Supported"),
    STATUS_LINE(507, "Insufficient Storage"),
};

struct weir__slice weir__http1_status_line(int status)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (lines[i].status == status)
            return weir__slice_of(lines[i].text, lines[i].len);
    return weir__slice_of("", 0);
}

struct weir__slice weir__http1_status_reason(int status)
{
    struct weir__slice line = weir__http1_status_line(status);
    size_t head = sizeof STATUS_HEAD - 1;

    return line.len == 0 ? line : weir__slice_of(line.at + head, line.len - head - 2);
}

int weir__http1_status_of(int code)
{
    switch (code) {
    case WEIR_HTTP_ESYNTAX:
    case WEIR_HTTP_EFRAMING:
        return 400;
    case WEIR_EACCES:
    case WEIR_EPERM:
        return 403;
    case WEIR_ENOENT:
    case WEIR_ENOTDIR:
    case WEIR_ENAMETOOLONG:
    case WEIR_ELOOP:
        return 404;
    case WEIR_EDEADLINE:
    case WEIR_EIDLE:
        return 408;
    case WEIR_HTTP_ETOOLARGE:
        return 413;
    case WEIR_HTTP_EENCODING:
        return 501;
    case WEIR_ELIMIT:
    case WEIR_ESHUTDOWN:
    case WEIR_EMFILE:
    case WEIR_ENFILE:
    case WEIR_ENOMEM:
        return 503;
    case WEIR_HTTP_EVERSION:
        return 505;
    default:
        return 500;
    }
}

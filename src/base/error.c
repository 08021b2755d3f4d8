/* base/error.c - the table of weir's error codes; system errors get the C library's texts. */
#include <stddef.h>
#include <string.h>
#include <weir/error.h>

struct entry {
    int code;
    const char *name;
    const char *text; /* NULL: the system's */
};

static const struct entry table[] = {
    {0, "WEIR_OK", "success"},
    {WEIR_EPERM, "WEIR_EPERM", NULL},
    {WEIR_ENOENT, "WEIR_ENOENT", NULL},
    {WEIR_ESRCH, "WEIR_ESRCH", NULL},
    {WEIR_EINTR, "WEIR_EINTR", NULL},
    {WEIR_EIO, "WEIR_EIO", NULL},
    {WEIR_ENXIO, "WEIR_ENXIO", NULL},
    {WEIR_EBADF, "WEIR_EBADF", NULL},
    {WEIR_EAGAIN, "WEIR_EAGAIN", NULL},
    {WEIR_ENOMEM, "WEIR_ENOMEM", NULL},
    {WEIR_EACCES, "WEIR_EACCES", NULL},
    {WEIR_EBUSY, "WEIR_EBUSY", NULL},
    {WEIR_EEXIST, "WEIR_EEXIST", NULL},
    {WEIR_EXDEV, "WEIR_EXDEV", NULL},
    {WEIR_ENODEV, "WEIR_ENODEV", NULL},
    {WEIR_ENOTDIR, "WEIR_ENOTDIR", NULL},
    {WEIR_EISDIR, "WEIR_EISDIR", NULL},
    {WEIR_EINVAL, "WEIR_EINVAL", NULL},
    {WEIR_ENFILE, "WEIR_ENFILE", NULL},
    {WEIR_EMFILE, "WEIR_EMFILE", NULL},
    {WEIR_EFBIG, "WEIR_EFBIG", NULL},
    {WEIR_ENOTTY, "WEIR_ENOTTY", NULL},
    {WEIR_ENOSPC, "WEIR_ENOSPC", NULL},
    {WEIR_ESPIPE, "WEIR_ESPIPE", NULL},
    {WEIR_EROFS, "WEIR_EROFS", NULL},
    {WEIR_EPIPE, "WEIR_EPIPE", NULL},
    {WEIR_ERANGE, "WEIR_ERANGE", NULL},
    {WEIR_EDEADLK, "WEIR_EDEADLK", "the caller would wait for itself"},
    {WEIR_ENAMETOOLONG, "WEIR_ENAMETOOLONG", NULL},
    {WEIR_ENOLCK, "WEIR_ENOLCK", NULL},
    {WEIR_ENOSYS, "WEIR_ENOSYS", NULL},
    {WEIR_ENOTEMPTY, "WEIR_ENOTEMPTY", NULL},
    {WEIR_ELOOP, "WEIR_ELOOP", NULL},
    {WEIR_ENODATA, "WEIR_ENODATA", NULL},
    {WEIR_ENOTSOCK, "WEIR_ENOTSOCK", NULL},
    {WEIR_EDESTADDRREQ, "WEIR_EDESTADDRREQ", NULL},
    {WEIR_EMSGSIZE, "WEIR_EMSGSIZE", NULL},
    {WEIR_EPROTOTYPE, "WEIR_EPROTOTYPE", NULL},
    {WEIR_ENOPROTOOPT, "WEIR_ENOPROTOOPT", NULL},
    {WEIR_EPROTONOSUPPORT, "WEIR_EPROTONOSUPPORT", NULL},
    {WEIR_ENOTSUP, "WEIR_ENOTSUP", NULL},
    {WEIR_EAFNOSUPPORT, "WEIR_EAFNOSUPPORT", NULL},
    {WEIR_EADDRINUSE, "WEIR_EADDRINUSE", NULL},
    {WEIR_EADDRNOTAVAIL, "WEIR_EADDRNOTAVAIL", NULL},
    {WEIR_ENETUNREACH, "WEIR_ENETUNREACH", NULL},
    {WEIR_ECONNABORTED, "WEIR_ECONNABORTED", NULL},
    {WEIR_ECONNRESET, "WEIR_ECONNRESET", NULL},
    {WEIR_ENOBUFS, "WEIR_ENOBUFS", NULL},
    {WEIR_EISCONN, "WEIR_EISCONN", NULL},
    {WEIR_ENOTCONN, "WEIR_ENOTCONN", NULL},
    {WEIR_ETIMEDOUT, "WEIR_ETIMEDOUT", NULL},
    {WEIR_ECONNREFUSED, "WEIR_ECONNREFUSED", NULL},
    {WEIR_EHOSTUNREACH, "WEIR_EHOSTUNREACH", NULL},
    {WEIR_EDQUOT, "WEIR_EDQUOT", NULL},
    {WEIR_ECANCELED, "WEIR_ECANCELED", "cancelled"},
    {WEIR_EDEADLINE, "WEIR_EDEADLINE", "the deadline has passed"},
    {WEIR_EBADHANDLE, "WEIR_EBADHANDLE", "the handle is closed or not of this kind"},
    {WEIR_ECLOSED, "WEIR_ECLOSED", "closed while the call was under way"},
    {WEIR_ELIMIT, "WEIR_ELIMIT", "a configured limit is reached"},
    {WEIR_ENOTASK, "WEIR_ENOTASK", "the call suspends and the caller is not a task"},
    {WEIR_ENORUNTIME, "WEIR_ENORUNTIME", "no runtime is running here"},
    {WEIR_EVERSION, "WEIR_EVERSION", "header and library do not match"},
    {WEIR_EOPTION, "WEIR_EOPTION", "an option is unknown or out of range"},
    {WEIR_EFORK, "WEIR_EFORK", "the operation was lost in a fork"},
    {WEIR_ESHUTDOWN, "WEIR_ESHUTDOWN", "shutting down"},
    {WEIR_EBROKEN, "WEIR_EBROKEN", "an earlier call failed half-way"},
    {WEIR_ENOSCHEME, "WEIR_ENOSCHEME", "nothing is registered for the scheme of the address"},
    {WEIR_EADDRESS, "WEIR_EADDRESS", "the address does not parse"},
    {WEIR_EIDLE, "WEIR_EIDLE", "idle for too long"},
    {WEIR_EEOF, "WEIR_EEOF", "the stream ended too early"},
    {WEIR_ENAME, "WEIR_ENAME", "the host name cannot be resolved"},
    {WEIR_EERRQUEUE, "WEIR_EERRQUEUE", "no message, but the error queue has something"},
    {WEIR_EFRAME, "WEIR_EFRAME", "the bytes are no frame"},
    {WEIR_ESCRIPT, "WEIR_ESCRIPT", "the script of the stream wants something else"},
    {WEIR_HTTP_ESYNTAX, "WEIR_HTTP_ESYNTAX", "malformed HTTP message"},
    {WEIR_HTTP_ETOOLARGE, "WEIR_HTTP_ETOOLARGE", "a part of the HTTP message is too large"},
    {WEIR_HTTP_EVERSION, "WEIR_HTTP_EVERSION", "unsupported HTTP version"},
    {WEIR_HTTP_EFRAMING, "WEIR_HTTP_EFRAMING", "the length of the HTTP body is ambiguous"},
    {WEIR_HTTP_EENCODING, "WEIR_HTTP_EENCODING", "unknown transfer coding"},
    {WEIR_HTTP_ESTATE, "WEIR_HTTP_ESTATE", "calls in an order that HTTP does not allow"},
    {WEIR_DNS_ENXDOMAIN, "WEIR_DNS_ENXDOMAIN", "no such host name"},
    {WEIR_DNS_ENODATA, "WEIR_DNS_ENODATA", "the name has no such record"},
    {WEIR_DNS_ESERVFAIL, "WEIR_DNS_ESERVFAIL", "the name server could not find out"},
    {WEIR_DNS_EREFUSED, "WEIR_DNS_EREFUSED", "the name server refused"},
    {WEIR_DNS_ETIMEOUT, "WEIR_DNS_ETIMEOUT", "no name server has answered"},
    {WEIR_DNS_EFORMERR, "WEIR_DNS_EFORMERR", "malformed DNS message"},
    {WEIR_DNS_EUNREACH, "WEIR_DNS_EUNREACH", "no name server can be reached, or has an answer"},
};

static const struct entry *find(int code)
{
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].code == code)
            return &table[i];
    }
    return NULL;
}

const char *weir_strerror(int code)
{
    const struct entry *entry = find(code);
    const char *text = entry ? entry->text : NULL;

    if (!text && code < 0 && code > -1000)
        text = strerrordesc_np(-code);
    return text ? text : "unknown error";
}

const char *weir_error_name(int code)
{
    const struct entry *entry = find(code);

    return entry ? entry->name : "WEIR_EUNKNOWN";
}

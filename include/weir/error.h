/* weir/error.h - error codes and their texts.
 *
 * Every call of weir that can fail returns a negative code of this one enum; zero or more is
 * success. Codes -1..-999 are errors of the operating system and have the number of Linux's errno
 * on every platform. Codes from -1000 down are weir's own, ranged by layer. A code keeps its number
 * for ever. Outputs are untouched when a call fails.
 */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEIR_PUBLIC __attribute__((visibility("default")))
#else
#define WEIR_PUBLIC
#endif

enum weir_error {
    /* operating system, errno numbers of Linux (the ones that programs ask for by name) */
    WEIR_EPERM = -1,
    WEIR_ENOENT = -2,
    WEIR_ESRCH = -3,
    WEIR_EINTR = -4,
    WEIR_EIO = -5,
    WEIR_ENXIO = -6,
    WEIR_EBADF = -9,
    WEIR_EAGAIN = -11,
    WEIR_ENOMEM = -12,
    WEIR_EACCES = -13,
    WEIR_EBUSY = -16,
    WEIR_EEXIST = -17,
    WEIR_EXDEV = -18,
    WEIR_ENODEV = -19,
    WEIR_ENOTDIR = -20,
    WEIR_EISDIR = -21,
    WEIR_EINVAL = -22,
    WEIR_ENFILE = -23,
    WEIR_EMFILE = -24,
    WEIR_EFBIG = -27,
    WEIR_ENOTTY = -25,
    WEIR_ENOSPC = -28,
    WEIR_ESPIPE = -29,
    WEIR_EROFS = -30,
    WEIR_EPIPE = -32,
    WEIR_ERANGE = -34,
    WEIR_EDEADLK = -35, /* the caller would wait for itself */
    WEIR_ENAMETOOLONG = -36,
    WEIR_ENOLCK = -37,
    WEIR_ENOSYS = -38,
    WEIR_ENOTEMPTY = -39,
    WEIR_ELOOP = -40,
    WEIR_ENODATA = -61,
    WEIR_ENOTSOCK = -88,
    WEIR_EDESTADDRREQ = -89,
    WEIR_EMSGSIZE = -90,
    WEIR_EPROTOTYPE = -91,
    WEIR_ENOPROTOOPT = -92,
    WEIR_EPROTONOSUPPORT = -93,
    WEIR_ENOTSUP = -95,
    WEIR_EAFNOSUPPORT = -97,
    WEIR_EADDRINUSE = -98,
    WEIR_EADDRNOTAVAIL = -99,
    WEIR_ENETUNREACH = -101,
    WEIR_ECONNABORTED = -103,
    WEIR_ECONNRESET = -104,
    WEIR_ENOBUFS = -105,
    WEIR_EISCONN = -106,
    WEIR_ENOTCONN = -107,
    WEIR_ETIMEDOUT = -110,
    WEIR_ECONNREFUSED = -111,
    WEIR_EHOSTUNREACH = -113,
    WEIR_EDQUOT = -122,
    WEIR_ECANCELED = -125, /* the caller, or a scope round it, was cancelled */

    /* runtime */
    WEIR_EDEADLINE = -1001,  /* the deadline of the innermost open block has passed */
    WEIR_EBADHANDLE = -1002, /* the handle is closed, or never was one of this kind */
    WEIR_ECLOSED = -1003,    /* the object was closed while the call was under way */
    WEIR_ELIMIT = -1004,     /* a configured limit is reached */
    WEIR_ENOTASK = -1005,    /* the call suspends and the caller is not a task */
    WEIR_ENORUNTIME = -1006, /* no runtime is running here (no call returns it yet) */
    WEIR_EVERSION = -1007,   /* header and library do not match */
    WEIR_EOPTION = -1008,    /* an option is unknown or out of range */
    WEIR_EFORK = -1009,      /* the operation was lost in a fork (no call returns it yet) */
    WEIR_ESHUTDOWN = -1010,  /* the runtime, loop or server is shutting down */

    /* stream, net */
    WEIR_EBROKEN = -2001,   /* an earlier call failed half-way: this direction is unusable */
    WEIR_ENOSCHEME = -2002, /* nothing is registered for the scheme of the address */
    WEIR_EADDRESS = -2003,  /* the address does not parse */
    WEIR_EIDLE = -2004,     /* nothing came within the idle limit of the stream */
    WEIR_EEOF = -2005,      /* the stream ended before all that was asked for had come */
    WEIR_ENAME = -2006,     /* the host name cannot be resolved */
    WEIR_EERRQUEUE = -2010, /* no message, but the socket's error queue has something */
    WEIR_EFRAME = -2020,    /* the bytes are no frame of the codec */
    WEIR_ESCRIPT = -2021,   /* the script of the stream wants something else */

    /* HTTP */
    WEIR_HTTP_ESYNTAX = -3001,   /* the message breaks RFC 9112 */
    WEIR_HTTP_ETOOLARGE = -3002, /* a part of the message is over its limit */
    WEIR_HTTP_EVERSION = -3003,  /* not HTTP/1.0 or HTTP/1.1 */
    WEIR_HTTP_EFRAMING = -3004,  /* the length of the body is ambiguous */
    WEIR_HTTP_EENCODING = -3005, /* a transfer coding that is not known */
    WEIR_HTTP_ESTATE = -3006,    /* calls in an order that HTTP does not allow */

    /* DNS */
    WEIR_DNS_ENXDOMAIN = -5001, /* there is no such name */
    WEIR_DNS_ENODATA = -5002,   /* the name has no record of that type */
    WEIR_DNS_ESERVFAIL = -5003, /* the server could not find out */
    WEIR_DNS_EREFUSED = -5004,  /* the server does not answer that to us */
    WEIR_DNS_ETIMEOUT = -5005,  /* no server has answered */
    WEIR_DNS_EFORMERR = -5006,  /* the server has not understood the question, or we the answer */
    WEIR_DNS_EUNREACH = -5007,  /* no server can be reached, or none of several had an answer */
};

/* One line of English for a code, for example "connection reset by peer". Never NULL: an unknown
 * code gets a text that says so. Does not suspend. Any thread. The text is static. */
WEIR_PUBLIC const char *weir_strerror(int code);

/* The name of a code, for example "WEIR_ECONNRESET"; "WEIR_EUNKNOWN" for one that has none.
 * Does not suspend. Any thread. The text is static. */
WEIR_PUBLIC const char *weir_error_name(int code);

#ifdef __cplusplus
}
#endif
#endif

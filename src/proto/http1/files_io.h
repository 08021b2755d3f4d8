/* proto/http1/files_io.h - a server of the files of a folder, shared by its two files.
 *
 * serve_io.c runs connections; files_io.c finds what a request gets. Each worker has a part of its
 * own, which is used between two suspensions only and needs no lock.
 */
#ifndef WEIR_PROTO_HTTP1_FILES_IO_H
#define WEIR_PROTO_HTTP1_FILES_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/http.h>

#include "proto/http1/date.h"
#include "proto/http1/filecache.h"
#include "proto/http1/http1_io.h"

/* A cache line apart, so that workers do not share one. */
struct weir__http1_part {
    struct weir__http1_pool pool;
    struct weir__http1_filecache cache;
    int64_t date_s; /* of `date` */
    uint64_t boundaries;
    char date[WEIR__HTTP1_DATE_LEN];
} __attribute__((aligned(64)));

struct weir_http_files {
    struct weir_http_files_options options;
    weir_dir folder;
    uint32_t parts_count;
    char *memory; /* that `parts` lie in */
    struct weir__http1_part *parts;
};

/* The present worker's part. */
struct weir__http1_part *weir__http1_files_part(weir_http_files *files);

/* Answers a request whose body is gone; the answer says whether the connection lives on. 0, or an
 * error that ends the connection. Suspends. */
int weir__http1_files_answer(weir_http_files *files, struct weir__http1_io *io,
                             const struct weir__http1_request *request, bool keep_alive);

/* Answers with a status and a line of text. `request` may be NULL: the head was not understood. 0,
 * or an error. Suspends. */
int weir__http1_files_refuse(weir_http_files *files, struct weir__http1_io *io,
                             const struct weir__http1_request *request, int status,
                             bool keep_alive);

#endif

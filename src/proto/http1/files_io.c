/* proto/http1/files_io.c - what a request for a file gets. The contract is in files_io.h.
 *
 * The usual request, a GET of a small file without conditions, is answered from the cache: one copy
 * of head and body, and the date written over. All others go the long way. From a look into the
 * cache to the copy nothing suspends; where room lacks, the output is flushed and the look
 * repeated. Opening and reading a file may suspend: after them the part is asked for anew.
 */
#include "proto/http1/files_io.h"

#include <string.h>
#include <weir/runtime.h>

#include "proto/http1/conditional.h"
#include "proto/http1/path.h"
#include "proto/http1/range.h"
#include "proto/http1/response.h"
#include "proto/http1/status.h"
#include "proto/http1/text.h"
#include "proto/http1/type.h"

enum {
    CACHED_MAX = 64 * 1024, /* bytes of a file that is kept */
    CACHED_PATH_MAX = 256,
    HEAD_CAP = 1024, /* of an answer without a Location */
    RETRY = 1,       /* flush, and look again */
};

#define FRESH_NS INT64_C(500000000)
#define INDEX    "index.html"

/* The file of one answer: in memory or open, never both. */
struct found {
    struct weir__http1_entry *entry;
    weir_file file; /* zero: none */
    struct weir__http1_about about;
};

/* One answer on its way. */
struct answer {
    weir_http_files *files;
    struct weir__http1_io *io;
    const struct weir__http1_request *request;
    struct weir__http1_part *part;
    bool keep_alive;
    struct found found;
    struct weir__http1_response response;
    struct weir__http1_ranges ranges;
    char boundary[WEIR__HTTP1_RANGE_BOUNDARY_LEN];
};

struct weir__http1_part *weir__http1_files_part(weir_http_files *files)
{
    uint32_t index = weir_worker_index();

    return &files->parts[index < files->parts_count ? index : 0];
}

static const char *date_now(struct weir__http1_part *part, const struct weir__http1_io *io)
{
    int64_t now_s = io->wall_ns / 1000000000;

    if (part->date_s != now_s) {
        weir__http1_date_format(now_s, part->date);
        part->date_s = now_s;
    }
    return part->date;
}

/* ---- the log ---- */

static struct weir_http_text text_of(const struct weir__http1_request *request,
                                     enum weir__http1_field field)
{
    struct weir__slice value = {0};

    (void)weir__http1_request_known(request, field, &value);
    return (struct weir_http_text){value.at, value.len};
}

/* From the method to the version: what stands on the first line. */
static struct weir_http_text line_of(const struct weir__http1_request *request)
{
    const char *from = request->method_text.at;
    const char *to = request->target.at + request->target.len + sizeof " HTTP/1.1" - 1;

    return (struct weir_http_text){from, (size_t)(to - from)};
}

static void tell(weir_http_files *files, const struct weir__http1_io *io,
                 const struct weir__http1_request *request, int status, uint64_t body_len)
{
    struct weir_http_access access = {
        .peer = io->peer, .status = status, .body_len = body_len, .wall_ns = io->wall_ns};

    if (!files->options.access)
        return;
    if (request) {
        access.line = line_of(request);
        access.referer = text_of(request, WEIR__HTTP1_FIELD_REFERER);
        access.agent = text_of(request, WEIR__HTTP1_FIELD_USER_AGENT);
        if (request->method == WEIR__HTTP1_METHOD_HEAD)
            access.body_len = 0;
    }
    files->options.access(&access, files->options.access_arg);
}

/* ---- refusals ---- */

static struct weir__slice refusal_text(int status, char *into, size_t cap)
{
    struct weir__http1_text text = weir__http1_text_into(into, cap);

    weir__http1_text_number(&text, (uint64_t)status);
    weir__http1_text_literal(&text, " ");
    weir__http1_text_slice(&text, weir__http1_status_reason(status));
    weir__http1_text_literal(&text, "\n");
    return weir__slice_of(into, weir__http1_text_len(&text));
}

static struct weir__http1_response response_of(struct weir__http1_part *part,
                                               const struct weir__http1_io *io,
                                               const struct weir__http1_request *request,
                                               int status, bool keep_alive)
{
    return (struct weir__http1_response){
        .status = status,
        .minor = request ? request->minor : 1,
        .keep_alive = keep_alive,
        .framing = WEIR__HTTP1_FRAMING_LENGTH,
        .date = date_now(part, io),
    };
}

/* Puts a whole small answer into the output. Suspends only to make room. */
static int put_small(weir_http_files *files, struct weir__http1_io *io,
                     const struct weir__http1_request *request,
                     struct weir__http1_response *response, struct weir__slice body, size_t cap)
{
    bool head_only = request && request->method == WEIR__HTTP1_METHOD_HEAD;
    char *room = weir__http1_io_room(io, cap);
    int rc = 0;

    if (!room) {
        rc = weir__http1_io_flush(io);
        response->date = date_now(weir__http1_files_part(files), io);
        room = rc < 0 ? NULL : weir__http1_io_room(io, cap);
    }
    if (!room)
        return rc < 0 ? rc : WEIR_ENOMEM;
    rc = weir__http1_response_whole(response, body, head_only, room, cap);
    if (rc < 0)
        return rc;
    weir__http1_io_put(io, (size_t)rc);
    tell(files, io, request, response->status, body.len);
    return 0;
}

static int refuse_with(weir_http_files *files, struct weir__http1_io *io,
                       const struct weir__http1_request *request, int status, bool keep_alive,
                       const struct weir__http1_header *header)
{
    struct weir__http1_response response =
        response_of(weir__http1_files_part(files), io, request, status, keep_alive);
    char text[64];

    response.type = weir__slice_text("text/plain; charset=utf-8");
    response.headers = header;
    response.header_count = header != NULL;
    return put_small(files, io, request, &response, refusal_text(status, text, sizeof text),
                     HEAD_CAP);
}

int weir__http1_files_refuse(weir_http_files *files, struct weir__http1_io *io,
                             const struct weir__http1_request *request, int status, bool keep_alive)
{
    return refuse_with(files, io, request, status, keep_alive, NULL);
}

static int refuse_method(struct answer *a)
{
    struct weir__http1_header allow = {weir__slice_text("Allow"), weir__slice_text("GET, HEAD")};
    bool known = a->request->method != WEIR__HTTP1_METHOD_OTHER;

    return refuse_with(a->files, a->io, a->request, known ? 405 : 501, a->keep_alive,
                       known ? &allow : NULL);
}

/* ---- the cache ---- */

static struct weir__slice cache_name(const struct weir__http1_request *request)
{
    struct weir__slice path = request->path;
    const char *mark = path.len > 0 ? memchr(path.at, '?', path.len) : NULL;

    return weir__slice_of(path.at, mark ? (size_t)(mark - path.at) : path.len);
}

static struct weir__http1_entry *
find_fresh(struct weir__http1_part *part, const struct weir__http1_io *io, struct weir__slice name)
{
    struct weir__http1_entry *entry;

    if (name.len > CACHED_PATH_MAX)
        return NULL;
    entry = weir__http1_filecache_find(&part->cache, name);
    /* The wall clock may jump either way. */
    if (entry && (io->wall_ns < entry->checked_ns || io->wall_ns - entry->checked_ns > FRESH_NS))
        return NULL;
    return entry;
}

static void describe(struct weir__http1_about *about, const struct weir_stat *facts,
                     struct weir__slice file)
{
    int64_t s = facts->modified_ns / 1000000000;

    about->facts = *facts;
    about->type = weir__http1_type_of(file);
    about->modified_s = s - (facts->modified_ns % 1000000000 < 0);
    about->etag_len = (uint8_t)weir__http1_etag_make(facts->size, facts->modified_ns, about->etag);
    weir__http1_date_format(about->modified_s, about->modified);
}

static const struct weir__http1_header accept_ranges[] = {
    {{"Accept-Ranges", 13}, {"bytes", 5}},
};

static void fill_file(struct weir__http1_response *response, const struct weir__http1_about *about)
{
    response->type = about->type;
    response->etag = weir__slice_of(about->etag, about->etag_len);
    response->modified = weir__slice_of(about->modified, sizeof about->modified);
    response->headers = accept_ranges;
    response->header_count = 1;
    response->length = about->facts.size;
}

static bool read_whole(weir_file file, char *into, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ptrdiff_t n;

        WEIR__HTTP1_AWAIT(n = weir_file_read_at(file, into + done, size - done, done));

        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool facts_equal(const struct weir_stat *a, const struct weir_stat *b)
{
    return a->size == b->size && a->modified_ns == b->modified_ns && a->inode == b->inode
           && a->device == b->device && a->kind == b->kind;
}

/* The entry for an open small file, kept from now on; NULL: serve from the descriptor. */
static struct weir__http1_entry *keep(struct answer *a, struct weir__slice name)
{
    struct weir__http1_response usual = {
        .status = 200, .minor = 1, .keep_alive = true, .framing = WEIR__HTTP1_FRAMING_LENGTH};
    const struct weir__http1_about *about = &a->found.about;
    struct weir__http1_entry *entry;
    char head[HEAD_CAP];
    const char *date;
    bool whole;
    int len;

    usual.date = date_now(a->part, a->io);
    fill_file(&usual, about);
    len = weir__http1_response_write(&usual, head, sizeof head);
    date = len > 0 ? memmem(head, (size_t)len, "\r\nDate: ", 8) : NULL;
    if (!date)
        return NULL;
    entry = weir__http1_filecache_make(name, weir__slice_of(head, (size_t)len),
                                       (uint32_t)about->facts.size);
    if (!entry)
        return NULL;
    entry->about = *about;
    entry->date_off = (uint32_t)(date + 8 - head);
    entry->checked_ns = a->io->wall_ns;
    whole = read_whole(a->found.file, entry->bytes + len, entry->body_len);
    a->part = weir__http1_files_part(a->files); /* it may have suspended */
    if (!whole || !weir__http1_filecache_keep(&a->part->cache, entry)) {
        weir__http1_filecache_release(entry);
        return NULL;
    }
    return entry;
}

/* What was found under this name before, if the file is still the same one. */
static struct weir__http1_entry *confirm(struct answer *a, struct weir__slice name)
{
    struct weir__http1_entry *entry = weir__http1_filecache_find(&a->part->cache, name);

    if (!entry)
        return NULL;
    if (!facts_equal(&entry->about.facts, &a->found.about.facts)) {
        weir__http1_filecache_drop(&a->part->cache, entry);
        return NULL;
    }
    entry->checked_ns = a->io->wall_ns;
    return entry;
}

static void forget(struct answer *a, struct weir__slice name)
{
    struct weir__http1_entry *entry = weir__http1_filecache_find(&a->part->cache, name);

    if (entry)
        weir__http1_filecache_drop(&a->part->cache, entry);
}

/* ---- finding the file ---- */

static void found_close(struct found *found)
{
    weir_file_close(found->file);
}

static int status_of_open(int rc)
{
    switch (rc) {
    case WEIR_ENOENT:
    case WEIR_ENOTDIR:
    case WEIR_ENAMETOOLONG:
        return 404;
    case WEIR_EACCES:
    case WEIR_EPERM:
    case WEIR_ELOOP:
        return 403;
    case WEIR_EMFILE:
    case WEIR_ENFILE:
    case WEIR_ENOMEM:
    case WEIR_ELIMIT:
        return 503;
    default:
        return 500;
    }
}

/* Appends the index file to a path of a folder; there is room for it. */
static void add_index(struct weir__http1_path *path)
{
    char *at = (char *)(uintptr_t)path->file.at;

    if (path->file.len > 0)
        at[path->file.len++] = '/';
    memcpy(at + path->file.len, INDEX, sizeof INDEX);
    path->file.len += sizeof INDEX - 1;
}

static int open_below(weir_dir folder, const char *path, weir_file *file, struct weir_stat *facts)
{
    int rc = weir_file_open(file, folder, path, WEIR_FILE_BENEATH | WEIR_FILE_NO_WAIT, 0);

    if (rc < 0)
        return rc == WEIR_ENXIO ? WEIR_EACCES : rc; /* a socket, or a device without a driver */
    rc = weir_file_stat(*file, facts);
    if (rc < 0)
        weir_file_close(*file);
    return rc;
}

/* Opens what the path names: 0, or the status to answer with; 301 for a folder without its slash.
 * */
static int open_found(struct answer *a, struct weir__http1_path *path)
{
    struct weir_stat facts;
    weir_file file;
    int rc;

    if (path->directory)
        add_index(path);
    if (strlen(path->file.at) != path->file.len)
        return 400;
    WEIR__HTTP1_AWAIT(rc = open_below(a->files->folder, path->file.at, &file, &facts));
    a->part = weir__http1_files_part(a->files); /* it may have suspended */
    if (rc < 0)
        return status_of_open(rc);
    if (facts.kind != WEIR_FILE_REGULAR) {
        weir_file_close(file);
        if (facts.kind == WEIR_FILE_DIRECTORY)
            return path->directory ? 404 : 301;
        return 403;
    }
    a->found.file = file;
    describe(&a->found.about, &facts, path->file);
    return 0;
}

static int redirect(struct answer *a, const struct weir__http1_path *path)
{
    size_t cap = 3 * path->file.len + path->query.len + 8;
    struct weir__http1_chunk *chunk = weir__http1_io_chunk(a->io, cap);
    struct weir__http1_response response =
        response_of(a->part, a->io, a->request, 301, a->keep_alive);
    char text[64];
    int rc, len;

    if (!chunk)
        return WEIR_ENOMEM;
    len = weir__http1_path_encode(path->file, true, chunk->bytes, chunk->cap);
    if (len > 0 && path->has_query) {
        chunk->bytes[len++] = '?';
        memcpy(chunk->bytes + len, path->query.at, path->query.len);
        len += (int)path->query.len;
    }
    response.type = weir__slice_text("text/plain; charset=utf-8");
    response.location = weir__slice_of(chunk->bytes, (size_t)(len > 0 ? len : 0));
    rc = len < 0 ? len
                 : put_small(a->files, a->io, a->request, &response,
                             refusal_text(301, text, sizeof text), HEAD_CAP + (size_t)len);
    weir__http1_io_unchunk(a->io, chunk);
    return rc;
}

/* Answers for a path that names no file: after this the answer is done. */
static int not_a_file(struct answer *a, struct weir__slice name, int status,
                      const struct weir__http1_path *path)
{
    forget(a, name);
    if (status == 301)
        return redirect(a, path);
    return weir__http1_files_refuse(a->files, a->io, a->request, status, a->keep_alive);
}

/* Looks the path up on the disk. 0 with a->found filled or, when the request was answered, *done.
 * */
static int look_up(struct answer *a, struct weir__slice name, bool *done)
{
    struct weir__http1_chunk *chunk = weir__http1_io_chunk(a->io, name.len + sizeof INDEX + 8);
    struct weir__http1_path path = {0};
    int rc;

    if (!chunk)
        return WEIR_ENOMEM;
    rc = weir__http1_path_decode(a->request->path, chunk->bytes, chunk->cap - sizeof INDEX - 1,
                                 &path);
    rc = rc == WEIR_ENAMETOOLONG ? 414 : rc < 0 ? 400 : open_found(a, &path);
    *done = rc != 0;
    if (rc != 0)
        rc = not_a_file(a, name, rc, &path);
    weir__http1_io_unchunk(a->io, chunk);
    if (rc < 0 || *done || a->found.about.facts.size > CACHED_MAX || name.len > CACHED_PATH_MAX)
        return rc;
    a->found.entry = confirm(a, name);
    if (!a->found.entry)
        a->found.entry = keep(a, name);
    if (a->found.entry)
        found_close(&a->found);
    return 0;
}

static int find_file(struct answer *a, bool *done)
{
    struct weir__slice name = cache_name(a->request);

    *done = false;
    a->part = weir__http1_files_part(a->files);
    a->found = (struct found){.entry = find_fresh(a->part, a->io, name)};
    if (!a->found.entry)
        return look_up(a, name, done);
    a->found.about = a->found.entry->about;
    return 0;
}

/* ---- the answer ---- */

/* Sets status, length and ranges of the response. */
static void judge(struct answer *a)
{
    struct weir__http1_validators validators = {
        .exists = true,
        .etag = weir__slice_of(a->found.about.etag, a->found.about.etag_len),
        .modified = a->found.about.modified_s,
    };
    uint64_t size = a->found.about.facts.size;
    struct weir__slice value;
    bool range = false;

    a->response = response_of(a->part, a->io, a->request, 200, a->keep_alive);
    fill_file(&a->response, &a->found.about);
    switch (weir__http1_conditional(a->request, &validators, a->io->wall_ns / 1000000000, &range)) {
    case WEIR__HTTP1_VERDICT_NOT_MODIFIED:
        a->response.status = 304;
        a->response.framing = WEIR__HTTP1_FRAMING_NONE;
        a->response.type = (struct weir__slice){0};
        a->response.header_count = 0;
        return;
    case WEIR__HTTP1_VERDICT_FAILED:
        a->response.status = 412;
        return;
    case WEIR__HTTP1_VERDICT_PROCEED:
        break;
    }
    if (!range || !weir__http1_request_known(a->request, WEIR__HTTP1_FIELD_RANGE, &value))
        return;
    switch (weir__http1_range_parse(value, size, &a->ranges)) {
    case WEIR__HTTP1_RANGE_IGNORE:
        return;
    case WEIR__HTTP1_RANGE_UNSATISFIABLE:
        a->response.status = 416;
        return;
    case WEIR__HTTP1_RANGE_PARTIAL:
        a->response.status = 206;
        return;
    }
}

static struct weir__slice boundary_of(const struct answer *a)
{
    return weir__slice_of(a->boundary, sizeof a->boundary);
}

/* The head of a 200, 206 or 304: its length in `into`. */
static int write_head(struct answer *a, char *into, size_t cap)
{
    struct weir__http1_header headers[2] = {accept_ranges[0]};
    char value[WEIR__HTTP1_RANGE_VALUE_MAX], type[64];
    uint64_t size = a->found.about.facts.size;
    struct weir__http1_text text = weir__http1_text_into(type, sizeof type);

    if (a->response.status != 206)
        return weir__http1_response_write(&a->response, into, cap);
    if (a->ranges.count == 1) {
        headers[1].name = weir__slice_text("Content-Range");
        headers[1].value =
            weir__slice_of(value, weir__http1_range_value(&a->ranges.items[0], size, value));
        a->response.headers = headers;
        a->response.header_count = 2;
        a->response.length = a->ranges.items[0].len;
    } else {
        weir__http1_range_boundary(
            (uint64_t)a->io->wall_ns * 0x9e3779b97f4a7c15u + ++a->part->boundaries, a->boundary);
        weir__http1_text_literal(&text, "multipart/byteranges; boundary=");
        weir__http1_text_slice(&text, boundary_of(a));
        a->response.type = weir__slice_of(type, weir__http1_text_len(&text));
        a->response.length =
            weir__http1_range_total(&a->ranges, boundary_of(a), a->found.about.type, size);
    }
    return weir__http1_response_write(&a->response, into, cap);
}

/* Puts bytes of head or of parts into the output: 0, RETRY without room. */
static int put(struct weir__http1_io *io, const char *at, size_t len)
{
    char *room = weir__http1_io_room(io, len);

    if (!room)
        return RETRY;
    memcpy(room, at, len);
    weir__http1_io_put(io, len);
    return 0;
}

static int put_flushing(struct weir__http1_io *io, const char *at, size_t len)
{
    int rc = put(io, at, len);

    if (rc == RETRY) {
        rc = weir__http1_io_flush(io);
        if (rc == 0 && put(io, at, len) != 0)
            rc = WEIR_ENOMEM;
    }
    return rc;
}

/* The file's bytes, from memory or, written behind what is out, from the descriptor. */
static int put_piece(struct answer *a, const struct weir__http1_range *piece)
{
    const struct weir__http1_entry *entry = a->found.entry;
    int rc;

    if (entry)
        return put(a->io, entry->bytes + entry->head_len + piece->first, (size_t)piece->len);
    rc = weir__http1_io_flush(a->io);
    if (rc < 0 || piece->len == 0)
        return rc;
    WEIR__HTTP1_AWAIT(rc = weir_send_file(a->io->peer, weir_file_descriptor(a->found.file),
                                          piece->first, piece->len));
    return rc;
}

static int put_parts(struct answer *a)
{
    char line[256];
    int rc = 0;

    for (size_t i = 0; i <= a->ranges.count && rc == 0; i++) {
        const struct weir__http1_range *range = i < a->ranges.count ? &a->ranges.items[i] : NULL;
        int len = weir__http1_range_part(boundary_of(a), a->found.about.type, range,
                                         a->found.about.facts.size, line, sizeof line);

        rc = len < 0 ? len : put_flushing(a->io, line, (size_t)len);
        if (rc == 0 && range)
            rc = put_piece(a, range);
    }
    return rc;
}

static int put_body(struct answer *a)
{
    struct weir__http1_range whole = {0, a->found.about.facts.size};

    if (a->request->method == WEIR__HTTP1_METHOD_HEAD || a->response.status == 304)
        return 0;
    if (a->response.status == 206)
        return a->ranges.count > 1 ? put_parts(a) : put_piece(a, &a->ranges.items[0]);
    return put_piece(a, &whole);
}

static int refuse_file(struct answer *a)
{
    char value[WEIR__HTTP1_RANGE_VALUE_MAX];
    struct weir__http1_header range = {weir__slice_text("Content-Range"), {0}};

    if (a->response.status == 412)
        return weir__http1_files_refuse(a->files, a->io, a->request, 412, a->keep_alive);
    range.value =
        weir__slice_of(value, weir__http1_range_value(NULL, a->found.about.facts.size, value));
    return refuse_with(a->files, a->io, a->request, 416, a->keep_alive, &range);
}

/* 0; RETRY, with nothing put, when the output must be flushed first; or an error. */
static int answer_found(struct answer *a)
{
    uint64_t in_memory;
    char head[HEAD_CAP];
    int len, rc;

    judge(a);
    if (a->response.status == 412 || a->response.status == 416)
        return refuse_file(a);
    len = write_head(a, head, sizeof head);
    if (len < 0)
        return len;
    in_memory = (uint64_t)len + (a->found.entry ? a->response.length : 0);
    if (!weir__http1_io_room(a->io, (size_t)in_memory))
        return RETRY;
    rc = put(a->io, head, (size_t)len);
    if (rc == 0)
        rc = put_body(a);
    if (rc == 0)
        tell(a->files, a->io, a->request, a->response.status,
             a->response.status == 304 ? 0 : a->response.length);
    return rc == RETRY ? WEIR_ENOMEM : rc;
}

static int answer_once(struct answer *a)
{
    bool done;
    int rc = find_file(a, &done);

    if (rc == 0 && !done)
        rc = answer_found(a);
    found_close(&a->found);
    return rc;
}

/* The short way. False if the request is not the usual one, the file is not at hand, or room lacks.
 * */
static bool answer_usual(weir_http_files *files, struct weir__http1_io *io,
                         const struct weir__http1_request *request)
{
    struct weir__http1_part *part = weir__http1_files_part(files);
    struct weir__http1_entry *entry;
    size_t len;
    char *room;

    if (request->minor == 0 || request->method != WEIR__HTTP1_METHOD_GET
        || request->known[WEIR__HTTP1_FIELD_RANGE] || request->known[WEIR__HTTP1_FIELD_IF_MATCH]
        || request->known[WEIR__HTTP1_FIELD_IF_NONE_MATCH]
        || request->known[WEIR__HTTP1_FIELD_IF_MODIFIED_SINCE]
        || request->known[WEIR__HTTP1_FIELD_IF_UNMODIFIED_SINCE])
        return false;
    entry = find_fresh(part, io, cache_name(request));
    if (!entry)
        return false;
    len = (size_t)entry->head_len + entry->body_len;
    room = weir__http1_io_room(io, len);
    if (!room)
        return false;
    memcpy(room, entry->bytes, len);
    memcpy(room + entry->date_off, date_now(part, io), WEIR__HTTP1_DATE_LEN);
    weir__http1_io_put(io, len);
    tell(files, io, request, 200, entry->body_len);
    return true;
}

int weir__http1_files_answer(weir_http_files *files, struct weir__http1_io *io,
                             const struct weir__http1_request *request, bool keep_alive)
{
    struct answer a = {.files = files, .io = io, .request = request, .keep_alive = keep_alive};
    int rc;

    if (keep_alive && answer_usual(files, io, request))
        return 0;
    a.part = weir__http1_files_part(files);
    if (request->method != WEIR__HTTP1_METHOD_GET && request->method != WEIR__HTTP1_METHOD_HEAD)
        return refuse_method(&a);
    rc = answer_once(&a);
    if (rc == RETRY) {
        rc = weir__http1_io_flush(io);
        if (rc == 0)
            rc = answer_once(&a);
    }
    return rc == RETRY ? WEIR_ENOMEM : rc;
}

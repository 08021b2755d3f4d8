/* proto/http1/type.c - the content type of a file. The contract is in type.h.
 *
 * The table is searched from its start, so what the web is made of stands first.
 */
#include "proto/http1/type.h"

#define TYPE(extension, type)                                                                      \
    {                                                                                              \
        sizeof(extension) - 1, sizeof(type) - 1, extension, type                                   \
    }

static const struct {
    unsigned char extension_len;
    unsigned char type_len;
    const char *extension;
    const char *type;
} types[] = {
    TYPE("html", "text/html; charset=utf-8"),
    TYPE("htm", "text/html; charset=utf-8"),
    TYPE("shtml", "text/html; charset=utf-8"),
    TYPE("css", "text/css; charset=utf-8"),
    TYPE("js", "text/javascript; charset=utf-8"),
    TYPE("mjs", "text/javascript; charset=utf-8"),
    TYPE("txt", "text/plain; charset=utf-8"),
    TYPE("text", "text/plain; charset=utf-8"),
    TYPE("log", "text/plain; charset=utf-8"),
    TYPE("md", "text/markdown; charset=utf-8"),
    TYPE("csv", "text/csv; charset=utf-8"),
    TYPE("c", "text/plain; charset=utf-8"),
    TYPE("h", "text/plain; charset=utf-8"),
    TYPE("ics", "text/calendar; charset=utf-8"),
    TYPE("vtt", "text/vtt; charset=utf-8"),
    TYPE("xml", "application/xml"),
    TYPE("xhtml", "application/xhtml+xml"),
    TYPE("json", "application/json"),
    TYPE("map", "application/json"),
    TYPE("jsonld", "application/ld+json"),
    TYPE("webmanifest", "application/manifest+json"),
    TYPE("geojson", "application/geo+json"),
    TYPE("rss", "application/rss+xml"),
    TYPE("atom", "application/atom+xml"),
    TYPE("wasm", "application/wasm"),
    TYPE("pdf", "application/pdf"),
    TYPE("zip", "application/zip"),
    TYPE("gz", "application/gzip"),
    TYPE("tgz", "application/gzip"),
    TYPE("bz2", "application/x-bzip2"),
    TYPE("xz", "application/x-xz"),
    TYPE("zst", "application/zstd"),
    TYPE("7z", "application/x-7z-compressed"),
    TYPE("tar", "application/x-tar"),
    TYPE("jar", "application/java-archive"),
    TYPE("rtf", "application/rtf"),
    TYPE("epub", "application/epub+zip"),
    TYPE("odt", "application/vnd.oasis.opendocument.text"),
    TYPE("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    TYPE("doc", "application/msword"),
    TYPE("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    TYPE("xls", "application/vnd.ms-excel"),
    TYPE("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    TYPE("ppt", "application/vnd.ms-powerpoint"),
    TYPE("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    TYPE("m3u8", "application/vnd.apple.mpegurl"),
    TYPE("png", "image/png"),
    TYPE("jpg", "image/jpeg"),
    TYPE("jpeg", "image/jpeg"),
    TYPE("gif", "image/gif"),
    TYPE("webp", "image/webp"),
    TYPE("avif", "image/avif"),
    TYPE("svg", "image/svg+xml"),
    TYPE("ico", "image/vnd.microsoft.icon"),
    TYPE("bmp", "image/bmp"),
    TYPE("tif", "image/tiff"),
    TYPE("tiff", "image/tiff"),
    TYPE("jxl", "image/jxl"),
    TYPE("mp3", "audio/mpeg"),
    TYPE("m4a", "audio/mp4"),
    TYPE("aac", "audio/aac"),
    TYPE("flac", "audio/flac"),
    TYPE("ogg", "audio/ogg"),
    TYPE("oga", "audio/ogg"),
    TYPE("opus", "audio/ogg"),
    TYPE("wav", "audio/wav"),
    TYPE("weba", "audio/webm"),
    TYPE("mp4", "video/mp4"),
    TYPE("m4v", "video/mp4"),
    TYPE("webm", "video/webm"),
    TYPE("ogv", "video/ogg"),
    TYPE("mov", "video/quicktime"),
    TYPE("avi", "video/x-msvideo"),
    TYPE("mkv", "video/matroska"),
    TYPE("mpg", "video/mpeg"),
    TYPE("mpeg", "video/mpeg"),
    TYPE("ts", "video/mp2t"),
    TYPE("woff", "font/woff"),
    TYPE("woff2", "font/woff2"),
    TYPE("ttf", "font/ttf"),
    TYPE("otf", "font/otf"),
};

/* What stands behind the last dot of the last segment; empty if there is no dot, or it is the first
 * character: ".profile" has no extension. */
static struct weir__slice extension_of(struct weir__slice file)
{
    size_t dot = file.len;

    while (dot > 0 && file.at[dot - 1] != '.' && file.at[dot - 1] != '/')
        dot--;
    if (dot < 2 || file.at[dot - 1] == '/' || file.at[dot - 2] == '/')
        return weir__slice_of("", 0);
    return weir__slice_of(file.at + dot, file.len - dot);
}

struct weir__slice weir__http1_type_of(struct weir__slice file)
{
    struct weir__slice extension = extension_of(file);

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].extension_len == extension.len
            && weir__slice_is_nocase(extension, types[i].extension))
            return weir__slice_of(types[i].type, types[i].type_len);
    return weir__slice_text("application/octet-stream");
}

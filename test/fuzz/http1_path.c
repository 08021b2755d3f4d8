/* test/fuzz/http1_path.c - paths: no name leaves its root, and names survive the way back.
 *
 * What was decoded has no empty, "." or ".." segment and no NUL; encoded and decoded again it is
 * the same. The type of the file is looked up on the way.
 */
#include "proto/http1/path.h"

#include <stdint.h>
#include <stdlib.h>

#include "proto/http1/type.h"

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_segments(struct weir__slice file)
{
    size_t start = 0;

    if (file.len == 0)
        return;
    for (size_t i = 0; i <= file.len; i++) {
        struct weir__slice segment = weir__slice_of(file.at + start, i - start);

        if (i < file.len && file.at[i] != '/') {
            must(file.at[i] != '\0');
            continue;
        }
        must(segment.len > 0 && !weir__slice_is(segment, ".") && !weir__slice_is(segment, ".."));
        start = i + 1;
    }
}

static void check_round_trip(const struct weir__http1_path *path)
{
    size_t cap = path->file.len * 3 + 2;
    char *encoded = malloc(cap), *decoded = malloc(cap + 1);
    int len = weir__http1_path_encode(path->file, path->directory, encoded, cap);
    struct weir__http1_path again;

    must(len > 0 && encoded[0] == '/' && (len == 1 || encoded[1] != '/'));
    must(weir__http1_path_decode(weir__slice_of(encoded, (size_t)len), decoded, cap + 1, &again)
         == 0);
    must(weir__slice_equal(again.file, path->file) && again.directory == path->directory);
    must(!again.has_query);
    free(decoded);
    free(encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1), *into = malloc(size + 1);
    struct weir__slice text = weir__slice_of(copy + 1, size);
    struct weir__http1_path path;

    memcpy(copy + 1, data, size);
    if (weir__http1_path_decode(text, into, size + 1, &path) == 0) {
        must(path.file.at[path.file.len] == '\0');
        check_segments(path.file);
        check_round_trip(&path);
        must(weir__http1_type_of(path.file).len > 0);
    }
    free(into);
    free(copy);
    return 0;
}

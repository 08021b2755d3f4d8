/* test/unit/http1_filecache.c - small files in memory: finding, replacing, bounds. */
#include "proto/http1/filecache.h"

#include <stdio.h>

#include "test.h"

static struct weir__http1_entry *make(const char *path, uint32_t body_len)
{
    struct weir__http1_entry *entry =
        weir__http1_filecache_make(weir__slice_text(path), weir__slice_text("head"), body_len);

    assert_non_null(entry);
    memset(entry->bytes + entry->head_len, 'b', body_len);
    return entry;
}

static struct weir__http1_entry *find(struct weir__http1_filecache *cache, const char *path)
{
    return weir__http1_filecache_find(cache, weir__slice_text(path));
}

TEST(finds_what_was_kept_and_nothing_else)
{
    struct weir__http1_filecache cache;
    struct weir__http1_entry *entry = make("/a", 10);

    weir__http1_filecache_init(&cache, 4, 10000);
    assert_null(find(&cache, "/a"));
    assert_true(weir__http1_filecache_keep(&cache, entry));
    assert_ptr_equal(find(&cache, "/a"), entry);
    assert_memory_equal(entry->bytes, "headbbbbbbbbbb", 14);
    assert_null(find(&cache, "/"));
    assert_null(find(&cache, "/ab"));
    assert_null(find(&cache, ""));
    weir__http1_filecache_fini(&cache);
}

TEST(a_path_has_one_entry)
{
    struct weir__http1_filecache cache;
    struct weir__http1_entry *second = make("/a", 20);

    weir__http1_filecache_init(&cache, 4, 10000);
    assert_true(weir__http1_filecache_keep(&cache, make("/a", 10)));
    assert_true(weir__http1_filecache_keep(&cache, second));
    assert_ptr_equal(find(&cache, "/a"), second);
    assert_int_equal(cache.count, 1);
    weir__http1_filecache_drop(&cache, second);
    assert_null(find(&cache, "/a"));
    assert_int_equal(cache.bytes, 0);
    weir__http1_filecache_fini(&cache);
}

TEST(least_recently_used_goes_first)
{
    struct weir__http1_filecache cache;

    weir__http1_filecache_init(&cache, 2, 10000);
    assert_true(weir__http1_filecache_keep(&cache, make("/a", 1)));
    assert_true(weir__http1_filecache_keep(&cache, make("/b", 1)));
    assert_non_null(find(&cache, "/a"));
    assert_true(weir__http1_filecache_keep(&cache, make("/c", 1)));
    assert_null(find(&cache, "/b"));
    assert_non_null(find(&cache, "/a"));
    assert_non_null(find(&cache, "/c"));
    weir__http1_filecache_fini(&cache);
}

TEST(bytes_are_bounded)
{
    struct weir__http1_filecache cache;
    struct weir__http1_entry *too_large = make("/large", 100000);
    char name[16];

    weir__http1_filecache_init(&cache, 1000, 20000);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "/%d", i);
        assert_true(weir__http1_filecache_keep(&cache, make(name, 1000)));
        assert_true(cache.bytes <= 20000);
        assert_non_null(find(&cache, name));
    }
    assert_true(cache.count > 5);
    assert_false(weir__http1_filecache_keep(&cache, too_large));
    weir__http1_filecache_release(too_large);
    weir__http1_filecache_fini(&cache);
    weir__http1_filecache_fini(&cache); /* accepts an empty one */
}

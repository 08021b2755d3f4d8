/* test/support/folder.h - a directory for the files of one test, and what is looked at in it. */
#ifndef WEIR_TEST_SUPPORT_FOLDER_H
#define WEIR_TEST_SUPPORT_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir.h>

#include "test.h"

struct folder {
    char path[64];
    weir_dir dir;
};

static inline void folder_make_in(struct folder *folder, const char *where)
{
    snprintf(folder->path, sizeof folder->path, "%s/weir-file-XXXXXX", where);
    assert_non_null(mkdtemp(folder->path));
    assert_int_equal(weir_dir_open(&folder->dir, weir_cwd(), folder->path, 0), 0);
}

static inline void folder_make(struct folder *folder)
{
    folder_make_in(folder, "/tmp");
}

/* In memory, where that can be: for many names. */
static inline void folder_make_quick(struct folder *folder)
{
    folder_make_in(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

/* Puts a file with these bytes there, by plain calls. */
static inline void folder_put(const struct folder *folder, const char *name, const char *text)
{
    char path[192];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline void folder_clean(struct folder *folder)
{
    char command[96];

    weir_dir_close(folder->dir);
    snprintf(command, sizeof command, "rm -rf %s", folder->path);
    assert_int_equal(system(command), 0);
}

/* Jobs that the class of files has done. */
static inline uint64_t folder_jobs(void)
{
    struct weir_blocking_counts counts = {0};

    (void)weir_blocking_count(WEIR_BLOCKING_FILES, &counts);
    return counts.done;
}

#endif

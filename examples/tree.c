/* examples/tree.c - du, cp -r and rm -r as tasks.
 *
 *     tree size PATH       the bytes on the disk of everything below PATH
 *     tree copy FROM TO    copies the tree FROM to the new directory TO, eight files at a time
 *     tree remove PATH     removes PATH and everything below it
 *
 * Names are taken as they are found: links are copied as links and never followed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

static int failed(const char *what, int rc)
{
    fprintf(stderr, "tree: %s: %s\n", what, weir_strerror(rc));
    return rc;
}

/* ---- size ---- */

static int size_of(const char *path)
{
    struct weir_walk_options options = {.stat = WEIR_ON};
    struct weir_walk_entry entry;
    uint64_t bytes = 0, names = 0;
    weir_walk *walk;
    int rc = weir_walk_open(&walk, weir_cwd(), path, &options);

    if (rc < 0)
        return failed(path, rc);
    while ((rc = weir_walk_next(walk, &entry)) == 1) {
        if (entry.error)
            failed(entry.path, entry.error);
        if (entry.stat)
            bytes += entry.stat->allocated;
        names++;
    }
    weir_walk_close(walk);
    printf("%llu bytes in %llu names\n", (unsigned long long)bytes, (unsigned long long)names);
    return rc < 0 ? failed(path, rc) : 0;
}

/* ---- copy ---- */

struct trees {
    weir_dir from, to;
    weir_semaphore places; /* for files that are copied at the same time */
    weir_scope scope;
};

struct copying {
    struct trees *trees;
    uint32_t mode;
    char path[];
};

static int copy_one(const struct copying *copying)
{
    struct trees *trees = copying->trees;
    weir_file from, to;
    int64_t n;
    int rc = weir_file_open(&from, trees->from, copying->path,
                            WEIR_FILE_BENEATH | WEIR_FILE_NO_FOLLOW | WEIR_FILE_NO_WAIT, 0);

    if (rc < 0)
        return rc;
    rc =
        weir_file_open(&to, trees->to, copying->path,
                       WEIR_FILE_WRITE | WEIR_FILE_CREATE | WEIR_FILE_EXCLUSIVE | WEIR_FILE_BENEATH,
                       copying->mode);
    if (rc == 0) {
        n = weir_file_copy(from, to, NULL);
        rc = weir_file_close_wait(to);
        rc = n < 0 ? (int)n : rc;
    }
    weir_file_close(from);
    return rc;
}

static int copy_file(void *arg)
{
    struct copying *copying = arg;
    int rc = copy_one(copying);

    if (rc < 0)
        failed(copying->path, rc);
    weir_semaphore_release(&copying->trees->places);
    free(copying);
    return rc;
}

static int begin_copy(struct trees *trees, const struct weir_walk_entry *entry)
{
    size_t len = strlen(entry->path) + 1;
    struct copying *copying = malloc(sizeof *copying + len);
    int rc;

    if (!copying)
        return WEIR_ENOMEM;
    *copying = (struct copying){trees, entry->stat ? entry->stat->mode : 0};
    memcpy(copying->path, entry->path, len);
    rc = weir_semaphore_acquire(&trees->places);
    if (rc == 0) {
        rc = weir_spawn(&trees->scope, copy_file, copying);
        if (rc < 0)
            weir_semaphore_release(&trees->places);
    }
    if (rc < 0)
        free(copying);
    return rc;
}

static int copy_link(struct trees *trees, const char *path)
{
    char target[2048];
    int rc = weir_dir_read_link(trees->from, path, target, sizeof target);

    return rc < 0 ? rc : weir_dir_symlink(trees->to, path, target);
}

static int copy_entry(struct trees *trees, const struct weir_walk_entry *entry)
{
    if (entry->error)
        return entry->error;
    switch (entry->kind) {
    case WEIR_FILE_DIRECTORY:
        return weir_dir_make(trees->to, entry->path, 0700);
    case WEIR_FILE_LINK:
        return copy_link(trees, entry->path);
    case WEIR_FILE_REGULAR:
        return begin_copy(trees, entry);
    default:
        return 0; /* devices and the like stay where they are */
    }
}

static int copy_entries(struct trees *trees, weir_walk *walk)
{
    struct weir_walk_entry entry;
    int rc, joined;

    rc = weir_scope_open(&trees->scope);
    if (rc < 0)
        return rc;
    while ((rc = weir_walk_next(walk, &entry)) == 1) {
        rc = copy_entry(trees, &entry);
        if (rc < 0)
            break;
    }
    joined = weir_scope_join(&trees->scope);
    return rc < 0 ? rc : joined;
}

static int copy_tree(const char *from, const char *to)
{
    struct weir_walk_options options = {.stat = WEIR_ON};
    struct trees trees = {.places = WEIR_SEMAPHORE_INIT(8)};
    weir_walk *walk;
    int rc = weir_dir_make(weir_cwd(), to, 0700);

    if (rc < 0)
        return failed(to, rc);
    rc = weir_dir_open(&trees.to, weir_cwd(), to, 0);
    if (rc < 0)
        return failed(to, rc);
    rc = weir_dir_open(&trees.from, weir_cwd(), from, 0);
    if (rc == 0) {
        rc = weir_walk_open(&walk, trees.from, ".", &options);
        if (rc == 0) {
            rc = copy_entries(&trees, walk);
            weir_walk_close(walk);
        }
        weir_dir_close(trees.from);
    }
    weir_dir_close(trees.to);
    return rc < 0 ? failed(from, rc) : 0;
}

/* ---- which ---- */

static int remove_tree(const char *path)
{
    uint64_t removed;
    int rc = weir_dir_remove_tree(weir_cwd(), path, &removed);

    if (rc < 0)
        return failed(path, rc);
    printf("%llu names\n", (unsigned long long)removed);
    return 0;
}

static int run(void *arg)
{
    char **words = arg;

    if (words[1] && words[2] && strcmp(words[1], "size") == 0)
        return size_of(words[2]);
    if (words[1] && words[2] && strcmp(words[1], "remove") == 0)
        return remove_tree(words[2]);
    if (words[1] && words[2] && words[3] && strcmp(words[1], "copy") == 0)
        return copy_tree(words[2], words[3]);
    fputs("usage: tree size PATH | copy FROM TO | remove PATH\n", stderr);
    return WEIR_EINVAL;
}

int main(int argc, char **argv)
{
    (void)argc;
    return weir_run(run, argv, NULL) < 0;
}

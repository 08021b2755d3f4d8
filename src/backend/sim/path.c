/* backend/sim/path.c - following paths on simulated disks; see volume.h. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <weir/error.h>

#include "backend/sim/volume.h"
#include "sys/call.h"

struct way {
    struct sim_inode *root; /* what '/' and a ".." there lead to */
    uint64_t resolve;
    int links; /* followed so far */
};

static int walk(struct way *way, struct sim_inode *from, const char *path, enum sim_follow follow,
                struct sim_found *found);

static int step_up(const struct way *way, struct sim_inode **at)
{
    if (*at == way->root && (way->resolve & WEIR__RESOLVE_BENEATH))
        return WEIR_EXDEV;
    if (*at == way->root || *at == (*at)->volume->root)
        return 0;
    if (!(*at)->parent)
        return WEIR_ENOENT;
    *at = (*at)->parent;
    return 0;
}

/* Where a link leads to. */
static int follow_link(struct way *way, struct sim_inode *dir, const struct sim_inode *link,
                       struct sim_found *found)
{
    if ((way->resolve & WEIR__RESOLVE_NO_SYMLINKS) || ++way->links > SIM_LINKS_MAX)
        return WEIR_ELOOP;
    return walk(way, dir, link->target, FOLLOW_ALWAYS, found);
}

/* One name of the path, in a directory. */
static int look(struct way *way, struct sim_inode *dir, const char *name, size_t len, bool follow,
                struct sim_found *found)
{
    *found = (struct sim_found){.dir = dir, .name = name, .name_len = len};
    if (len > SIM_NAME_MAX)
        return WEIR_ENAMETOOLONG;
    if (len == 1 && name[0] == '.') {
        *found = (struct sim_found){.inode = dir};
        return 0;
    }
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        *found = (struct sim_found){.inode = dir};
        return step_up(way, &found->inode);
    }
    found->entry = weir__sim_entry_find(dir, name, len);
    found->inode = found->entry ? found->entry->inode : NULL;
    if (found->inode && S_ISLNK(found->inode->mode) && follow)
        return follow_link(way, dir, found->inode, found);
    return 0;
}

static int walk(struct way *way, struct sim_inode *from, const char *path, enum sim_follow follow,
                struct sim_found *found)
{
    int rc = 0;

    if (path[0] == '/') {
        if (way->resolve & WEIR__RESOLVE_BENEATH)
            return WEIR_EXDEV;
        from = way->root;
    }
    *found = (struct sim_found){.inode = from};
    path += strspn(path, "/");
    while (rc == 0 && *path) {
        size_t len = strcspn(path, "/");
        const char *next = path + len + strspn(path + len, "/");

        if (!found->inode)
            return WEIR_ENOENT;
        if (!S_ISDIR(found->inode->mode))
            return WEIR_ENOTDIR;
        rc = look(way, found->inode, path, len,
                  *next || follow == FOLLOW_ALWAYS || (follow == FOLLOW_SLASH && path[len]), found);
        found->is_directory |= path[len] == '/';
        path = next;
    }
    return rc;
}

int weir__sim_path(struct sim_inode *from, const char *path, enum sim_follow follow,
                   uint64_t resolve, struct sim_found *found)
{
    const uint64_t below = WEIR__RESOLVE_BENEATH | WEIR__RESOLVE_IN_ROOT;
    struct way way = {.root = resolve & below ? from : from->volume->root, .resolve = resolve};

    if (!path[0])
        return WEIR_ENOENT;
    return S_ISDIR(from->mode) ? walk(&way, from, path, follow, found) : WEIR_ENOTDIR;
}

int weir__sim_found_check(const struct sim_found *found)
{
    if (!found->inode)
        return WEIR_ENOENT;
    return found->is_directory && !S_ISDIR(found->inode->mode) ? WEIR_ENOTDIR : 0;
}

/* os/user.c - see <weir/user.h>. A look-up is a job of the pool that owns its memory: the texts of
 * the entry stand in `room`, which grows until they fit and is the caller's in the end. */
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <weir/blocking.h>
#include <weir/user.h>

#include "base/alloc.h"
#include "os/user.h"
#include "sys/account.h"
#include "sys/current.h"

#define ROOM_MAX (1u << 20)

size_t weir__user_room = 1024;

struct lookup {
    bool of_group;
    union {
        struct passwd user;
        struct group group;
    };
    void *room;
    const char *name; /* in `text`, or NULL */
    uint32_t number;
    char text[];
};

static int ask(struct lookup *lookup, size_t size)
{
    return lookup->of_group ? weir__account_group(lookup->name, lookup->number, &lookup->group,
                                                  lookup->room, size)
                            : weir__account_user(lookup->name, lookup->number, &lookup->user,
                                                 lookup->room, size);
}

/* On a thread of the pool. */
static int run(void *arg)
{
    struct lookup *lookup = arg;
    size_t size;
    int rc = WEIR_ERANGE;

    for (size = weir__user_room; rc == WEIR_ERANGE && size <= ROOM_MAX; size *= 2) {
        weir__free(lookup->room);
        lookup->room = weir__alloc(size);
        rc = lookup->room ? ask(lookup, size) : WEIR_ENOMEM;
    }
    return rc == WEIR_ERANGE ? WEIR_ELIMIT : rc;
}

static void destroy(void *arg)
{
    struct lookup *lookup = arg;

    weir__free(lookup->room);
    weir__free(lookup);
}

/* *out is the look-up that has found something, or nothing. */
static int look_up(bool of_group, const char *name, uint32_t number, struct lookup **out)
{
    size_t len = name ? strlen(name) + 1 : 0;
    struct lookup *lookup;
    bool left = false;
    int rc;

    if (len == 1)
        return WEIR_EINVAL;
    lookup = weir__calloc(1, sizeof *lookup + len);
    if (!lookup)
        return WEIR_ENOMEM;
    lookup->of_group = of_group;
    lookup->number = number;
    if (name)
        lookup->name = memcpy(lookup->text, name, len);
    rc = weir_blocking_owned(WEIR_BLOCKING_NAMES, run, lookup, destroy, &left);
    if (rc == 0)
        *out = lookup;
    else if (!left)
        destroy(lookup);
    return rc;
}

/* Lets go of a look-up but for its room. */
static void *take_room(struct lookup *lookup)
{
    void *room = lookup->room;

    weir__free(lookup);
    return room;
}

/* ---- users ---- */

static int find_user(const char *name, uint32_t number, struct weir_user *out)
{
    struct lookup *lookup;
    int rc = look_up(false, name, number, &lookup);

    if (rc < 0)
        return rc;
    *out = (struct weir_user){
        .name = lookup->user.pw_name,
        .about = lookup->user.pw_gecos,
        .home = lookup->user.pw_dir,
        .shell = lookup->user.pw_shell,
        .number = lookup->user.pw_uid,
        .group = lookup->user.pw_gid,
    };
    out->memory = take_room(lookup);
    return 0;
}

int weir_user_by_name(const char *name, struct weir_user *out)
{
    WEIR__CALL;

    return name ? find_user(name, 0, out) : WEIR_EINVAL;
}

int weir_user_by_number(uint32_t number, struct weir_user *out)
{
    WEIR__CALL;

    return find_user(NULL, number, out);
}

void weir_user_free(struct weir_user *user)
{
    WEIR__CALL;

    weir__free(user->memory);
    user->memory = NULL;
}

uint32_t weir_user_own(void)
{
    WEIR__CALL;

    return weir__account_own_user();
}

/* ---- groups ---- */

static int find_group(const char *name, uint32_t number, struct weir_group *out)
{
    struct lookup *lookup;
    int rc = look_up(true, name, number, &lookup);

    if (rc < 0)
        return rc;
    *out = (struct weir_group){
        .name = lookup->group.gr_name,
        .members = (const char *const *)lookup->group.gr_mem,
        .number = lookup->group.gr_gid,
    };
    out->memory = take_room(lookup);
    return 0;
}

int weir_group_by_name(const char *name, struct weir_group *out)
{
    WEIR__CALL;

    return name ? find_group(name, 0, out) : WEIR_EINVAL;
}

int weir_group_by_number(uint32_t number, struct weir_group *out)
{
    WEIR__CALL;

    return find_group(NULL, number, out);
}

void weir_group_free(struct weir_group *group)
{
    WEIR__CALL;

    weir__free(group->memory);
    group->memory = NULL;
}

uint32_t weir_group_own(void)
{
    WEIR__CALL;

    return weir__account_own_group();
}

/* backend/sim/entry.c - directories of simulated disks, and what is done to names; see volume.h.
 *
 * A naming that is on its way to the disk builds on every earlier one that speaks of the same name
 * in the same directory, and one that moves a directory on all that did. Where one comes, those
 * that it builds on have come.
 */
#include <string.h>
#include <sys/stat.h>
#include <weir/error.h>

#include "backend/sim/volume.h"
#include "base/alloc.h"
#include "base/container.h"

static struct sim_entry *entry_of(const struct weir__list *link)
{
    return WEIR_CONTAINER_OF(link, struct sim_entry, link);
}

static struct sim_naming *naming_of(const struct weir__list *link)
{
    return WEIR_CONTAINER_OF(link, struct sim_naming, link);
}

/* ---- looking ---- */

struct sim_entry *weir__sim_entry_find(const struct sim_inode *dir, const char *name, size_t len)
{
    struct weir__list *at;

    for (at = dir->entries.next; at != &dir->entries; at = at->next) {
        struct sim_entry *entry = entry_of(at);

        if (entry->now && strncmp(entry->name, name, len) == 0 && entry->name[len] == 0)
            return entry;
    }
    return NULL;
}

struct sim_entry *weir__sim_entry_after(const struct sim_inode *dir, uint64_t cookie)
{
    struct weir__list *at;

    for (at = dir->entries.next; at != &dir->entries; at = at->next) {
        if (entry_of(at)->now && entry_of(at)->cookie > cookie)
            return entry_of(at);
    }
    return NULL;
}

bool weir__sim_entry_any(const struct sim_inode *dir)
{
    return weir__sim_entry_after(dir, 0);
}

/* ---- life ---- */

static struct sim_entry *make_entry(const struct sim_change *change)
{
    struct sim_entry *entry = weir__calloc(1, sizeof *entry + change->name_len + 1);
    struct weir__list *at;

    if (!entry)
        return NULL;
    memcpy(entry->name, change->name, change->name_len);
    entry->dir = change->dir;
    entry->inode = weir__sim_inode_take(change->inode);
    entry->cookie = (weir__sim_draw() >> 2) + 1;
    for (at = change->dir->entries.next; at != &change->dir->entries; at = at->next) {
        if (entry_of(at)->cookie >= entry->cookie)
            break;
    }
    weir__list_insert(at->prev, &entry->link);
    return entry;
}

static void free_entry(struct sim_entry *entry)
{
    struct sim_inode *inode = entry->inode;

    inode->links -= entry->now; /* of a directory that no crash has left a name */
    weir__sim_inode_count(inode);
    weir__list_remove(&entry->link);
    weir__free(entry);
    weir__sim_inode_drop(inode);
}

static void free_if_over(struct sim_entry *entry)
{
    if (!entry->now && !entry->on_disk && !entry->namings)
        free_entry(entry);
}

void weir__sim_entries_free(struct sim_inode *dir)
{
    while (!weir__list_empty(&dir->entries))
        free_entry(entry_of(dir->entries.next));
}

static void forget_entry(struct sim_entry **entry)
{
    struct sim_entry *it = *entry;

    *entry = NULL;
    if (it) {
        it->namings--;
        free_if_over(it);
    }
}

static void free_naming(struct sim_naming *naming)
{
    int i;

    weir__list_remove(&naming->link);
    for (i = 0; i < 2; i++) {
        forget_entry(&naming->parts[i].gone);
        forget_entry(&naming->parts[i].come);
    }
    weir__free(naming);
}

static const struct sim_entry *either(const struct sim_naming *naming, int part)
{
    return naming->parts[part].gone ? naming->parts[part].gone : naming->parts[part].come;
}

void weir__sim_names_forget(struct sim_volume *volume, const struct sim_inode *dir)
{
    struct weir__list *at;
    int i;

    if (weir__list_empty(&dir->entries))
        return;
    for (at = volume->namings.next; at != &volume->namings; at = at->next) {
        struct sim_naming *naming = naming_of(at);

        for (i = 0; i < 2; i++) {
            const struct sim_entry *entry = either(naming, i);

            if (!entry || entry->dir != dir)
                continue;
            /* the directory frees its entries next, whoever speaks of them */
            naming->parts[i].gone = naming->parts[i].come = NULL;
        }
    }
}

/* ---- now ---- */

static void show(struct sim_entry *entry, bool now)
{
    struct sim_inode *inode = entry->inode;

    entry->now = now;
    if (now)
        inode->links++;
    else
        inode->links--;
    inode->changed_ns = entry->dir->modified_ns = entry->dir->changed_ns = weir__sim_wall_ns();
    if (S_ISDIR(inode->mode) && now)
        inode->parent = entry->dir;
    if (S_ISDIR(inode->mode) && !inode->links)
        inode->parent = NULL;
    weir__sim_inode_count(inode);
}

static void choose_back(struct sim_volume *volume);
static void bring(struct sim_volume *volume);

/* The disk follows in its own time. */
static void follow(struct sim_volume *volume)
{
    uint32_t count = 0, which;
    struct weir__list *at;

    if (weir__sim_below(SIM_LATER_1_IN))
        return;
    for (at = volume->namings.next; at != &volume->namings; at = at->next)
        count++;
    if (!count)
        return;
    at = volume->namings.next;
    for (which = weir__sim_below(count); which; which--)
        at = at->next;
    naming_of(at)->chosen = true;
    choose_back(volume);
    bring(volume);
}

int weir__sim_names_change(struct sim_volume *volume, const struct sim_change *changes, int count,
                           bool moves_directory)
{
    struct sim_naming *naming = weir__calloc(1, sizeof *naming);
    int i;

    if (!naming)
        return WEIR_ENOMEM;
    for (i = 0; i < count; i++) {
        if (!changes[i].inode)
            continue;
        naming->parts[i].come = make_entry(&changes[i]);
        if (!naming->parts[i].come) {
            if (naming->parts[0].come)
                free_entry(naming->parts[0].come);
            weir__free(naming);
            return WEIR_ENOMEM;
        }
    }
    naming->moves_directory = moves_directory;
    weir__list_push_back(&volume->namings, &naming->link);
    for (i = 0; i < count; i++) {
        struct sim_entry *gone = changes[i].gone;

        naming->parts[i].gone = gone;
        if (gone) {
            gone->namings++;
            show(gone, false);
        }
    }
    for (i = 0; i < count; i++) {
        if (naming->parts[i].come) {
            naming->parts[i].come->namings++;
            show(naming->parts[i].come, true);
        }
    }
    follow(volume);
    return 0;
}

/* ---- the disk ---- */

static bool same_name(const struct sim_entry *a, const struct sim_entry *b)
{
    return a && b && a->dir == b->dir && strcmp(a->name, b->name) == 0;
}

static bool builds_on(const struct sim_naming *later, const struct sim_naming *earlier)
{
    int i, j;

    if (later->moves_directory && earlier->moves_directory)
        return true;
    for (i = 0; i < 2; i++) {
        for (j = 0; j < 2; j++) {
            if (same_name(either(later, i), either(earlier, j)))
                return true;
        }
    }
    return false;
}

/* Chooses what the chosen ones build on. */
static void choose_back(struct sim_volume *volume)
{
    struct weir__list *at, *before;

    for (at = volume->namings.prev; at != &volume->namings; at = at->prev) {
        if (!naming_of(at)->chosen)
            continue;
        for (before = at->prev; before != &volume->namings; before = before->prev) {
            if (!naming_of(before)->chosen)
                naming_of(before)->chosen = builds_on(naming_of(at), naming_of(before));
        }
    }
}

/* The chosen ones come to the disk, in order. */
static void bring(struct sim_volume *volume)
{
    struct weir__list *at, *next;
    int i;

    for (at = volume->namings.next; at != &volume->namings; at = next) {
        struct sim_naming *naming = naming_of(at);

        next = at->next;
        if (!naming->chosen)
            continue;
        for (i = 0; i < 2; i++) {
            if (naming->parts[i].gone)
                naming->parts[i].gone->on_disk = false;
            if (naming->parts[i].come)
                naming->parts[i].come->on_disk = true;
        }
        free_naming(naming);
    }
}

void weir__sim_names_sync(struct sim_volume *volume, const struct sim_inode *dir)
{
    struct weir__list *at;
    int i;

    for (at = volume->namings.next; at != &volume->namings; at = at->next) {
        for (i = 0; i < 2; i++) {
            const struct sim_entry *entry = either(naming_of(at), i);

            if (entry && entry->dir == dir)
                naming_of(at)->chosen = true;
        }
    }
    choose_back(volume);
    bring(volume);
}

/* ---- crashes, ends ---- */

void weir__sim_names_fini(struct sim_volume *volume)
{
    while (!weir__list_empty(&volume->namings))
        free_naming(naming_of(volume->namings.next));
}

enum order {
    ORDER_JOURNAL, /* what came before one that has come has come */
    ORDER_ANY,
    ORDER_NONE, /* nothing has come */
    ORDERS
};

static void choose_survivors(struct sim_volume *volume)
{
    enum order order = (enum order)weir__sim_below(ORDERS);
    bool comes = true;
    struct weir__list *at;

    for (at = volume->namings.next; at != &volume->namings; at = at->next) {
        if (order == ORDER_ANY || comes)
            comes = order != ORDER_NONE && weir__sim_below(order == ORDER_ANY ? 2 : 4);
        naming_of(at)->chosen = comes;
    }
}

/* Every inode is held meanwhile, so that none goes away under the walk. */
static void rebuild(struct sim_volume *volume)
{
    struct weir__list *at, *entry, *next;

    for (at = volume->inodes.next; at != &volume->inodes; at = at->next) {
        struct sim_inode *inode = WEIR_CONTAINER_OF(at, struct sim_inode, link);

        inode->links = 0;
        inode->parent = NULL;
    }
    for (at = volume->inodes.next; at != &volume->inodes; at = at->next) {
        struct sim_inode *dir = WEIR_CONTAINER_OF(at, struct sim_inode, link);

        for (entry = dir->entries.next; entry != &dir->entries; entry = next) {
            struct sim_entry *it = entry_of(entry);

            next = entry->next;
            it->now = it->on_disk;
            it->inode->links += it->now;
            if (it->now && S_ISDIR(it->inode->mode))
                it->inode->parent = dir;
            free_if_over(it);
        }
    }
}

void weir__sim_names_crash(struct sim_volume *volume)
{
    if (!weir__list_empty(&volume->namings)) {
        choose_survivors(volume);
        choose_back(volume);
        bring(volume);
    }
    weir__sim_names_fini(volume);
    rebuild(volume);
}

/* backend/sim/inode.c - inodes of simulated disks, and the bytes of files; see volume.h. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <weir/error.h>

#include "backend/sim/volume.h"
#include "base/alloc.h"
#include "sys/sys.h"

#define PAGES_STEP 16

int64_t weir__sim_wall_ns(void)
{
    return (int64_t)weir__wall_ns();
}

/* ---- life ---- */

struct sim_inode *weir__sim_inode_make(struct sim_volume *volume, uint32_t mode)
{
    struct sim_inode *inode = weir__calloc(1, sizeof *inode);

    if (!inode)
        return NULL;
    inode->volume = volume;
    inode->number = ++volume->numbers;
    inode->mode = mode;
    inode->modified_ns = weir__sim_wall_ns();
    inode->changed_ns = inode->accessed_ns = inode->born_ns = inode->modified_ns;
    weir__list_init(&inode->entries);
    weir__list_push_back(&volume->inodes, &inode->link);
    return inode;
}

void weir__sim_inode_drop(struct sim_inode *inode)
{
    size_t i;

    if (--inode->refs)
        return;
    weir__sim_inode_count(inode);
    weir__list_remove(&inode->link);
    weir__sim_names_forget(inode->volume, inode);
    weir__sim_entries_free(inode);
    for (i = 0; i < inode->pages_cap; i++)
        weir__free(inode->pages[i]);
    weir__free(inode->pages);
    weir__free(inode->target);
    weir__free(inode);
}

void weir__sim_inode_count(struct sim_inode *inode)
{
    bool counts = inode->links || inode->opens;

    if (counts == inode->counted)
        return;
    inode->counted = counts;
    if (counts)
        inode->volume->room += inode->room;
    else
        inode->volume->room -= inode->room;
}

/* ---- pages ---- */

static struct sim_page *page_at(const struct sim_inode *inode, uint64_t index)
{
    return index < inode->pages_cap ? inode->pages[index] : NULL;
}

static bool grow(struct sim_inode *inode, uint64_t index)
{
    size_t cap = (size_t)index + PAGES_STEP;
    struct sim_page **grown;

    if (index < inode->pages_cap)
        return true;
    if (cap < 2 * inode->pages_cap)
        cap = 2 * inode->pages_cap;
    grown = weir__realloc(inode->pages, cap * sizeof(*grown));
    if (!grown)
        return false;
    memset(grown + inode->pages_cap, 0, (cap - inode->pages_cap) * sizeof(*grown));
    inode->pages = grown;
    inode->pages_cap = cap;
    return true;
}

/* A page that has room: NULL and *error. */
static struct sim_page *make_page(struct sim_inode *inode, uint64_t index, int *error)
{
    struct sim_volume *volume = inode->volume;
    struct sim_page *page = page_at(inode, index);

    if (page && page->has_room)
        return page;
    *error = WEIR_ENOSPC;
    if (volume->options.capacity && (volume->room + 1) * SIM_PAGE > volume->options.capacity)
        return NULL;
    *error = WEIR_ENOMEM;
    if (!page && grow(inode, index))
        page = inode->pages[index] = weir__calloc(1, sizeof *page);
    if (!page)
        return NULL;
    page->has_room = true;
    inode->room++;
    volume->room += inode->counted;
    return page;
}

/* Takes its room away; the disk may have its bytes still. */
static void cut_page(struct sim_inode *inode, struct sim_page *page)
{
    memset(page->now, 0, SIM_PAGE);
    page->dirty = true;
    inode->room -= page->has_room;
    inode->volume->room -= page->has_room && inode->counted;
    page->has_room = false;
}

size_t weir__sim_inode_read(const struct sim_inode *inode, void *out, size_t len, uint64_t offset)
{
    unsigned char *to = out;
    size_t done = 0;

    if (offset >= inode->size)
        return 0;
    if (len > inode->size - offset)
        len = (size_t)(inode->size - offset);
    while (done < len) {
        uint64_t at = offset + done;
        size_t from = (size_t)(at % SIM_PAGE), part = SIM_PAGE - from;
        const struct sim_page *page = page_at(inode, at / SIM_PAGE);

        if (part > len - done)
            part = len - done;
        if (page)
            memcpy(to + done, page->now + from, part);
        else
            memset(to + done, 0, part);
        done += part;
    }
    return len;
}

int64_t weir__sim_inode_write(struct sim_inode *inode, const void *bytes, size_t len,
                              uint64_t offset)
{
    const unsigned char *from = bytes;
    size_t done = 0;
    int error = 0;

    if (offset >= SIM_FILE_MAX)
        return -EFBIG;
    if (len > SIM_FILE_MAX - offset)
        len = (size_t)(SIM_FILE_MAX - offset);
    while (done < len) {
        uint64_t at = offset + done;
        size_t to = (size_t)(at % SIM_PAGE), part = SIM_PAGE - to;
        struct sim_page *page = make_page(inode, at / SIM_PAGE, &error);

        if (!page)
            break;
        if (part > len - done)
            part = len - done;
        memcpy(page->now + to, from + done, part);
        page->dirty = true;
        done += part;
    }
    if (done && offset + done > inode->size)
        inode->size = offset + done;
    return done || !len ? (int64_t)done : error;
}

int weir__sim_inode_allocate(struct sim_inode *inode, uint64_t offset, uint64_t len)
{
    uint64_t at, end = offset + len;
    int error = 0;

    if (end > SIM_FILE_MAX)
        return -EFBIG;
    for (at = offset / SIM_PAGE; at * SIM_PAGE < end; at++) {
        if (!make_page(inode, at, &error))
            return error;
    }
    return 0;
}

static bool is_whole(uint64_t from, uint64_t end, uint64_t index)
{
    return from <= index * SIM_PAGE && (index + 1) * SIM_PAGE <= end;
}

void weir__sim_inode_zero(struct sim_inode *inode, uint64_t offset, uint64_t len)
{
    uint64_t index, end = offset + len;

    for (index = offset / SIM_PAGE; index < inode->pages_cap && index * SIM_PAGE < end; index++) {
        uint64_t begin = index * SIM_PAGE, from = offset > begin ? offset - begin : 0;
        uint64_t to = end - begin < SIM_PAGE ? end - begin : SIM_PAGE;
        struct sim_page *page = inode->pages[index];

        if (!page)
            continue;
        if (is_whole(offset, end, index)) {
            cut_page(inode, page);
        } else {
            memset(page->now + from, 0, (size_t)(to - from));
            page->dirty = true;
        }
    }
}

void weir__sim_inode_cut(struct sim_inode *inode, uint64_t size)
{
    if (size < inode->size) /* with what was allocated behind the end */
        weir__sim_inode_zero(inode, size, (uint64_t)inode->pages_cap * SIM_PAGE + SIM_PAGE);
    inode->size = size;
}

uint64_t weir__sim_inode_next(const struct sim_inode *inode, uint64_t offset, bool has_room)
{
    while (offset < inode->size) {
        const struct sim_page *page = page_at(inode, offset / SIM_PAGE);

        if ((page && page->has_room) == has_room)
            return offset;
        offset = (offset / SIM_PAGE + 1) * SIM_PAGE;
    }
    return inode->size;
}

/* ---- the disk ---- */

/* A page that was cut off is over when the disk knows it. */
static void settle(struct sim_inode *inode, size_t index)
{
    struct sim_page *page = inode->pages[index];

    if (!page->has_room && !page->dirty) {
        weir__free(page);
        inode->pages[index] = NULL;
    }
}

static void write_back(struct sim_inode *inode, size_t index)
{
    struct sim_page *page = inode->pages[index];

    memcpy(page->disk, page->now, SIM_PAGE);
    page->dirty = false;
    settle(inode, index);
}

void weir__sim_inode_sync(struct sim_inode *inode, bool fails)
{
    size_t i;

    for (i = 0; i < inode->pages_cap; i++) {
        struct sim_page *page = inode->pages[i];

        if (!page || !page->dirty)
            continue;
        if (fails && weir__sim_below(2))
            page->dirty = !page->has_room; /* as Linux: nobody writes it again */
        else
            write_back(inode, i);
    }
    if (!fails || weir__sim_below(2))
        inode->disk_size = inode->size;
    inode->error_turn += fails;
}

void weir__sim_inode_sync_some(struct sim_inode *inode, uint64_t offset, uint64_t len)
{
    size_t i;

    for (i = (size_t)(offset / SIM_PAGE); i < inode->pages_cap && i * SIM_PAGE < offset + len;
         i++) {
        if (inode->pages[i] && inode->pages[i]->dirty && weir__sim_below(2))
            write_back(inode, i);
    }
}

void weir__sim_inode_forget(struct sim_inode *inode)
{
    size_t i;

    for (i = 0; i < inode->pages_cap; i++) {
        struct sim_page *page = inode->pages[i];

        if (page && !page->dirty)
            memcpy(page->now, page->disk, SIM_PAGE);
    }
}

/* ---- crashes ---- */

enum fate {
    FATE_LOST,
    FATE_KEPT,
    FATE_MIXED
};

static void crash_page(struct sim_page *page, enum fate fate)
{
    bool torn = false;
    size_t at;

    if (fate == FATE_MIXED) {
        torn = weir__sim_below(3) == 0;
        fate = weir__sim_below(2) ? FATE_KEPT : FATE_LOST;
    }
    for (at = 0; page->dirty && at < SIM_PAGE; at += SIM_SECTOR) {
        if (torn ? weir__sim_below(2) : fate == FATE_KEPT)
            memcpy(page->disk + at, page->now + at, SIM_SECTOR);
    }
    memcpy(page->now, page->disk, SIM_PAGE);
    page->dirty = false;
    page->has_room = true;
}

static uint64_t crash_size(const struct sim_inode *inode, enum fate fate)
{
    uint64_t a = inode->disk_size, b = inode->size;

    if (fate == FATE_LOST || a == b)
        return a;
    if (fate == FATE_KEPT)
        return b;
    switch (weir__sim_below(3)) {
    case 0:
        return a;
    case 1:
        return b;
    default:
        return (uint64_t)weir__sim_between((int64_t)(a < b ? a : b), (int64_t)(a < b ? b : a));
    }
}

static bool is_touched(const struct sim_inode *inode)
{
    size_t i;

    for (i = 0; i < inode->pages_cap; i++) {
        if (inode->pages[i] && inode->pages[i]->dirty)
            return true;
    }
    return inode->size != inode->disk_size;
}

/* Cuts what lies behind the size, in both views. */
static void cut_both(struct sim_inode *inode)
{
    uint64_t size = inode->size;
    size_t i;

    inode->room = 0;
    for (i = 0; i < inode->pages_cap; i++) {
        struct sim_page *page = inode->pages[i];
        uint64_t begin = (uint64_t)i * SIM_PAGE;

        if (!page)
            continue;
        if (begin >= size) {
            weir__free(page);
            inode->pages[i] = NULL;
            continue;
        }
        if (size - begin < SIM_PAGE) {
            memset(page->now + (size - begin), 0, SIM_PAGE - (size_t)(size - begin));
            memset(page->disk + (size - begin), 0, SIM_PAGE - (size_t)(size - begin));
        }
        inode->room++;
    }
}

void weir__sim_inode_crash(struct sim_inode *inode)
{
    enum fate fate = is_touched(inode) ? (enum fate)weir__sim_below(FATE_MIXED + 1) : FATE_LOST;
    size_t i;

    if (!S_ISREG(inode->mode))
        return;
    for (i = 0; i < inode->pages_cap; i++) {
        if (inode->pages[i])
            crash_page(inode->pages[i], fate);
    }
    inode->size = inode->disk_size = crash_size(inode, fate);
    cut_both(inode);
}

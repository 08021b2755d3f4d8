/* backend/sim/volume.c - the simulated disks of hosts: begin, crashes and end; see volume.h. */
#include "backend/sim/volume.h"

#include <string.h>
#include <sys/stat.h>
#include <weir/error.h>

#include "backend/sim/sim.h"
#include "base/alloc.h"
#include "base/container.h"
#include "sys/sys.h"

static bool on;
static struct weir_sim_disk_options common;
static struct sim_volume *volumes[SIM_VOLUMES]; /* by host; NULL: nobody has asked yet */

bool weir__sim_volumes_on(void)
{
    return on;
}

struct sim_volume *weir__sim_volume_of(uint32_t host)
{
    struct sim_volume *volume = volumes[host];

    if (volume)
        return volume;
    volume = weir__calloc(1, sizeof *volume);
    if (!volume)
        return NULL;
    volume->host = host;
    volume->options = common;
    weir__list_init(&volume->inodes);
    weir__list_init(&volume->namings);
    volume->root = weir__sim_inode_make(volume, S_IFDIR | 0755);
    if (!volume->root) {
        weir__free(volume);
        return NULL;
    }
    volumes[host] = volume;
    (void)weir__sim_inode_take(volume->root);
    return volume;
}

static void free_volume(struct sim_volume *volume)
{
    weir__sim_names_fini(volume);
    weir__sim_inode_drop(volume->root); /* and with it all that is in it */
    weir__free(volume);
}

/* ---- crashes ---- */

static struct sim_inode *inode_of(const struct weir__list *link)
{
    return WEIR_CONTAINER_OF(link, struct sim_inode, link);
}

static void crash(struct sim_volume *volume)
{
    struct weir__list *at, *next;

    weir__sim_files_kill(volume);
    for (at = volume->inodes.next; at != &volume->inodes; at = at->next)
        (void)weir__sim_inode_take(inode_of(at));
    weir__sim_names_crash(volume);
    volume->room = 0;
    for (at = volume->inodes.next; at != &volume->inodes; at = at->next) {
        struct sim_inode *inode = inode_of(at);

        weir__sim_inode_crash(inode);
        inode->counted = false;
        weir__sim_inode_count(inode);
    }
    for (at = volume->inodes.next; at != &volume->inodes; at = next) {
        next = at->next; /* held still, as all behind this one are */
        weir__sim_inode_drop(inode_of(at));
    }
}

void weir__sim_disk_crash(uint32_t host)
{
    WEIR__SIM_CALL;

    if (on && volumes[host])
        crash(volumes[host]);
}

/* ---- options ---- */

int weir__sim_disk_set(uint32_t host, const struct weir_sim_disk_options *options)
{
    WEIR__SIM_CALL;
    struct sim_volume *volume;

    if (host == WEIR__SIM_ALL) {
        on = true;
        common = *options;
        weir__volume = &weir__sim_volume_table;
        return 0;
    }
    volume = weir__sim_volume_of(host);
    if (volume)
        volume->options = *options;
    return volume ? 0 : WEIR_ENOMEM;
}

bool weir__sim_disk_on(void)
{
    return on;
}

bool weir__sim_disk_takes(int64_t *min_ns, int64_t *max_ns)
{
    WEIR__SIM_CALL;
    const struct sim_volume *volume;
    const struct weir_sim_disk_options *options = &common;

    if (!on)
        return false;
    volume = volumes[weir__sim_life_host(weir__sim_whose())];
    if (volume)
        options = &volume->options;
    if (!options->latency_max_ns)
        return false;
    *min_ns = options->latency_min_ns;
    *max_ns = options->latency_max_ns;
    return true;
}

void weir__sim_disks_fini(void)
{
    uint32_t i;

    weir__sim_files_fini();
    for (i = 0; i < SIM_VOLUMES; i++) {
        if (volumes[i])
            free_volume(volumes[i]);
        volumes[i] = NULL;
    }
    on = false;
}

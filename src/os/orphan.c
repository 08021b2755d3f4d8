/* os/orphan.c - see orphan.h. */
#include "os/orphan.h"

#include <stdbool.h>
#include <sys/epoll.h>

#include "sys/call.h"
#include "sys/lock.h"
#include "sys/spawn.h"
#include "sys/sys.h"

#define EVENTS_MAX 16

static uint32_t lock; /* guards the others */
static struct weir__thread thread;
static int epoll = -1; /* while the thread is there */
static uint32_t count; /* of children */

/* One child less; true if that was the last: the thread ends. */
static bool forget(int pidfd)
{
    bool last;

    weir__lock(&lock);
    weir__sys_close(pidfd);
    last = --count == 0;
    if (last) {
        weir__sys_close(epoll);
        epoll = -1;
    }
    weir__unlock(&lock);
    return last;
}

static void reap_all(void *arg)
{
    struct epoll_event events[EVENTS_MAX];
    struct weir__spawn_end end;
    int i, n, own = *(int *)arg;

    weir__thread_detach();
    for (;;) {
        n = weir__sys_epoll_wait(own, events, EVENTS_MAX, -1);
        for (i = 0; i < n; i++) {
            if (weir__spawn_reap(events[i].data.fd, false, &end) != 0 && forget(events[i].data.fd))
                return;
        }
    }
}

/* Under the lock. */
static int begin(void)
{
    static int own; /* the thread reads it before it can end */
    int rc = weir__sys_epoll_create1(0);

    if (rc < 0)
        return rc;
    own = rc;
    rc = weir__sys_table()->thread_start(&thread, reap_all, &own, "weir-reaper");
    if (rc < 0)
        weir__sys_close(own);
    else
        epoll = own;
    return rc;
}

void weir__orphan_keep(int pidfd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = pidfd};
    int rc;

    weir__lock(&lock);
    count++;
    rc = epoll < 0 ? begin() : 0;
    if (rc == 0)
        rc = weir__sys_epoll_ctl(epoll, EPOLL_CTL_ADD, pidfd, &event);
    if (rc < 0)
        count--;
    weir__unlock(&lock);
    if (rc < 0)
        weir__sys_close(pidfd);
}

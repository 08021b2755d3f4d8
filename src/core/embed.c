/* core/embed.c - a loop inside a foreign loop.
 *
 * The embedding descriptor is an epoll descriptor over the backend's own one and a timer descriptor
 * that stands for the timer wheel. Both are made when they are first asked for. Between two runs
 * the loop counts as asleep, so that posts of other threads make the descriptor readable.
 */
#include <sys/epoll.h>
#include <time.h>

#include "core/loop.h"
#include "sys/call.h"
#include "sys/sys.h"

int64_t weir_loop_timeout_ns(const weir_loop *loop)
{
    uint64_t next, now;

    if (weir__loop_pending(loop) || loop->unfinished || !weir__inbox_empty(&loop->inbox))
        return 0;
    next = weir__wheel_next(&loop->wheel);
    if (next == UINT64_MAX)
        return -1;
    now = weir__now_ns();
    return next > now ? (int64_t)(next - now) : 0;
}

void weir__loop_embed_arm(struct weir_loop *loop)
{
    struct itimerspec when = {0};
    int64_t timeout;

    (void)loop->backend->wait(loop, 0); /* sends what the callbacks of this run have prepared */
    timeout = weir_loop_timeout_ns(loop);
    if (timeout == 0)
        timeout = 1;
    if (timeout > 0) {
        when.it_value.tv_sec = timeout / 1000000000;
        when.it_value.tv_nsec = timeout % 1000000000;
    }
    weir__sys_timerfd_settime(loop->embed_timer, &when);
    if (!weir__loop_fall_asleep(loop)) {
        when.it_value.tv_sec = 0;
        when.it_value.tv_nsec = 1;
        weir__sys_timerfd_settime(loop->embed_timer, &when);
    }
}

int weir_loop_descriptor(weir_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = -1, timer = -1, rc;

    if (loop->embed_epoll >= 0)
        return loop->embed_epoll;
    epoll = rc = weir__sys_epoll_create1(EPOLL_CLOEXEC);
    if (rc < 0)
        goto fail;
    timer = rc = weir__sys_timerfd_create(CLOCK_MONOTONIC);
    if (rc < 0)
        goto fail;
    rc = weir__sys_epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
    if (rc < 0)
        goto fail;
    rc = loop->backend->descriptor(loop);
    if (rc >= 0)
        rc = weir__sys_epoll_ctl(epoll, EPOLL_CTL_ADD, rc, &event);
    if (rc < 0)
        goto fail;
    loop->embed_epoll = epoll;
    loop->embed_timer = timer;
    weir__loop_embed_arm(loop);
    return epoll;
fail:
    if (timer >= 0)
        weir__sys_close(timer);
    if (epoll >= 0)
        weir__sys_close(epoll);
    return rc;
}

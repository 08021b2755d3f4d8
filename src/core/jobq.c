/* core/jobq.c - see jobq.h. */
#include "core/jobq.h"

#include "base/container.h"
#include "core/offload.h"
#include "sys/lock.h"

static struct weir__jobq_shard *shard_at(struct weir__jobq *queue, uint32_t index)
{
    return &queue->shards[index & (WEIR__JOBQ_SHARDS - 1)];
}

static struct weir__list *jobs_of(struct weir__jobq_shard *shard)
{
    if (!shard->jobs.next)
        weir__list_init(&shard->jobs);
    return &shard->jobs;
}

/* ---- under the lock of the shard ---- */

static void set_queued(struct weir__jobq_shard *shard, uint32_t queued)
{
    WEIR_ATOMIC_STORE(&shard->queued, queued, RELEASE); /* partner: has_jobs */
}

static void remove_job(struct weir__jobq *queue, struct weir__jobq_shard *shard,
                       struct weir__job *job)
{
    weir__list_remove(&job->link);
    (void)WEIR_ATOMIC_SUB(&queue->queued, 1, SEQ_CST);
    set_queued(shard, shard->queued - 1);
}

static struct weir__job *begin_job(struct weir__jobq *queue, struct weir__jobq_shard *shard,
                                   struct weir__list *link)
{
    struct weir__job *job = WEIR_CONTAINER_OF(link, struct weir__job, link);

    remove_job(queue, shard, job);
    job->state = JOB_BEGUN;
    shard->running++;
    return job;
}

static void end_job(struct weir__jobq_shard *shard)
{
    shard->running--;
    shard->done++;
}

static struct weir__job *begin_first(struct weir__jobq *queue, struct weir__jobq_shard *shard)
{
    struct weir__list *jobs = jobs_of(shard);

    return weir__list_empty(jobs) ? NULL : begin_job(queue, shard, jobs->next);
}

/* ---- any ---- */

bool weir__jobq_push(struct weir__jobq *queue, uint32_t near, struct weir__job *job,
                     uint32_t queued_max)
{
    struct weir__jobq_shard *shard = shard_at(queue, near);
    bool fits;

    weir__lock(&shard->lock);
    job->shard = (uint8_t)(near & (WEIR__JOBQ_SHARDS - 1));
    job->state = JOB_QUEUED;
    set_queued(shard, shard->queued + 1);
    fits = WEIR_ATOMIC_ADD(&queue->queued, 1, SEQ_CST) < queued_max; /* partner: weir__jobq_len */
    if (fits) {
        weir__list_push_back(jobs_of(shard), &job->link);
    } else {
        (void)WEIR_ATOMIC_SUB(&queue->queued, 1, SEQ_CST);
        set_queued(shard, shard->queued - 1);
        shard->refused++;
    }
    weir__unlock(&shard->lock);
    return fits;
}

/* Without the lock: whether it is worth a look. */
static bool has_jobs(const struct weir__jobq_shard *shard)
{
    return WEIR_ATOMIC_LOAD(&shard->queued, ACQUIRE) != 0; /* partner: set_queued */
}

static struct weir__job *take_from(struct weir__jobq *queue, struct weir__jobq_shard *shard,
                                   bool has_run)
{
    struct weir__job *job;

    weir__lock(&shard->lock);
    if (has_run)
        end_job(shard);
    job = begin_first(queue, shard);
    weir__unlock(&shard->lock);
    return job;
}

struct weir__job *weir__jobq_take(struct weir__jobq *queue, struct weir__jobq_taker *taker,
                                  bool has_run)
{
    uint32_t first = taker->shard + (taker->taken >= WEIR__JOBQ_TURN), i;
    struct weir__job *job = NULL;

    if (has_run) /* a lock is taken in any case: with a job at once, mostly */
        job = take_from(queue, shard_at(queue, first), true);
    if (!job && weir__jobq_len(queue) == 0)
        return NULL;
    for (i = 0; !job && i < WEIR__JOBQ_SHARDS; i++) {
        struct weir__jobq_shard *shard = shard_at(queue, first + i);

        if (has_jobs(shard))
            job = take_from(queue, shard, false);
    }
    if (!job)
        return NULL;
    taker->taken = job->shard == taker->shard && first == taker->shard ? taker->taken + 1 : 1;
    taker->shard = job->shard;
    return job;
}

void weir__jobq_end(struct weir__jobq *queue, const struct weir__jobq_taker *taker)
{
    struct weir__jobq_shard *shard = shard_at(queue, taker->shard);

    weir__lock(&shard->lock);
    end_job(shard);
    weir__unlock(&shard->lock);
}

static struct weir__job *pick_from(struct weir__jobq *queue, struct weir__jobq_shard *shard,
                                   uint32_t pick)
{
    struct weir__list *link = jobs_of(shard)->next;

    while (pick--)
        link = link->next;
    return begin_job(queue, shard, link);
}

struct weir__job *weir__jobq_pick(struct weir__jobq *queue, uint32_t pick)
{
    uint32_t i, queued = weir__jobq_len(queue);
    struct weir__job *job = NULL;

    pick = queued ? pick % queued : 0;
    for (i = 0; !job && i < WEIR__JOBQ_SHARDS; i++) {
        struct weir__jobq_shard *shard = &queue->shards[i];

        weir__lock(&shard->lock);
        if (pick < shard->queued)
            job = pick_from(queue, shard, pick);
        else
            pick -= shard->queued;
        weir__unlock(&shard->lock);
    }
    return job;
}

bool weir__jobq_withdraw(struct weir__jobq *queue, struct weir__job *job)
{
    struct weir__jobq_shard *shard = &queue->shards[job->shard];
    bool queued;

    weir__lock(&shard->lock);
    queued = job->state == JOB_QUEUED;
    if (queued) {
        remove_job(queue, shard, job);
        shard->withdrawn++;
    }
    weir__unlock(&shard->lock);
    return queued;
}

void weir__jobq_refuse(struct weir__jobq *queue, struct weir__list *refused)
{
    uint32_t i;

    for (i = 0; i < WEIR__JOBQ_SHARDS; i++) {
        struct weir__jobq_shard *shard = &queue->shards[i];
        struct weir__job *job;

        weir__lock(&shard->lock);
        while ((job = begin_first(queue, shard))) {
            shard->running--;
            shard->refused++;
            weir__list_push_back(refused, &job->link);
        }
        weir__unlock(&shard->lock);
    }
}

uint32_t weir__jobq_len(const struct weir__jobq *queue)
{
    return WEIR_ATOMIC_LOAD(&queue->queued, SEQ_CST); /* partner: weir__jobq_push */
}

void weir__jobq_count(struct weir__jobq *queue, struct weir_blocking_counts *counts)
{
    uint32_t i;

    for (i = 0; i < WEIR__JOBQ_SHARDS; i++) {
        struct weir__jobq_shard *shard = &queue->shards[i];

        weir__lock(&shard->lock); /* in order: nobody else holds two */
        counts->queued += shard->queued;
        counts->running += shard->running;
        counts->done += shard->done;
        counts->withdrawn += shard->withdrawn;
        counts->refused += shard->refused;
    }
    for (i = 0; i < WEIR__JOBQ_SHARDS; i++)
        weir__unlock(&queue->shards[i].lock);
}

/* task/local.h - the values of a task; see <weir/local.h>. By the task, or before it is there. */
#ifndef WEIR_TASK_LOCAL_H
#define WEIR_TASK_LOCAL_H

struct weir__locals;
struct weir__task;

/* What a child of a task with these values gets: *out, NULL if that is nothing. 0 or WEIR_ENOMEM,
 * when nothing is to be released. */
int weir__locals_inherit(const struct weir__locals *locals, struct weir__locals **out);
/* Ends the values of a task that is not started. */
void weir__locals_drop(struct weir__locals *locals);
/* Ends the values of the calling task, which has returned from its function. May suspend. */
void weir__locals_end(struct weir__task *task);

#endif

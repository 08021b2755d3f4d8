/* task/inspect.c - see inspect.h. */
#include "task/inspect.h"

#include "base/assert.h"
#include "sys/trace.h"
#include "task/task.h"
#include "task/worker.h"

#define ROOM_BYTES 6144 /* of its stack that a trace may need; measured: 1.8 KiB */

int weir__inspect_stack(struct weir__worker *here, struct weir__task *task, void **frames, int room)
{
    struct weir__inspection inspection = {here->back, frames, room, 0};

    WEIR_ASSERT(!task->image);
    task->inspection = &inspection;
    weir__context_switch(here->back, &task->context);
    task->inspection = NULL;
    return inspection.count;
}

__attribute__((noinline)) void weir__inspect_answer(struct weir__task *task)
{
    struct weir__inspection *inspection = task->inspection;

    if ((char *)__builtin_frame_address(0) - task->stack.low >= ROOM_BYTES)
        inspection->count =
            weir__trace_from(inspection->frames, inspection->room, __builtin_return_address(0));
    weir__context_switch(&task->context, inspection->back);
}

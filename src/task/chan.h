/* task/chan.h - what other parts of the library ask of a channel. */
#ifndef WEIR_TASK_CHAN_H
#define WEIR_TASK_CHAN_H

#include <weir/chan.h>

/* The bytes of a value, or WEIR_EBADHANDLE. Any thread. */
int weir__chan_value_size(weir_chan chan);

#endif

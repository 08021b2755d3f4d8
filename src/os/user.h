/* os/user.h - what tests know of the look-up of users. */
#ifndef WEIR_OS_USER_H
#define WEIR_OS_USER_H

#include <stddef.h>

/* Bytes in which an entry is tried first; changed by a test while nobody looks one up. */
extern size_t weir__user_room;

#endif

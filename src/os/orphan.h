/* os/orphan.h - children that outlive the runtime which has started them.
 *
 * So that none is left as a zombie one thread of the process waits for them all. It is there only
 * while there are some. */
#ifndef WEIR_OS_ORPHAN_H
#define WEIR_OS_ORPHAN_H

/* Takes the descriptor of a child that lives: when it has ended its end is taken. Where there is no
 * thread or descriptor left for that the child stays a zombie until this process ends. Any thread.
 */
void weir__orphan_keep(int pidfd);

#endif

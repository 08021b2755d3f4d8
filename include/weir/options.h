/* weir/options.h - what options have in common.
 *
 * An options struct is zeroed by its caller, who sets what matters: zero means default everywhere.
 */
#ifndef WEIR_OPTIONS_H
#define WEIR_OPTIONS_H

/* Switches: default, on, off. */
enum weir_switch {
    WEIR_DEFAULT = 0,
    WEIR_ON = 1,
    WEIR_OFF = 2
};

#endif

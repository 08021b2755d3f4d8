/* os/serial_mode.h - settings of a serial port, and the mode of the kernel that they are. */
#ifndef WEIR_OS_SERIAL_MODE_H
#define WEIR_OS_SERIAL_MODE_H

#include <asm/termbits.h>
#include <stdbool.h>
#include <weir/serial.h>

/* 0, or WEIR_EINVAL for a setting that there is not. */
int weir__serial_check(const struct weir_serial_settings *settings);
/* Puts the defaults in the place of what is zero. */
void weir__serial_default(struct weir_serial_settings *settings);
/* Bytes as they are, in both directions, and a read as soon as there is one. */
void weir__serial_raw(struct termios2 *mode);
/* Changes what is not zero; the settings are valid. */
void weir__serial_apply(struct termios2 *mode, const struct weir_serial_settings *settings);
/* All of it, none zero unless the rate is. */
void weir__serial_describe(const struct termios2 *mode, struct weir_serial_settings *out);
/* Whether the mode is what was asked for, the rates within a twentieth. */
bool weir__serial_fits(const struct termios2 *mode, const struct weir_serial_settings *wanted);

#endif

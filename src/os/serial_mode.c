/* os/serial_mode.c - see serial_mode.h. Rates go as numbers (BOTHER), whichever they are. */
#include "os/serial_mode.h"

#include <weir/error.h>

static const tcflag_t parities[] = {
    [WEIR_PARITY_NONE] = 0,
    [WEIR_PARITY_ODD] = PARENB | PARODD,
    [WEIR_PARITY_EVEN] = PARENB,
    [WEIR_PARITY_MARK] = PARENB | PARODD | CMSPAR,
    [WEIR_PARITY_SPACE] = PARENB | CMSPAR,
};
static const tcflag_t errors[] = {
    [WEIR_SERIAL_KEEP] = 0,
    [WEIR_SERIAL_DROP] = INPCK | IGNPAR | IGNBRK,
    [WEIR_SERIAL_MARK] = INPCK | PARMRK,
};
static const tcflag_t sizes[] = {CS5, CS6, CS7, CS8};

#define PARITY_BITS (PARENB | PARODD | CMSPAR)
#define ERROR_BITS  (INPCK | IGNPAR | IGNBRK | PARMRK | BRKINT)

int weir__serial_check(const struct weir_serial_settings *settings)
{
    if (settings->rate > WEIR_SERIAL_RATE_MAX || settings->rate_in > WEIR_SERIAL_RATE_MAX)
        return WEIR_EINVAL;
    if (settings->data_bits && (settings->data_bits < 5 || settings->data_bits > 8))
        return WEIR_EINVAL;
    if (settings->stop_bits > 2 || settings->parity > WEIR_PARITY_SPACE
        || settings->flow > WEIR_FLOW_SOFTWARE || settings->errors > WEIR_SERIAL_MARK)
        return WEIR_EINVAL;
    return settings->modem > WEIR_OFF || settings->hang_up > WEIR_OFF ? WEIR_EINVAL : 0;
}

static uint8_t or_else(uint8_t value, uint8_t other)
{
    return value ? value : other;
}

void weir__serial_default(struct weir_serial_settings *settings)
{
    settings->rate = settings->rate ? settings->rate : 9600;
    settings->rate_in = settings->rate_in ? settings->rate_in : settings->rate;
    settings->data_bits = or_else(settings->data_bits, 8);
    settings->stop_bits = or_else(settings->stop_bits, 1);
    settings->parity = or_else(settings->parity, WEIR_PARITY_NONE);
    settings->flow = or_else(settings->flow, WEIR_FLOW_NONE);
    settings->errors = or_else(settings->errors, WEIR_SERIAL_KEEP);
    settings->modem = or_else(settings->modem, WEIR_OFF);
    settings->hang_up = or_else(settings->hang_up, WEIR_ON);
}

void weir__serial_raw(struct termios2 *mode)
{
    mode->c_iflag &= ~(tcflag_t)(ISTRIP | INLCR | IGNCR | ICRNL | IUCLC | IXANY | IMAXBEL);
    mode->c_oflag &= ~(tcflag_t)OPOST;
    mode->c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHOE | ECHOK | ECHONL | ISIG | IEXTEN);
    mode->c_cflag |= CREAD;
    mode->c_cc[VMIN] = 1;
    mode->c_cc[VTIME] = 0;
}

static void put(tcflag_t *flags, tcflag_t bits, bool on)
{
    *flags = on ? *flags | bits : *flags & ~bits;
}

static void replace(tcflag_t *flags, tcflag_t mask, tcflag_t bits)
{
    *flags = (*flags & ~mask) | bits;
}

static void apply_rates(struct termios2 *mode, uint32_t out, uint32_t in)
{
    if (!out && !in)
        return;
    mode->c_ospeed = out ? out : mode->c_ospeed;
    mode->c_ispeed = in ? in : out;
    replace(&mode->c_cflag, CBAUD | CIBAUD, BOTHER | (tcflag_t)BOTHER << IBSHIFT);
}

void weir__serial_apply(struct termios2 *mode, const struct weir_serial_settings *settings)
{
    apply_rates(mode, settings->rate, settings->rate_in);
    if (settings->data_bits)
        replace(&mode->c_cflag, CSIZE, sizes[settings->data_bits - 5]);
    if (settings->stop_bits)
        put(&mode->c_cflag, CSTOPB, settings->stop_bits == 2);
    if (settings->parity)
        replace(&mode->c_cflag, PARITY_BITS, parities[settings->parity]);
    if (settings->flow) {
        put(&mode->c_cflag, CRTSCTS, settings->flow == WEIR_FLOW_HARDWARE);
        put(&mode->c_iflag, IXON | IXOFF, settings->flow == WEIR_FLOW_SOFTWARE);
        mode->c_cc[VSTART] = 17;
        mode->c_cc[VSTOP] = 19;
    }
    if (settings->errors)
        replace(&mode->c_iflag, ERROR_BITS, errors[settings->errors]);
    if (settings->modem)
        put(&mode->c_cflag, CLOCAL, settings->modem == WEIR_OFF);
    if (settings->hang_up)
        put(&mode->c_cflag, HUPCL, settings->hang_up == WEIR_ON);
}

static uint8_t find(const tcflag_t *table, uint8_t first, uint8_t last, tcflag_t bits)
{
    uint8_t i;

    for (i = first; i < last && table[i] != bits; i++)
        ;
    return i;
}

static uint8_t flow_of(const struct termios2 *mode)
{
    if (mode->c_cflag & CRTSCTS)
        return WEIR_FLOW_HARDWARE;
    return mode->c_iflag & (IXON | IXOFF) ? WEIR_FLOW_SOFTWARE : WEIR_FLOW_NONE;
}

static uint8_t errors_of(const struct termios2 *mode)
{
    if (!(mode->c_iflag & INPCK))
        return WEIR_SERIAL_KEEP;
    return mode->c_iflag & IGNPAR   ? WEIR_SERIAL_DROP
           : mode->c_iflag & PARMRK ? WEIR_SERIAL_MARK
                                    : WEIR_SERIAL_KEEP;
}

static uint8_t parity_of(const struct termios2 *mode)
{
    if (!(mode->c_cflag & PARENB))
        return WEIR_PARITY_NONE;
    return find(parities, WEIR_PARITY_ODD, WEIR_PARITY_SPACE, mode->c_cflag & PARITY_BITS);
}

void weir__serial_describe(const struct termios2 *mode, struct weir_serial_settings *out)
{
    *out = (struct weir_serial_settings){
        .rate = mode->c_ospeed,
        .rate_in = mode->c_ispeed ? mode->c_ispeed : mode->c_ospeed,
        .data_bits = (uint8_t)(5 + find(sizes, 0, 3, mode->c_cflag & CSIZE)),
        .stop_bits = mode->c_cflag & CSTOPB ? 2 : 1,
        .parity = parity_of(mode),
        .flow = flow_of(mode),
        .errors = errors_of(mode),
        .modem = mode->c_cflag & CLOCAL ? WEIR_OFF : WEIR_ON,
        .hang_up = mode->c_cflag & HUPCL ? WEIR_ON : WEIR_OFF,
    };
}

static bool fits(uint32_t has, uint32_t wanted)
{
    uint32_t off = has > wanted ? has - wanted : wanted - has;

    return !wanted || off <= wanted / 20;
}

static bool same(uint8_t has, uint8_t wanted)
{
    return !wanted || has == wanted;
}

bool weir__serial_fits(const struct termios2 *mode, const struct weir_serial_settings *wanted)
{
    struct weir_serial_settings has;

    weir__serial_describe(mode, &has);
    return fits(has.rate, wanted->rate) && fits(has.rate_in, wanted->rate_in)
           && same(has.data_bits, wanted->data_bits) && same(has.stop_bits, wanted->stop_bits)
           && same(has.parity, wanted->parity) && same(has.flow, wanted->flow)
           && same(has.errors, wanted->errors) && same(has.modem, wanted->modem)
           && same(has.hang_up, wanted->hang_up);
}

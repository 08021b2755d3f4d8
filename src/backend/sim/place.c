/* backend/sim/place.c - socket addresses of the simulator; see sim.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <weir/error.h>

#include "backend/sim/sim.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool weir__sim_place_v4(const struct sim_place *place)
{
    return memcmp(place->ip, mapped, sizeof mapped) == 0;
}

uint32_t weir__sim_place_address(const struct sim_place *place)
{
    uint32_t address;

    memcpy(&address, place->ip + 12, sizeof address);
    return address;
}

void weir__sim_place_set(struct sim_place *place, uint32_t address)
{
    memcpy(place->ip, mapped, sizeof mapped);
    memcpy(place->ip + 12, &address, sizeof address);
}

bool weir__sim_place_any(const struct sim_place *place)
{
    static const uint8_t zero[16];

    return weir__sim_place_v4(place) ? weir__sim_place_address(place) == 0
                                     : memcmp(place->ip, zero, sizeof zero) == 0;
}

bool weir__sim_place_loopback(const struct sim_place *place)
{
    static const uint8_t one[16] = {[15] = 1};

    return weir__sim_place_v4(place) ? place->ip[12] == 127
                                     : memcmp(place->ip, one, sizeof one) == 0;
}

static int read_unix(struct sim_place *place, const struct sockaddr *address, socklen_t len)
{
    const struct sockaddr_un *from = (const void *)address;
    size_t room = len - offsetof(struct sockaddr_un, sun_path);

    if (len <= offsetof(struct sockaddr_un, sun_path) || room > sizeof place->path)
        return WEIR_EINVAL;
    place->path_len = (uint8_t)(from->sun_path[0] ? strnlen(from->sun_path, room) : room);
    memcpy(place->path, from->sun_path, place->path_len);
    return 0;
}

int weir__sim_place_read(struct sim_place *place, const struct sockaddr *address, socklen_t len)
{
    memset(place, 0, sizeof *place);
    if (len < sizeof(sa_family_t))
        return WEIR_EINVAL;
    place->family = address->sa_family;
    if (address->sa_family == AF_UNIX) {
        return read_unix(place, address, len);
    } else if (address->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *from = (const void *)address;

        weir__sim_place_set(place, from->sin_addr.s_addr);
        place->port = ntohs(from->sin_port);
    } else if (address->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *from = (const void *)address;

        memcpy(place->ip, &from->sin6_addr, sizeof place->ip);
        place->port = ntohs(from->sin6_port);
    } else {
        return -EAFNOSUPPORT;
    }
    return 0;
}

/* As the kernel does: what does not fit is cut off, and *len is the whole length. */
void weir__sim_place_write(const struct sim_place *place, uint16_t family, struct sockaddr *address,
                           socklen_t *len)
{
    union {
        struct sockaddr_un un;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } out;
    socklen_t size = sizeof(sa_family_t);

    memset(&out, 0, sizeof out);
    out.un.sun_family = family;
    if (family == AF_UNIX) {
        memcpy(out.un.sun_path, place->path, place->path_len);
        size += place->path_len;
        if (place->path_len && place->path[0])
            size++; /* the terminator */
    } else if (family == AF_INET) {
        out.in.sin_port = htons(place->port);
        out.in.sin_addr.s_addr = weir__sim_place_address(place);
        size = sizeof out.in;
    } else {
        out.in6.sin6_port = htons(place->port);
        memcpy(&out.in6.sin6_addr, place->ip, sizeof place->ip);
        size = sizeof out.in6;
    }
    memcpy(address, &out, size < *len ? size : *len);
    *len = size;
}

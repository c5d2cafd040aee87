/* G.711 expansion by table (ITU-T G.711, tables 1 and 2). */

#include "media.h"

#include <endian.h>
#include <string.h>

static uint16_t expanded[2][256];

static int16_t expand_mu(uint8_t octet) {
    octet = (uint8_t)~octet;
    int magnitude = ((((octet & 0x0F) << 3) + 0x84) << ((octet & 0x70) >> 4)) - 0x84;
    return (int16_t)((octet & 0x80) ? -magnitude : magnitude);
}

static int16_t expand_a(uint8_t octet) {
    octet ^= 0x55;
    int segment = (octet & 0x70) >> 4;
    int magnitude = ((octet & 0x0F) << 4) + (segment ? 0x108 : 8);
    if (segment > 1)
        magnitude <<= segment - 1;
    return (int16_t)((octet & 0x80) ? magnitude : -magnitude);
}

void g711_prepare(void) {
    for (int octet = 0; octet < 256; octet++) {
        expanded[LAW_MU][octet] = htole16((uint16_t)expand_mu((uint8_t)octet));
        expanded[LAW_A][octet] = htole16((uint16_t)expand_a((uint8_t)octet));
    }
}

void g711_decode(enum law law, const uint8_t *payload, size_t octets, uint8_t *pcm) {
    const uint16_t *table = expanded[law];
    for (size_t i = 0; i < octets; i++)
        memcpy(pcm + 2 * i, &table[payload[i]], 2);
}

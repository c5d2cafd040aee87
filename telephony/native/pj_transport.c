/* See pj_transport.h. Nothing here knows Python. */

#include "pj_transport.h"

#include <netinet/in.h>
#include <stddef.h>

#include "pj_library.h"

#define WORDS_MAX 64 /* before the transport's name there are 15, and behind it more than that */

enum { TLS = 3, TLS_OF_IPV6 = 131 };
enum { OUTGOING = 1, INCOMING };

typedef struct {
    pj_text host;
    int port;
} pj_host_port;

typedef struct {
    const char *type;
    unsigned flags;
    const char *summary;
    int address_octets;
    struct sockaddr_in6 address;
    pj_host_port own, peer;
    int direction;
} pj_transport_names;

const char *pj_transport_peer(const char *path, const void *transport, char peer[PEER_OCTETS_MAX]) {
    static struct {
        const char *(*name)(int type);
    } of;
    void *library = pj_library(path);
    if (library == NULL)
        return "it is not loaded";
    FIND(library, of, name, "pjsip_transport_get_type_name");
    const void *const *word = transport, *const *end = word + WORDS_MAX;
    const char *four = of.name(TLS), *six = of.name(TLS_OF_IPV6);
    while (word < end && *word != four && *word != six)
        word++;
    const pj_transport_names *names = (const void *)word;
    if (word == end || names->peer.host.octets <= 0 || names->peer.host.octets >= PEER_OCTETS_MAX ||
        (names->address_octets != sizeof(struct sockaddr_in) && names->address_octets != sizeof(struct sockaddr_in6)) ||
        (names->direction != OUTGOING && names->direction != INCOMING))
        return "its connections are laid out in another way";
    size_t octets = names->direction == OUTGOING ? (size_t)names->peer.host.octets : 0;
    memcpy(peer, names->peer.host.text, octets);
    peer[octets] = '\0';
    return NULL;
}

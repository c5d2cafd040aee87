/* See negotiation_guard.h. Nothing here knows Python. */

#include "negotiation_guard.h"

#include <stddef.h>

#include "pj_library.h"

/* ---- PJSIP's constants, those of 2.10 to 2.17 */

enum { KINDS_MAY_CHANGE = 1 }; /* PJMEDIA_SDP_NEG_ALLOW_MEDIA_CHANGE */

static struct {
    int (*parse)(void *pool, char *text, size_t octets, void **session);
    int (*offer)(void *pool, void *negotiator, unsigned flags, const void *description);
    int (*send)(void *from, void *key, const void *data, unsigned octets, unsigned flags, const void *to, unsigned to_octets);
} of;

/* ---- the namesakes */

NAMESAKE int pjmedia_sdp_parse(void *pool, char *text, size_t octets, void **session) {
    static char nothing[] = "";
    while (octets > 0 && (*text == '\r' || *text == '\n')) {
        text++;
        octets--;
    }
    *session = NULL;
    return of.parse == NULL ? UNUSABLE : of.parse(pool, octets > 0 ? text : nothing, octets, session);
}

NAMESAKE int pjmedia_sdp_neg_modify_local_offer2(void *pool, void *negotiator, unsigned flags, const void *description) {
    return of.offer == NULL ? UNUSABLE : of.offer(pool, negotiator, flags | KINDS_MAY_CHANGE, description);
}

NAMESAKE int pj_ice_strans_set_options(void *transport, const void *options) {
    (void)transport;
    (void)options;
    return 0;
}

NAMESAKE int pj_stun_sock_sendto(void *from, void *key, const void *data, unsigned octets, unsigned flags, const void *to,
                                 unsigned to_octets) {
    return of.send == NULL || from == NULL ? UNUSABLE : of.send(from, key, data, octets, flags, to, to_octets);
}

/* ---- our side */

const char *negotiation_guard_open(const char *path) {
    void *library = pj_library(path);
    if (library == NULL)
        return "it is not loaded";
    FIND(library, of, parse, "pjmedia_sdp_parse");
    FIND(library, of, offer, "pjmedia_sdp_neg_modify_local_offer2");
    FIND(library, of, send, "pj_stun_sock_sendto");
    return NULL;
}

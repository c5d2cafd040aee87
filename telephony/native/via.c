/* See via.h. Nothing here knows Python. */

#include "via.h"

#include <arpa/inet.h>

#define POOL_OCTETS 1024

/* ---- PJSIP's layouts */

typedef struct pj_parameter {
    struct pj_parameter *previous, *next;
    pj_text name, value;
} pj_parameter;

typedef struct {
    pj_header base;
    pj_text transport;
    struct {
        pj_text host;
        int port;
    } sent_by;
    int ttl, reply_port;
    pj_text maddr, received, branch;
    pj_parameter others; /* of these it is a ring */
} pj_via;

static struct {
    void *(*pool_create)(const char *name, size_t octets, size_t more);
    void (*pool_release)(void *pool);
    void *(*allocate)(void *pool, size_t octets);
    pj_header *(*parse)(void *pool, const pj_text *name, char *text, size_t octets, int *read);
} of;

bool via_leads(const pj_header *via) { return ((const pj_via *)(const void *)via)->sent_by.host.octets > 0; }

void via_forget_maddr(void *received, const pj_message_info *info) {
    pj_via *via = info->via;
    pj_parameter *kept = NULL;
    if (via->maddr.octets > 0)
        kept = of.allocate(pj_message_pool(received), sizeof *kept);
    if (kept == NULL)
        return;
    *kept = (pj_parameter){via->others.previous, &via->others, pj_text_of("maddr"), via->maddr};
    via->others.previous->next = kept;
    via->others.previous = kept;
    via->maddr.octets = 0;
}

void via_forget_received(const pj_message_info *info) {
    pj_via *via = info->via;
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr address;
    if (via->received.octets > 0 && (size_t)via->received.octets < sizeof text)
        memcpy(text, via->received.text, (size_t)via->received.octets);
    const pj_text *ours = &via->sent_by.host;
    bool six = memchr(ours->text, ':', (size_t)ours->octets) != NULL;
    if (inet_pton(six ? AF_INET6 : AF_INET, text, &address) != 1)
        via->received.octets = 0;
}

/* ---- the library */

static bool is(const pj_text *found, const char *wanted) {
    return found->octets == (long)strlen(wanted) && memcmp(found->text, wanted, strlen(wanted)) == 0;
}

static const char *try_via(void) {
    static const char sample[] = "SIP/2.0/UDP trial.invalid:5099;rport=2;maddr=192.0.2.1;received=192.0.2.7;x=y;branch=z9hG4bK1";
    char text[sizeof sample];
    int read;
    const pj_text name = pj_text_of("Via");
    void *pool = of.pool_create("trial", POOL_OCTETS, POOL_OCTETS);
    if (pool == NULL)
        return "it has no memory";
    memcpy(text, sample, sizeof sample);
    const pj_via *via = (const void *)of.parse(pool, &name, text, sizeof sample - 1, &read);
    bool as_here = via != NULL && is(&via->sent_by.host, "trial.invalid") && via->sent_by.port == 5099 &&
                   is(&via->maddr, "192.0.2.1") && is(&via->received, "192.0.2.7") &&
                   via->others.next == via->others.previous && is(&via->others.next->value, "y");
    of.pool_release(pool);
    return as_here ? NULL : "its Via is laid out in another way";
}

const char *via_open(void *library) {
    FIND(library, of, pool_create, "pjsua_pool_create");
    FIND(library, of, pool_release, "pj_pool_release");
    FIND(library, of, allocate, "pj_pool_alloc");
    FIND(library, of, parse, "pjsip_parse_hdr");
    return try_via();
}

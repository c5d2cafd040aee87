/* See name_lookup.h. Nothing here knows Python. */

#include "name_lookup.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pj_module.h"

#define NAME_OCTETS_MAX 254 /* RFC 1035 §2.3.4, and an end */
#define POOL_OCTETS 1024
#define NOT_RESOLVED 70018 /* PJ_ERESOLVE */
#define ANY_PRIORITY 32

/* ---- PJSIP's layouts */

typedef struct {
    unsigned flag;
    int transport;
    pj_text host;
    int port;
} pj_target;

typedef void pj_answer(int status, void *token, const void *addresses);

typedef struct {
    void (*resolve)(void *resolver, void *pool, const pj_target *, void *token, pj_answer *);
} pj_resolver;

static struct {
    void *(*pool_create)(const char *name, size_t octets, size_t more);
    void (*pool_release)(void *pool);
    void *(*endpoint)(void);
    void *(*parse_uri)(void *pool, char *text, size_t octets, unsigned options);
    int (*target)(const void *uri, const void *request_uri, void *pool, pj_target *);
    void (*resolve)(void *endpoint, void *pool, const pj_target *, void *token, pj_answer *);
    int (*set_resolver)(void *endpoint, pj_resolver *);
} of;

struct name_lookup {
    pj_target target;
    void *pool, *token;
    pj_answer *answer; /* NULL: it was given */
    unsigned life;
};

static name_asker *ask;
static unsigned life; /* which PJSUA of this process it is: what waits goes with it */

/* ---- PJSIP's side */

static void resolve(void *resolver, void *pool, const pj_target *target, void *token, pj_answer *answer);

static pj_resolver ours = {resolve};

static void found_number(int status, void *given, const void *addresses) {
    const name_lookup lookup = *(name_lookup *)given;
    of.set_resolver(of.endpoint(), &ours); /* first: what goes on now may ask again */
    lookup.answer(status, lookup.token, addresses);
}

/* PJSIP's own resolver answers at once, and goes by ours as long as that is set. */
static void give_number(name_lookup *lookup) {
    of.set_resolver(of.endpoint(), NULL);
    of.resolve(of.endpoint(), lookup->pool, &lookup->target, lookup, found_number);
}

static bool is_number(const char *host) {
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static void resolve(void *resolver, void *pool, const pj_target *target, void *token, pj_answer *answer) {
    (void)resolver;
    char host[NAME_OCTETS_MAX];
    name_lookup *lookup = NULL;
    if (target->host.octets > 0 && target->host.octets < NAME_OCTETS_MAX)
        lookup = malloc(sizeof *lookup);
    if (lookup == NULL) {
        answer(NOT_RESOLVED, token, NULL);
        return;
    }
    memcpy(host, target->host.text, (size_t)target->host.octets);
    host[target->host.octets] = '\0';
    *lookup = (name_lookup){*target, pool, token, answer, life};
    if (is_number(host)) {
        give_number(lookup);
        free(lookup);
    } else {
        ask(host, target->port, target->transport, lookup);
    }
}

static int on_unload(void) {
    life++;
    return 0;
}

/* ---- the asker's side */

void name_found(name_lookup *lookup, const char *address, int port) {
    name_lookup waits = *lookup;
    lookup->answer = NULL;
    if (waits.answer == NULL || waits.life != life)
        return;
    if (address == NULL || !is_number(address)) {
        waits.answer(NOT_RESOLVED, waits.token, NULL);
        return;
    }
    waits.target.host = pj_text_of(address);
    waits.target.port = port;
    give_number(&waits);
}

void name_free(name_lookup *lookup) { free(lookup); }

/* ---- the library */

static const char *try_target(void) {
    static const char sample[] = "sip:trial.invalid:5099;transport=tcp", host[] = "trial.invalid";
    char text[sizeof sample];
    const char *why = "the names that it looks up are laid out in another way";
    pj_target target[2] = {{0}}; /* one would do, were it laid out as here */
    void *pool = of.pool_create("trial", POOL_OCTETS, POOL_OCTETS);
    if (pool == NULL)
        return why;
    memcpy(text, sample, sizeof sample);
    void *uri = of.parse_uri(pool, text, sizeof sample - 1, 0);
    if (uri != NULL && of.target(uri, NULL, pool, target) == 0 && target[0].transport == LOOKUP_TCP &&
        target[0].port == 5099 && target[0].host.octets == sizeof host - 1 &&
        memcmp(target[0].host.text, host, sizeof host - 1) == 0)
        why = NULL;
    of.pool_release(pool);
    return why;
}

const char *names_look_up(const char *path, name_asker *asker) {
    static pj_module ends; /* an earlier PJSUA of this process has let it go */
    void *library = pj_library(path);
    if (library == NULL)
        return "it is not loaded";
    FIND(library, of, pool_create, "pjsua_pool_create");
    FIND(library, of, pool_release, "pj_pool_release");
    FIND(library, of, endpoint, "pjsua_get_pjsip_endpt");
    FIND(library, of, parse_uri, "pjsip_parse_uri");
    FIND(library, of, target, "pjsip_get_dest_info");
    FIND(library, of, resolve, "pjsip_endpt_resolve");
    FIND(library, of, set_resolver, "pjsip_endpt_set_ext_resolver");
    const char *why = try_target();
    if (why != NULL)
        return why;
    ask = asker;
    ends = (pj_module){.priority = ANY_PRIORITY, .unload = on_unload};
    why = pj_module_register(library, "offhook-names", &ends);
    if (why == NULL && of.set_resolver(of.endpoint(), &ours) != 0)
        why = "it takes no other resolver";
    return why;
}

/* See message_look.h. Nothing here knows Python. */

#include "message_look.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "pj_message.h"
#include "pj_module.h"
#include "sip_status.h"
#include "socket_room.h"

#define POOL_OCTETS 4096
#define TRIAL_OCTETS (1 << 18) /* more than what PJSIP receives into */

/* ---- PJSIP's layouts */

/* In what was received: what comes before `pj_read`. */
typedef struct {
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } from; /* 28 octets */
    int from_octets;
    char host[46];
    int port;
} pj_sender;

typedef struct {
    const char *text;
    int octets;
    pj_message *message;
} pj_read;

#define SENDER_OCTETS ((sizeof(pj_sender) + 7) / 8 * 8) /* as what is before a pointer is filled up */

static struct {
    void *(*pool_create)(const char *name, size_t octets, size_t more);
    void (*pool_release)(void *pool);
    void *(*endpoint)(void);
    pj_message *(*parse)(char *text, size_t octets, void *received);
    char *(*summary)(void *received);
    pj_header *(*find)(const pj_message *, const pj_text *name, const void *after);
    void (*erase)(void *node);
    int (*clone)(const void *received, unsigned flags, void **copy);
    int (*release)(void *copy);
    pj_header *(*header)(void *pool, const pj_text *name, const pj_text *value);
    int (*respond)(void *endpoint, void *received, int status, const pj_text *reason, const void *headers,
                   const void *body);
} of;

struct request_copy {
    void *received;
    unsigned life;
    request_copy *next; /* once another thread has freed it, of which PJSIP knows nothing */
};

static message_taker *take;
static unsigned life; /* which PJSUA of this process it is: a copy's memory goes with it */
static size_t read_at; /* of `pj_read`, in what was received */
static pthread_t pjsips;
static _Atomic(request_copy *) left;

/* ---- what was received */

static const pj_read *read_of(void *received) { return (const pj_read *)(const void *)((char *)received + read_at); }

static pj_message *message_of(void *received) { return read_of(received)->message; }

static bool is_whole(void *received) {
    const pj_read *read = read_of(received);
    const char *from = received, *text = read->text; /* into which it was received */
    return text > from && read->octets > 0 && text + read->octets <= from + read_at;
}

static void source_of(void *received, char *source) {
    pj_sender sender;
    char host[sizeof sender.host];
    source[0] = '\0';
    memcpy(&sender, (char *)received + read_at - SENDER_OCTETS, sizeof sender);
    bool six = sender.from.any.sa_family == AF_INET6;
    if (!six && sender.from.any.sa_family != AF_INET)
        return;
    const void *address = six ? (void *)&sender.from.six.sin6_addr : (void *)&sender.from.four.sin_addr;
    if (inet_ntop(sender.from.any.sa_family, address, host, sizeof host) == NULL ||
        strncmp(host, sender.host, sizeof host) != 0 || ntohs(sender.from.four.sin_port) != sender.port)
        return;
    snprintf(source, SOURCE_OCTETS_MAX, six ? "[%s]:%d" : "%s:%d", host, sender.port);
}

static void free_left(void) {
    for (request_copy *each = atomic_exchange(&left, NULL), *next; each != NULL; each = next) {
        next = each->next;
        message_free(each);
    }
}

static request_copy *copy_of(void *received) {
    free_left();
    request_copy *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return NULL;
    copy->life = life;
    if (of.clone(received, 0, &copy->received) == 0)
        return copy;
    free(copy);
    return NULL;
}

static message_verdict verdict_of(void *received, bool is_request) {
    char source[SOURCE_OCTETS_MAX];
    request_copy *copy = NULL;
    if (!is_whole(received) || (is_request && (copy = copy_of(received)) == NULL))
        return LOOK_PASS;
    source_of(received, source);
    return take(read_of(received)->text, (size_t)read_of(received)->octets, source, copy);
}

/* ---- the module's side */

static pj_header *replaces_of(void *received) {
    const pj_text name = pj_text_of("Replaces");
    return of.find(message_of(received), &name, NULL);
}

/* `methods` ends with NULL. */
static bool is_request_of(const char *summary, const char *const *methods) {
    if (!summary_begins(summary, REQUEST_SUMMARY))
        return false;
    summary += strlen(REQUEST_SUMMARY);
    while (*methods != NULL && !summary_begins(summary, *methods))
        methods++;
    return *methods != NULL;
}

static bool is_pjsips_own(void *received) {
    static const char *const begins_or_ends[] = {"ACK/", "BYE/", "CANCEL/", "PRACK/", "UPDATE/", "NOTIFY/", NULL};
    static const char *const invites[] = {"INVITE/", NULL};
    const char *summary = of.summary(received);
    if (!summary_begins(summary, REQUEST_SUMMARY) || is_request_of(summary, begins_or_ends))
        return true;
    return is_request_of(summary, invites) &&
           (pj_invite_is_copy(received) || (replaces_of(received) == NULL && sockets_have_room()));
}

/* PJSIP answers it by the transport of the first one; while that waits for its connection, an assertion fails a minute after
 * the answer. */
static bool is_astray(void *received) {
    static const char *const invites[] = {"INVITE/", NULL};
    return is_request_of(of.summary(received), invites) && pj_copy_is_astray(received);
}

static int on_request(void *received) {
    if (is_astray(received))
        return true;
    if (is_pjsips_own(received))
        return 0;
    message_verdict verdict = verdict_of(received, true);
    if (verdict == LOOK_CHANGE)
        for (pj_header *replaces; (replaces = replaces_of(received)) != NULL;)
            of.erase(replaces);
    return verdict == LOOK_TAKE;
}

static bool is_challenge(const char *summary) {
    return summary_begins(summary, "Response msg 401/") || summary_begins(summary, "Response msg 407/");
}

/* After these to a refresh PJSIP would end the call, or keep an offer that waits for its answer for ever; another refusal
 * leaves the session as it is (RFC 4028 section 7.4). And it would send a request again in a session that it has released. */
static bool is_fatal(void *received, const char *summary) {
    const pj_text min_se = pj_text_of("Min-SE");
    bool too_small = summary_begins(summary, "Response msg 422/");
    if ((too_small || is_challenge(summary)) && exchange_is_over(received, summary))
        return true;
    return summary_begins(summary, "Response msg 502/UPDATE/") ||
           (too_small && !exchange_is_unanswered(received, summary) &&
            of.find(message_of(received), &min_se, NULL) == NULL);
}

static int on_response(void *received) {
    const char *summary = of.summary(received);
    if (is_fatal(received, summary))
        message_of(received)->line.response.status = SIP_SERVER_ERROR;
    else if (is_challenge(summary) &&
             (exchange_is_misnamed(received, summary) || verdict_of(received, false) == LOOK_CHANGE))
        message_of(received)->line.response.status = SIP_FORBIDDEN;
    return 0;
}

/* What no transaction wants. A second INVITE of a call that is over PJSIP would leave without an answer, for ever. */
static int on_call_request(void *received) {
    static const char *const invites[] = {"INVITE/", NULL}, *const others[] = {"CANCEL/", "REGISTER/", NULL};
    const char *summary = of.summary(received);
    const pj_message_info *info = pj_message_info_of(received, summary);
    if (info == NULL || !pj_message_has_tag(info) || is_request_of(summary, others))
        return false;
    if (exchange_is_in_call(received, summary) &&
        !(is_request_of(summary, invites) && exchange_of(received, summary) == EXCHANGE_OVER))
        return false;
    if (!summary_begins(summary, ACK_SUMMARY))
        of.respond(of.endpoint(), received, SIP_NO_SUCH_CALL, NULL, NULL, NULL);
    return true;
}

/* What neither a transaction nor a dialog wants. An ACK without a tag PJSUA would take for a second copy of its INVITE, and
 * answer it, which an assertion of PJSIP forbids. The others it would leave without an answer (RFC 3261 §12.2.2, §15.1.2). */
static int on_stray(void *received) {
    static const char *const in_calls[] = {"BYE/", "PRACK/", "UPDATE/", "NOTIFY/", NULL};
    const char *summary = of.summary(received);
    if (summary_begins(summary, ACK_SUMMARY))
        return true;
    if (!is_request_of(summary, in_calls))
        return false;
    of.respond(of.endpoint(), received, SIP_NO_SUCH_CALL, NULL, NULL, NULL);
    return true;
}

static int on_unload(void) {
    life++;
    return 0;
}

/* ---- the taker's side */

bool message_respond(const request_copy *copy, int status, const char *reason, const header_field *fields, size_t count) {
    pj_header headers = {.previous = &headers, .next = &headers};
    void *pool = copy->life == life ? of.pool_create("offhook", POOL_OCTETS, POOL_OCTETS) : NULL;
    if (pool == NULL)
        return false;
    for (size_t each = 0; each < count; each++) {
        const pj_text name = pj_text_of(fields[each].name), value = pj_text_of(fields[each].value);
        pj_header *header = of.header(pool, &name, &value);
        header->previous = headers.previous;
        header->next = &headers;
        headers.previous->next = header;
        headers.previous = header;
    }
    const pj_text phrase = pj_text_of(reason == NULL ? "" : reason);
    int failed = of.respond(of.endpoint(), copy->received, status, reason == NULL ? NULL : &phrase, &headers, NULL);
    of.pool_release(pool);
    return failed == 0;
}

void message_free(request_copy *copy) {
    if (!pthread_equal(pthread_self(), pjsips)) {
        for (copy->next = atomic_load(&left); !atomic_compare_exchange_weak(&left, &copy->next, copy);)
            ;
        return;
    }
    if (copy->life == life)
        of.release(copy->received);
    free(copy);
}

/* ---- the library */

static const char *try_message(void) {
    static const char sample[] = "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                                 "From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>;tag=2\r\n"
                                 "Call-ID: 1\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n";
    const char *why = "what it receives is laid out in another way";
    char text[sizeof sample];
    memcpy(text, sample, sizeof sample);
    void **received = calloc(1, TRIAL_OCTETS), *pool = of.pool_create("trial", POOL_OCTETS, POOL_OCTETS);
    if (received != NULL && pool != NULL) {
        received[0] = pool;
        const pj_message *message = of.parse(text, sizeof sample - 1, received);
        size_t at = 1;
        while (message != NULL && at < TRIAL_OCTETS / sizeof(void *) && received[at] != message)
            at++;
        read_at = at * sizeof(void *) - offsetof(pj_read, message);
        if (message != NULL && at < TRIAL_OCTETS / sizeof(void *) && read_at > SENDER_OCTETS &&
            message->type == PJ_RESPONSE && message->line.response.status == 401)
            why = NULL;
    }
    if (pool != NULL)
        of.pool_release(pool);
    free(received);
    return why;
}

const char *messages_look(const char *path, message_taker *taker) {
    static pj_module looks, calls, strays; /* an earlier PJSUA of this process has let them go */
    void *library = pj_library(path);
    if (library == NULL)
        return "it is not loaded";
    FIND(library, of, pool_create, "pjsua_pool_create");
    FIND(library, of, pool_release, "pj_pool_release");
    FIND(library, of, endpoint, "pjsua_get_pjsip_endpt");
    FIND(library, of, parse, "pjsip_parse_rdata");
    FIND(library, of, summary, "pjsip_rx_data_get_info");
    FIND(library, of, find, "pjsip_msg_find_hdr_by_name");
    FIND(library, of, erase, "pj_list_erase");
    FIND(library, of, clone, "pjsip_rx_data_clone");
    FIND(library, of, release, "pjsip_rx_data_free_cloned");
    FIND(library, of, header, "pjsip_generic_string_hdr_create");
    FIND(library, of, respond, "pjsip_endpt_respond_stateless");
    take = taker;
    const char *why = exchange_open(library);
    if (why == NULL)
        why = try_message();
    if (why != NULL)
        return why;
    pjsips = pthread_self();
    looks = (pj_module){.priority = ORDER_MESSAGES, .unload = on_unload, .on_request = on_request, .on_response = on_response};
    calls = (pj_module){.priority = ORDER_CALLS, .on_request = on_call_request};
    strays = (pj_module){.priority = ORDER_STRAYS, .on_request = on_stray};
    why = pj_module_register(library, "offhook-messages", &looks);
    if (why == NULL)
        why = pj_module_register(library, "offhook-calls", &calls);
    return why != NULL ? why : pj_module_register(library, "offhook-strays", &strays);
}

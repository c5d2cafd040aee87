/* See header_check.h. Nothing here knows Python. */

#include "header_check.h"

#include <stddef.h>
#include <strings.h>

#include "exchange.h"
#include "pj_message.h"
#include "pj_module.h"
#include "via.h"

#define POOL_OCTETS 4096
#define URI_WORDS_MAX 16
#define SERVICE_ROUTES_MAX 8 /* PJSUA_ACC_MAX_PROXIES */
#define SERVICE_ROUTE_OCTETS_MAX 2048
#define FLOW_S_MIN 2
#define FLOW_DIGITS_MAX 9

/* ---- PJSIP's layouts */

typedef struct {
    const struct {
        const pj_text *(*scheme)(const void *uri);
        const void *(*plain)(const void *uri); /* without its name */
    } *functions;
} pj_uri;

typedef struct {
    pj_header base;
    int star;
    const pj_uri *uri;
} pj_contact;

typedef struct {
    pj_header base;
    pj_uri uri; /* with a name, which asks the one within for its scheme */
} pj_route;

typedef struct {
    pj_header base;
    pj_text value;
} pj_plain;

typedef struct {
    pj_header base;
    int seconds;
} pj_interval;

static struct {
    void *(*endpoint)(void);
    void *(*pool_create)(const char *name, size_t octets, size_t more);
    void (*pool_release)(void *pool);
    char *(*summary)(void *received);
    pj_header *(*find)(const void *message, const pj_text *name, const void *from);
    pj_header *(*parse)(void *pool, const pj_text *name, char *text, size_t octets, int *read);
    void (*erase)(void *node);
    void *(*dialog)(const pj_text *call_id, const pj_text *local_tag, const pj_text *remote_tag, int lock);
    int (*respond)(void *endpoint, void *received, int status, const pj_text *reason, const void *headers,
                   const void *body);
} of;

static header_verdict *judge;
static size_t host_at; /* in a SIP URI, in words */

/* ---- what fields have to be */

static bool is_sip(const pj_uri *uri) {
    const pj_text *scheme = uri == NULL ? NULL : uri->functions->scheme(uri);
    return scheme != NULL && scheme->octets >= 3 && strncasecmp(scheme->text, "sips", (size_t)scheme->octets) == 0;
}

/* PJSIP makes nothing of `[]`. */
static bool has_host(const pj_uri *uri) {
    const void *const *words = (const void *const *)uri->functions->plain(uri);
    return ((const pj_text *)(const void *)(words + host_at))->octets > 0;
}

static bool leads(const pj_uri *uri) { return is_sip(uri) && has_host(uri); }

static bool contact_leads(const pj_message *message, const pj_header *header) {
    (void)message;
    return leads(((const pj_contact *)(const void *)header)->uri);
}

static bool route_leads(const pj_message *message, const pj_header *header) {
    (void)message;
    return leads(&((const pj_route *)(const void *)header)->uri);
}

static bool party_leads(const pj_message *message, const pj_header *header) {
    (void)message;
    const pj_uri *uri = ((const pj_party *)(const void *)header)->uri;
    return !is_sip(uri) || has_host(uri);
}

static bool way_leads(const pj_message *message, const pj_header *header) {
    (void)message;
    return via_leads(header);
}

static bool same(const pj_text *one, const pj_text *other) {
    return one->octets == other->octets && memcmp(one->text, other->text, (size_t)one->octets) == 0;
}

/* A response to an ACK would be taken for one to its INVITE; one to another method has no transaction. */
static bool cseq_fits(const pj_message *message, const pj_header *header) {
    const pj_text ack = pj_text_of("ACK"), *method = &((const pj_cseq *)(const void *)header)->method.name;
    return message->type == PJ_REQUEST ? same(method, &message->line.request.method.name) : !same(method, &ack);
}

static bool is_alone(const pj_message *message, const pj_header *header) {
    const pj_header *other = of.find(message, &header->name, NULL);
    return other == header && of.find(message, &header->name, header->next) == NULL;
}

/* Whether all of a Service-Route do, and are no more than PJSIP has room for, from all fields together: it does not look. */
static bool service_leads(const pj_message *message, const pj_header *header) {
    char text[SERVICE_ROUTE_OCTETS_MAX];
    const pj_text service = pj_text_of("Service-Route"), route = pj_text_of("Route");
    void *pool = of.pool_create("routes", POOL_OCTETS, POOL_OCTETS);
    const pj_header *field = pool == NULL ? NULL : of.find(message, &service, NULL);
    size_t count = field == NULL ? SERVICE_ROUTES_MAX + 1 : 0;
    for (; field != NULL && count <= SERVICE_ROUTES_MAX; field = of.find(message, &service, field->next)) {
        const pj_text *value = &((const pj_plain *)(const void *)field)->value;
        size_t octets = value->octets < 0 ? 0 : (size_t)value->octets;
        const pj_header *first = NULL;
        int read;
        if (octets < sizeof text) {
            memcpy(text, value->text, octets);
            text[octets] = '\0';
            first = of.parse(pool, &route, text, octets, &read);
        }
        bool lead = first != NULL;
        for (const pj_header *each = first; each != NULL; each = each->next == first ? NULL : each->next, count++)
            lead = lead && route_leads(message, each);
        if (field == header && !lead)
            count = SERVICE_ROUTES_MAX + 1;
    }
    if (pool != NULL)
        of.pool_release(pool);
    return count <= SERVICE_ROUTES_MAX;
}

/* To PJSIP the longest that may be written is none, and it goes on without any. */
static bool ends(const pj_message *message, const pj_header *header) {
    (void)message;
    return ((const pj_interval *)(const void *)header)->seconds >= 0;
}

/* PJSIP waits for four fifths of it, in whole seconds, between its keep-alives. */
static bool pauses(const pj_message *message, const pj_header *header) {
    (void)message;
    const pj_text *value = &((const pj_plain *)(const void *)header)->value;
    unsigned seconds = 0;
    long digits = 0;
    for (; digits < value->octets && value->text[digits] >= '0' && value->text[digits] <= '9'; digits++)
        seconds = seconds * 10 + (unsigned)(value->text[digits] - '0');
    return digits <= FLOW_DIGITS_MAX && seconds >= FLOW_S_MIN;
}

enum {
    FROM, TO, FROM_ALONE, TO_ALONE, CALL_ID_ALONE, CSEQ_ALONE, CSEQ, VIA, ROUTE, CONTACT, SERVICE, EXPIRES, MIN_EXPIRES, FLOW
};

static const struct {
    const char *name, *reason;
    bool (*fits)(const pj_message *, const pj_header *);
    bool is_printed; /* in each answer: without one PJSIP could not answer */
} fields[] = {
    [FROM] = {"From", "From Has No Host", party_leads, true},
    [TO] = {"To", "To Has No Host", party_leads, true},
    [FROM_ALONE] = {"From", "From Is There Twice", is_alone, false},
    [TO_ALONE] = {"To", "To Is There Twice", is_alone, false},
    [CALL_ID_ALONE] = {"Call-ID", "Call-ID Is There Twice", is_alone, false},
    [CSEQ_ALONE] = {"CSeq", "CSeq Is There Twice", is_alone, false},
    [CSEQ] = {"CSeq", "CSeq Names Another Method", cseq_fits, false},
    [VIA] = {"Via", "Via Has No Host", way_leads, false},
    [ROUTE] = {"Record-Route", "Record-Route Is No SIP URI", route_leads, false},
    [CONTACT] = {"Contact", "Contact Is No SIP URI", contact_leads, false},
    [SERVICE] = {"Service-Route", "Service-Route Is No SIP URI", service_leads, false},
    [EXPIRES] = {"Expires", "Expires Is Too Long", ends, false},
    [MIN_EXPIRES] = {"Min-Expires", "Min-Expires Is Too Long", ends, false},
    [FLOW] = {"Flow-Timer", "Flow-Timer Has No Time", pauses, false},
};
#define FIELDS (sizeof fields / sizeof fields[0])

/* The verdict on one that does not fit, asked for once in a message; such fields are erased if it is that. */
static int verdict_on(const pj_message_info *info, size_t field) {
    const pj_text name = pj_text_of(fields[field].name);
    int verdict = 0;
    pj_header *next, *header = of.find(info->message, &name, NULL);
    for (; header != NULL; header = of.find(info->message, &name, next)) {
        next = header->next;
        if (fields[field].fits(info->message, header))
            continue;
        if (verdict == 0)
            verdict = judge(info->summary, name.text, pj_message_has_tag(info));
        if (verdict != HEADER_ERASED)
            return verdict;
        of.erase(header);
    }
    return 0;
}

/* ---- answers without a tag */

/* Whether one comes to an INVITE that has its answer, from somebody else. */
static bool has_no_dialog(void *received, const pj_message_info *info) {
    const pj_text none = {(char *)info->summary, 0};
    return summary_is_to_invite(info->summary) && summary_status(info->summary) / 100 == 2 && !pj_message_has_tag(info) &&
           !exchange_is_unanswered(received, info->summary) &&
           of.dialog(&info->call_id->id, &info->from->tag, &none, 0) == NULL;
}

/* ---- the module's side */

/* Without its routes, which PJSIP would print in the answer: they are for answers that begin a dialog (RFC 3261 §12.1.1). */
static void refuse(void *received, const pj_message_info *info, int status, const char *why) {
    const pj_text reason = pj_text_of(why), route = pj_text_of(fields[ROUTE].name);
    for (pj_header *header; (header = of.find(info->message, &route, NULL)) != NULL;)
        of.erase(header);
    of.respond(of.endpoint(), received, status, &reason, NULL, NULL);
}

static int on_request(void *received) {
    const pj_message_info *info = pj_message_info_of(received, of.summary(received));
    if (info == NULL)
        return false;
    via_forget_maddr(received, info);
    for (size_t each = 0; each < FIELDS; each++) {
        int status = verdict_on(info, each);
        if (status == 0)
            continue;
        if (!fields[each].is_printed && !summary_begins(info->summary, ACK_SUMMARY))
            refuse(received, info, status, fields[each].reason);
        return true;
    }
    return false;
}

static int on_response(void *received) {
    const pj_message_info *info = pj_message_info_of(received, of.summary(received));
    if (info == NULL)
        return false;
    for (size_t each = 0; each < FIELDS; each++)
        if (verdict_on(info, each) != 0)
            return true;
    via_forget_received(info);
    return has_no_dialog(received, info) && judge(info->summary, "To", false) != 0;
}

/* ---- the library */

static char sample[64]; /* to which what is parsed points */

static const pj_header *parsed(void *pool, const char *name, const char *value) {
    const pj_text of_name = pj_text_of(name);
    int read;
    strcpy(sample, value);
    return of.parse(pool, &of_name, sample, strlen(sample), &read);
}

static bool find_host(void *pool) {
    const pj_party *party = (const void *)parsed(pool, "From", "<sip:a:b@192.0.2.1:5>");
    if (party == NULL)
        return false;
    const pj_uri *uri = party->uri;
    const void *const *words = uri->functions->plain(uri), *host = strchr(sample, '@') + 1;
    for (host_at = 0; host_at < URI_WORDS_MAX && words[host_at] != host;)
        host_at++;
    return host_at < URI_WORDS_MAX && ((const pj_text *)(const void *)(words + host_at))->octets == 9;
}

static bool fits(void *pool, size_t field, const char *value) {
    static const pj_message bye = {.line.request.method.name = {(char *)"BYE", 3}};
    const pj_header *header = parsed(pool, fields[field].name, value);
    return header != NULL && fields[field].fits(&bye, header);
}

static const char *try_fields(void) {
    static const struct {
        int field;
        bool fits;
        const char *value;
    } trials[] = {
        {FROM, true, "<sip:192.0.2.1>"},      {FROM, true, "\"A\" <SIPS:a@b>;tag=1"},
        {FROM, true, "<tel:+1>"},             {FROM, false, "<sip:[]>"},
        {TO, true, "sip:[::1]"},              {TO, false, "sip:a@[]:1"},
        {CSEQ, true, "1 BYE"},                {CSEQ, false, "1 BY"},
        {VIA, true, "SIP/2.0/UDP a:1;rport"}, {VIA, false, "SIP/2.0/UDP []:1"},
        {EXPIRES, true, "2147483647"},        {EXPIRES, false, "2147483648"},
        {MIN_EXPIRES, true, "0"},             {MIN_EXPIRES, false, "4294967295"},
        {FLOW, true, "2"},                    {FLOW, false, "1"},
        {FLOW, true, "120"},                  {FLOW, false, "4294967297"},
    };
    void *pool = of.pool_create("trial", POOL_OCTETS, POOL_OCTETS);
    if (pool == NULL)
        return "it has no memory";
    bool all = find_host(pool);
    for (size_t each = 0; all && each < sizeof trials / sizeof trials[0]; each++)
        all = fits(pool, trials[each].field, trials[each].value) == trials[each].fits;
    for (size_t each = ROUTE; all && each <= CONTACT; each++)
        all = fits(pool, each, "<sip:192.0.2.1>") && fits(pool, each, "\"A\" <SIPS:a@192.0.2.1;lr>;q=1") &&
              !fits(pool, each, "<tel:+1>") && !fits(pool, each, "<mailto:a@b>") && !fits(pool, each, "<s:a>") &&
              !fits(pool, each, "<sip:a@[]>");
    all = all && !fits(pool, CONTACT, "*");
    of.pool_release(pool);
    return all ? NULL : "its header fields are laid out in another way";
}

const char *headers_check(const char *path, header_verdict *verdict) {
    static pj_module module; /* an earlier PJSUA of this process has let it go */
    void *library = pj_library(path);
    if (library == NULL)
        return "it is not loaded";
    FIND(library, of, endpoint, "pjsua_get_pjsip_endpt");
    FIND(library, of, pool_create, "pjsua_pool_create");
    FIND(library, of, pool_release, "pj_pool_release");
    FIND(library, of, summary, "pjsip_rx_data_get_info");
    FIND(library, of, find, "pjsip_msg_find_hdr_by_name");
    FIND(library, of, parse, "pjsip_parse_hdr");
    FIND(library, of, erase, "pj_list_erase");
    FIND(library, of, dialog, "pjsip_ua_find_dialog");
    FIND(library, of, respond, "pjsip_endpt_respond_stateless");
    const char *why = exchange_open(library);
    if (why == NULL)
        why = via_open(library);
    if (why == NULL)
        why = try_fields();
    if (why != NULL)
        return why;
    judge = verdict;
    module = (pj_module){.priority = ORDER_HEADERS, .on_request = on_request, .on_response = on_response};
    return pj_module_register(library, "offhook-headers", &module);
}

/* See header_check.h. Nothing here knows Python. */

#include "header_check.h"

#include <stddef.h>
#include <strings.h>

#include "exchange.h"
#include "pj_message.h"
#include "pj_module.h"

#define BEFORE_ALL 13 /* message_look's is 14 */
#define POOL_OCTETS 4096

/* ---- PJSIP's layouts */

typedef struct {
    const struct {
        const pj_text *(*scheme)(const void *uri);
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

/* ---- fields with a URI */

static bool is_sip(const pj_uri *uri) {
    const pj_text *scheme = uri == NULL ? NULL : uri->functions->scheme(uri);
    return scheme != NULL && scheme->octets >= 3 && strncasecmp(scheme->text, "sips", (size_t)scheme->octets) == 0;
}

static bool contact_leads(const pj_header *header) { return is_sip(((const pj_contact *)(const void *)header)->uri); }

static bool route_leads(const pj_header *header) { return is_sip(&((const pj_route *)(const void *)header)->uri); }

static const struct {
    const char *name, *reason;
    bool (*leads)(const pj_header *);
} fields[] = {
    {"Record-Route", "Record-Route Is No SIP URI", route_leads},
    {"Contact", "Contact Is No SIP URI", contact_leads},
};
#define FIELDS (sizeof fields / sizeof fields[0])

/* The verdict on one that leads nowhere, asked for once in a message; such fields are erased if it is that. */
static int verdict_on(const pj_message_info *info, size_t field) {
    const pj_text name = pj_text_of(fields[field].name);
    int verdict = 0;
    pj_header *next, *header = of.find(info->message, &name, NULL);
    for (; header != NULL; header = of.find(info->message, &name, next)) {
        next = header->next;
        if (fields[field].leads(header))
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

static int on_request(void *received) {
    const pj_message_info *info = pj_message_info_of(received, of.summary(received));
    for (size_t each = 0; info != NULL && each < FIELDS; each++) {
        int status = verdict_on(info, each);
        if (status == 0)
            continue;
        const pj_text reason = pj_text_of(fields[each].reason);
        if (!summary_begins(info->summary, ACK_SUMMARY))
            of.respond(of.endpoint(), received, status, &reason, NULL, NULL);
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
    return has_no_dialog(received, info) && judge(info->summary, "To", false) != 0;
}

/* ---- the library */

static bool leads(void *pool, size_t field, const char *value) {
    char text[64];
    const pj_text name = pj_text_of(fields[field].name);
    int read;
    strcpy(text, value);
    const pj_header *header = of.parse(pool, &name, text, strlen(text), &read);
    return header != NULL && fields[field].leads(header);
}

static const char *try_fields(void) {
    void *pool = of.pool_create("trial", POOL_OCTETS, POOL_OCTETS);
    if (pool == NULL)
        return "it has no memory";
    bool fits = !leads(pool, 1, "*");
    for (size_t each = 0; each < FIELDS; each++)
        fits = fits && leads(pool, each, "<sip:192.0.2.1>") && leads(pool, each, "\"A\" <SIPS:a@192.0.2.1;lr>;q=1") &&
               !leads(pool, each, "<tel:+1>") && !leads(pool, each, "<mailto:a@b>") && !leads(pool, each, "<s:a>");
    of.pool_release(pool);
    return fits ? NULL : "its header fields are laid out in another way";
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
        why = try_fields();
    if (why != NULL)
        return why;
    judge = verdict;
    module = (pj_module){.priority = BEFORE_ALL, .on_request = on_request, .on_response = on_response};
    return pj_module_register(library, "offhook-headers", &module);
}

/* See description_check.h. Nothing here knows Python. */

#include "description_check.h"

#include <stdbool.h>
#include <string.h>

#include "exchange.h"
#include "pj_message.h"
#include "pj_module.h"

/* ---- PJSIP's layouts */

typedef struct {
    pj_text body;
    int error;
    const void *session;
} pj_description; /* kept by PJSIP with the message, for all who ask */

static struct {
    void *(*endpoint)(void);
    pj_description *(*description_of)(void *received);
    int (*validate)(const void *session);
    int (*print)(const void *session, char *text, size_t octets);
    char *(*summary)(void *received);
    int (*respond)(void *endpoint, void *received, int status, const pj_text *reason, const void *headers,
                   const void *body);
} of;

static description_verdict *judge;

static bool has_description(void *received) {
    const pj_description *found = of.description_of(received);
    return found != NULL && found->session != NULL;
}

/* No description has one (RFC 8866 §9), and PJSIP prints an address only up to it. */
static bool has_nul(const pj_description *found) {
    return found->body.octets > 0 && memchr(found->body.text, '\0', (size_t)found->body.octets) != NULL;
}

static int verdict_on(void *received, bool is_request) {
    static char text[DESCRIPTION_OCTETS_MAX]; /* one thread polls PJSIP */
    const pj_description *found = of.description_of(received);
    const char *summary = of.summary(received);
    if (!has_description(received)) {
        bool is_there = found != NULL && found->body.octets > 0; /* PJSIP refuses what it cannot read */
        bool is_left = !is_there && summary_begins(summary, ACK_SUMMARY) && exchange_of(received, summary) == EXCHANGE_OFFERED;
        return is_left ? judge(summary, "", 0, (int)EXCHANGE_LEFT) : 0;
    }
    int stands = is_request ? (int)exchange_of(received, summary) : (int)EXCHANGE_UNKNOWN;
    if (has_nul(found) || of.validate(found->session) != 0)
        return judge(summary, "", 0, stands);
    int octets = of.print(found->session, text, sizeof text);
    bool fits = octets >= 0;
    return judge(summary, fits ? text : NULL, fits ? (size_t)octets : 0, stands);
}

static bool drop_body(void *received) {
    const pj_message_info *info = pj_message_info_of(received, of.summary(received));
    return info != NULL && pj_message_drop_body(info);
}

/* Whether it is forgotten. Its body goes with it: a body of an unknown kind ends a call. */
static bool forget_description(void *received) {
    pj_description *found = of.description_of(received);
    memset(&found->body, 0, sizeof found->body);
    found->session = NULL;
    return drop_body(received);
}

/* Any body of a PRACK that answers no offer is one to PJSIP, even if it is no description. */
static bool is_no_offer(void *received) {
    const char *summary = of.summary(received);
    return summary_begins(summary, REQUEST_SUMMARY "PRACK/") && !has_description(received) &&
           exchange_of(received, summary) != EXCHANGE_OFFERED;
}

static int on_request(void *received) {
    if (is_no_offer(received))
        return !drop_body(received);
    int status = verdict_on(received, true);
    if (status == DESCRIPTION_IGNORED)
        return !forget_description(received);
    if (status != 0 && !summary_begins(of.summary(received), ACK_SUMMARY))
        of.respond(of.endpoint(), received, status, NULL, NULL, NULL);
    return status != 0;
}

/* PJSIP has no media for a call that it has given up, and would begin with it all the same. */
static int on_response(void *received) {
    bool given_up = has_description(received) && exchange_is_given_up(received, of.summary(received));
    int status = given_up ? DESCRIPTION_IGNORED : verdict_on(received, false);
    return status == DESCRIPTION_IGNORED ? !forget_description(received) : status != 0;
}

const char *descriptions_check(const char *path, description_verdict *verdict) {
    static pj_module module; /* an earlier PJSUA of this process has let it go */
    void *library = pj_library(path);
    if (library == NULL)
        return "it is not loaded";
    FIND(library, of, endpoint, "pjsua_get_pjsip_endpt");
    FIND(library, of, description_of, "pjsip_rdata_get_sdp_info");
    FIND(library, of, validate, "pjmedia_sdp_validate");
    FIND(library, of, print, "pjmedia_sdp_print");
    FIND(library, of, summary, "pjsip_rx_data_get_info");
    FIND(library, of, respond, "pjsip_endpt_respond_stateless");
    const char *why = exchange_open(library);
    if (why != NULL)
        return why;
    judge = verdict;
    module = (pj_module){.priority = ORDER_DESCRIPTIONS, .on_request = on_request, .on_response = on_response};
    return pj_module_register(library, "offhook-descriptions", &module);
}

/* See exchange.h. Nothing here knows Python. */

#include "exchange.h"

#include <stddef.h>

#include "pj_message.h"

#define SESSION_WORDS_MAX 32

/* ---- PJSIP's layouts, those of 2.10 to 2.17 */

typedef struct {
    char name[32];
    void *pools[3];
    int state, ending; /* `ending` once our CANCEL, BYE or refusal was made */
} pj_session;

/* After the session's dialog come two numbers, and its negotiator. */
enum { NEGOTIATOR_AFTER_DIALOG = 2 };

enum { SESSION_CONNECTING = 4, SESSION_CONFIRMED, SESSION_DISCONNECTED };
enum { NEGOTIATOR_OFFERED = 1, NEGOTIATOR_ASKED, NEGOTIATOR_ANSWERING, NEGOTIATOR_DONE };

static struct {
    void *(*dialog)(const pj_text *call_id, const pj_text *local_tag, const pj_text *remote_tag, int lock);
    void *(*session)(void *dialog);
    int (*state)(void *negotiator);
    void *(*dialog_of)(void *transaction);
} of;

const char *exchange_open(void *library) {
    FIND(library, of, dialog, "pjsip_ua_find_dialog");
    FIND(library, of, session, "pjsip_dlg_get_inv_session");
    FIND(library, of, state, "pjmedia_sdp_neg_get_state");
    FIND(library, of, dialog_of, "pjsip_tsx_get_dlg");
    return pj_message_open(library);
}

/* The index of a pointer among the words of something, or `most`. */
static size_t index_of(const void *pointer, void *const *words, size_t most) {
    size_t at = 0;
    while (at < most && words[at] != pointer)
        at++;
    return at;
}

static void *dialog_of(void *received, const char *summary) {
    const pj_message_info *info = pj_message_info_of(received, summary);
    return info == NULL || !pj_message_has_tag(info)
               ? NULL
               : of.dialog(&info->call_id->id, &info->to->tag, &info->from->tag, 0);
}

exchange exchange_of(void *received, const char *summary) {
    void *dialog = dialog_of(received, summary);
    const pj_session *session = dialog == NULL ? NULL : of.session(dialog);
    if (session == NULL)
        return EXCHANGE_UNKNOWN;
    void *const *words = (void *const *)(const void *)session;
    size_t at = index_of(dialog, words, SESSION_WORDS_MAX);
    if (at == SESSION_WORDS_MAX)
        return EXCHANGE_UNKNOWN;
    if (session->state == SESSION_DISCONNECTED || (session->state == SESSION_CONFIRMED && session->ending))
        return EXCHANGE_OVER;
    void *negotiator = words[at + NEGOTIATOR_AFTER_DIALOG];
    if (negotiator == NULL)
        return EXCHANGE_BUSY;
    int state = of.state(negotiator);
    if (state == NEGOTIATOR_OFFERED)
        return EXCHANGE_OFFERED;
    if ((state == NEGOTIATOR_ASKED || state == NEGOTIATOR_ANSWERING) && session->state < SESSION_CONNECTING)
        return EXCHANGE_ASKED;
    return state == NEGOTIATOR_DONE && session->state == SESSION_CONFIRMED ? EXCHANGE_IDLE : EXCHANGE_BUSY;
}

/* The session of our INVITE that a response is for, while nobody has answered it; or NULL. */
static const pj_session *unanswered(void *received, const char *summary) {
    void *invite = summary_is_to_invite(summary) ? pj_invite_of(received) : NULL;
    void *dialog = invite == NULL ? NULL : of.dialog_of(invite);
    const pj_session *session = dialog == NULL ? NULL : of.session(dialog);
    return session != NULL && session->state < SESSION_CONNECTING ? session : NULL;
}

bool exchange_is_unanswered(void *received, const char *summary) { return unanswered(received, summary) != NULL; }

bool exchange_is_given_up(void *received, const char *summary) {
    const pj_session *session = unanswered(received, summary);
    return session != NULL && session->ending;
}

/* See exchange.h. Nothing here knows Python. */

#include "exchange.h"

#include <stddef.h>

#include "pj_message.h"

#define SESSION_WORDS_MAX 32

/* ---- PJSIP's layouts, those of 2.10 to 2.17 */

typedef struct {
    char name[32];
    void *pool, *next_pool, *pool_now; /* the next offer and answer are made in `next_pool` */
    int state, ending; /* `ending` once our CANCEL, BYE or refusal was made */
} pj_session;

/* After the session's dialog come two numbers, and its negotiator. */
enum { NEGOTIATOR_AFTER_DIALOG = 2 };

enum { SESSION_CALLING = 1, SESSION_CONNECTING = 4, SESSION_CONFIRMED, SESSION_DISCONNECTED };
enum { NEGOTIATOR_OFFERED = 1, NEGOTIATOR_ASKED, NEGOTIATOR_ANSWERING, NEGOTIATOR_DONE };

static struct {
    void *(*dialog)(const pj_text *call_id, const pj_text *local_tag, const pj_text *remote_tag, int lock);
    void *(*session)(void *dialog);
    void (*lock)(void *dialog), (*unlock)(void *dialog);
    int (*state)(void *negotiator);
    int (*repeat)(void *pool, void *negotiator, const void **description);
    int (*give_up)(void *negotiator);
    int (*reinvite)(void *session, const pj_text *contact, const void *description, void **request);
    int (*send)(void *session, void *request);
    void *(*dialog_of)(void *transaction);
} of;

const char *exchange_open(void *library) {
    FIND(library, of, dialog, "pjsip_ua_find_dialog");
    FIND(library, of, session, "pjsip_dlg_get_inv_session");
    FIND(library, of, lock, "pjsip_dlg_inc_lock");
    FIND(library, of, unlock, "pjsip_dlg_dec_lock");
    FIND(library, of, state, "pjmedia_sdp_neg_get_state");
    FIND(library, of, repeat, "pjmedia_sdp_neg_send_local_offer");
    FIND(library, of, give_up, "pjmedia_sdp_neg_cancel_offer");
    FIND(library, of, reinvite, "pjsip_inv_reinvite");
    FIND(library, of, send, "pjsip_inv_send_msg");
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

/* Where they stand in a dialog; NULL: in none. It fills in the session, and its negotiator once there is one. */
static exchange exchange_in(void *dialog, pj_session **session, void **negotiator) {
    *session = dialog == NULL ? NULL : of.session(dialog);
    if (*session == NULL)
        return EXCHANGE_UNKNOWN;
    void *const *words = (void *const *)(const void *)*session;
    size_t at = index_of(dialog, words, SESSION_WORDS_MAX);
    if (at == SESSION_WORDS_MAX)
        return EXCHANGE_UNKNOWN;
    int call = (*session)->state;
    if (call == SESSION_DISCONNECTED || (call == SESSION_CONFIRMED && (*session)->ending))
        return EXCHANGE_OVER;
    *negotiator = words[at + NEGOTIATOR_AFTER_DIALOG];
    if (*negotiator == NULL)
        return EXCHANGE_BUSY;
    int state = of.state(*negotiator);
    if (state == NEGOTIATOR_OFFERED)
        return EXCHANGE_OFFERED;
    if ((state == NEGOTIATOR_ASKED || state == NEGOTIATOR_ANSWERING) && call < SESSION_CONNECTING)
        return EXCHANGE_ASKED;
    return state == NEGOTIATOR_DONE && call == SESSION_CONFIRMED ? EXCHANGE_IDLE : EXCHANGE_BUSY;
}

static void *dialog_of_request(const pj_message_info *info) {
    return of.dialog(&info->call_id->id, &info->to->tag, &info->from->tag, 0);
}

exchange exchange_of(void *received, const char *summary) {
    const pj_message_info *info = pj_message_info_of(received, summary);
    if (info == NULL || !pj_message_has_tag(info))
        return EXCHANGE_UNKNOWN;
    pj_session *session;
    void *negotiator;
    return exchange_in(dialog_of_request(info), &session, &negotiator);
}

bool exchange_is_in_call(void *received, const char *summary) {
    const pj_message_info *info = pj_message_info_of(received, summary);
    void *dialog = info == NULL ? NULL : dialog_of_request(info);
    const pj_session *session = dialog == NULL ? NULL : of.session(dialog);
    return info == NULL || (session != NULL && session->state > SESSION_CALLING);
}

/* As PJSIP's own session timer does it. */
static bool refresh(pj_session *session, void *negotiator) {
    const void *description;
    void *request;
    if (of.repeat(session->next_pool, negotiator, &description) != 0)
        return false;
    if (of.reinvite(session, NULL, NULL, &request) == 0 && of.send(session, request) == 0)
        return true;
    if (of.state(negotiator) == NEGOTIATOR_OFFERED)
        of.give_up(negotiator);
    return false;
}

bool exchange_refresh(const char *call_id, const char *local_tag, const char *remote_tag) {
    const pj_text id = pj_text_of(call_id), ours = pj_text_of(local_tag), theirs = pj_text_of(remote_tag);
    void *dialog = of.dialog(&id, &ours, &theirs, 0), *negotiator;
    pj_session *session;
    if (exchange_in(dialog, &session, &negotiator) != EXCHANGE_IDLE)
        return false;
    of.lock(dialog); /* what fails may end the call */
    bool sent = refresh(session, negotiator);
    of.unlock(dialog);
    return sent;
}

/* The dialog of our request that a response is for, or NULL. */
static void *dialog_of_response(void *received, const pj_message_info *info) {
    void *request = info == NULL ? NULL : pj_transaction_of(received, info);
    return request == NULL ? NULL : of.dialog_of(request);
}

/* Its session, or NULL. It stays readable as long as its dialog has transactions. */
static const pj_session *session_of(void *received, const char *summary) {
    void *dialog = dialog_of_response(received, pj_message_info_of(received, summary));
    return dialog == NULL ? NULL : of.session(dialog);
}

/* That of our INVITE, while nobody has answered it; or NULL. */
static const pj_session *unanswered(void *received, const char *summary) {
    const pj_session *session = summary_is_to_invite(summary) ? session_of(received, summary) : NULL;
    return session != NULL && session->state < SESSION_CONNECTING ? session : NULL;
}

bool exchange_is_unanswered(void *received, const char *summary) { return unanswered(received, summary) != NULL; }

bool exchange_is_given_up(void *received, const char *summary) {
    const pj_session *session = unanswered(received, summary);
    return session != NULL && session->ending;
}

bool exchange_is_over(void *received, const char *summary) {
    const pj_session *session = session_of(received, summary);
    return session != NULL && session->state == SESSION_DISCONNECTED;
}

bool exchange_is_misnamed(void *received, const char *summary) {
    const pj_message_info *info = pj_message_info_of(received, summary);
    void *dialog = dialog_of_response(received, info);
    const pj_session *session = dialog == NULL ? NULL : of.session(dialog);
    return session != NULL && session->state >= SESSION_CONNECTING &&
           of.dialog(&info->call_id->id, &info->from->tag, &info->to->tag, 0) != dialog;
}

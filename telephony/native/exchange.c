/* See exchange.h. Nothing here knows Python. */

#include "exchange.h"

#include <stddef.h>

#include "pj_library.h"

#define RECEIVED_WORDS_MAX 16384 /* PJSIP's own come to about 700; builds for longer datagrams to more */
#define SESSION_WORDS_MAX 32

/* ---- PJSIP's layouts, those of 2.10 to 2.17 */

typedef struct {
    void *previous, *next;
    int type;
    pj_text name, short_name;
    void *functions;
} pj_header;

typedef struct {
    pj_header base;
    pj_text id;
} pj_call_id;

typedef struct {
    pj_header base;
    void *uri;
    pj_text tag;
} pj_party;

typedef struct {
    const char *summary;
    const pj_call_id *call_id;
    const pj_party *from, *to;
} pj_message_info;

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
} of;

const char *exchange_open(void *library) {
    FIND(library, of, dialog, "pjsip_ua_find_dialog");
    FIND(library, of, session, "pjsip_dlg_get_inv_session");
    FIND(library, of, state, "pjmedia_sdp_neg_get_state");
    return NULL;
}

/* The index of a pointer among the words of something, or `most`. */
static size_t index_of(const void *pointer, void *const *words, size_t most) {
    size_t at = 0;
    while (at < most && words[at] != pointer)
        at++;
    return at;
}

static void *dialog_of(void *received, const char *summary) {
    static size_t at; /* the same in all messages */
    void *const *words = (void *const *)received;
    if (words[at] != summary)
        at = index_of(summary, words, RECEIVED_WORDS_MAX);
    if (at == RECEIVED_WORDS_MAX) {
        at = 0;
        return NULL;
    }
    const pj_message_info *info = (const pj_message_info *)(const void *)&words[at];
    if (info->call_id == NULL || info->from == NULL || info->to == NULL || info->to->tag.octets <= 0)
        return NULL;
    return of.dialog(&info->call_id->id, &info->to->tag, &info->from->tag, 0);
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

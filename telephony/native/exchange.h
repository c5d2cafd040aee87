/* Where offer and answer stand in the dialog that a request belongs to (RFC 3264).
 *
 * Theory of operation. PJSIP knows, and has no function that says so for a message that has not come to its dialog yet.
 * So the dialog is looked up by the message's Call-ID and tags, and its session is read. Both layouts are found out: in
 * the message by the summary, which PJSIP keeps in it and hands out, in the session by the dialog, which it points to.
 * Where either is not found, nothing is known.
 */
#ifndef OFFHOOK_EXCHANGE_H
#define OFFHOOK_EXCHANGE_H

#include <stdbool.h>

typedef enum {
    EXCHANGE_UNKNOWN, /* the request belongs to no call */
    EXCHANGE_IDLE,    /* all offers have their answers */
    EXCHANGE_OFFERED, /* our offer waits for its answer */
    EXCHANGE_BUSY,    /* the call is being set up, though its offer has its answer; or an exchange has stuck */
    EXCHANGE_OVER,    /* the call is over, or our BYE is on its way */
    EXCHANGE_ASKED,   /* the offer of their INVITE waits for our answer: PJSIP refuses another itself */
    EXCHANGE_LEFT,    /* our offer waits, and this is an ACK without its answer */
} exchange;

/* Finds PJSIP's functions in a loaded library, as `dlopen` returns it. NULL: all is well; else why not. */
const char *exchange_open(void *library);

/* Of a request, whose summary PJSIP has made. */
exchange exchange_of(void *received, const char *summary);

/* Whether a request with our tag belongs to a call: one by its Call-ID, too, and not before the far end has answered
 * our INVITE. PJSIP finds its dialogs by the tags alone, and takes any for the far end's as long as it knows none. */
bool exchange_is_in_call(void *received, const char *summary);

/* Sends a re-INVITE that offers what is valid anyway, in the confirmed call of that dialog. Whether it is sent: not while
 * another INVITE or offer is in progress (RFC 3261 section 14.1), nor in a call that is over. */
bool exchange_refresh(const char *call_id, const char *local_tag, const char *remote_tag);

/* Whether a response is for our INVITE, which nobody has answered. */
bool exchange_is_unanswered(void *received, const char *summary);

/* Whether it is for one that we have given up before that. */
bool exchange_is_given_up(void *received, const char *summary);

/* Whether a response is for our request in a call that is confirmed, and has other tags or another Call-ID than that. */
bool exchange_is_misnamed(void *received, const char *summary);

/* Whether a response is for our request in a call that is over for both sides: PJSIP has released its session. */
bool exchange_is_over(void *received, const char *summary);

#endif

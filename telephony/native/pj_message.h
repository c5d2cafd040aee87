/* What PJSIP has received: its header fields and its transaction, as PJSIP has understood them.
 *
 * Theory of operation. PJSIP keeps a summary of a message in what it has received, and hands it out; the message and the
 * fields that each one has stand round it. So they are found, without the layout of what stands before.
 *
 * The layouts are those of PJSIP 2.10 to 2.17.
 */
#ifndef OFFHOOK_PJ_MESSAGE_H
#define OFFHOOK_PJ_MESSAGE_H

#include <stdbool.h>

#include "pj_library.h"

typedef struct pj_header {
    struct pj_header *previous, *next;
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
    int id; /* that of INVITE is the same however it is spelt, and so is its name */
    pj_text name;
} pj_method;

typedef struct {
    pj_header base;
    int number;
    pj_method method;
} pj_cseq;

enum { PJ_REQUEST, PJ_RESPONSE };

typedef struct {
    int type;
    union {
        struct {
            pj_method method;
            void *uri;
        } request;
        struct {
            int status;
            pj_text reason;
        } response;
    } line;
    pj_header fields; /* of these it is a ring */
    void *body;
} pj_message;

typedef struct {
    pj_message *message;
    const char *summary;
    const pj_call_id *call_id;
    const pj_party *from, *to;
    void *via; /* the first */
    const pj_cseq *cseq;
} pj_message_info;

/* Finds PJSIP's functions in a loaded library, as `dlopen` returns it. NULL: all is well; else why not. */
const char *pj_message_open(void *library);

/* Of what was received, whose summary PJSIP has made. NULL: it is laid out in another way. */
const pj_message_info *pj_message_info_of(void *received, const char *summary);

/* The memory of what was received. */
void *pj_message_pool(void *received);

/* Whether To has a tag. */
bool pj_message_has_tag(const pj_message_info *);

/* Has it go on without its body. Whether that is done: not if it is laid out in another way. */
bool pj_message_drop_body(const pj_message_info *);

/* Our request that a response is for. NULL: its transaction is over, or never was. */
void *pj_transaction_of(void *received, const pj_message_info *);

/* Whether an INVITE is another copy of one that PJSIP answers (RFC 3261 §17.2.3). */
bool pj_invite_is_copy(void *received);

/* Whether a copy has not come by the transport that the one has to which it is one. */
bool pj_copy_is_astray(void *received);

/* Of the summary of a response; 0: it is a request. */
int summary_status(const char *summary);

/* Whether it is that of a response to an INVITE. */
bool summary_is_to_invite(const char *summary);

#endif

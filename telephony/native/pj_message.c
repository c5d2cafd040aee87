/* See pj_message.h. Nothing here knows Python. */

#include "pj_message.h"

#include <stddef.h>
#include <stdlib.h>

#define RECEIVED_WORDS_MAX 16384 /* PJSIP's own come to about 700; builds for longer datagrams to more */
#define TRANSACTION_WORDS 48 /* the transport is about the thirtieth of some hundred */
#define RESPONSE_SUMMARY "Response msg "
#define TO_INVITE "/INVITE/"

enum { CLIENT, SERVER };

static struct {
    const void *(*invite)(void);
    int (*key)(void *pool, pj_text *key, int role, const void *method, const void *received);
    void *(*transaction)(const pj_text *key, int lock);
} of;

const char *pj_message_open(void *library) {
    FIND(library, of, invite, "pjsip_get_invite_method");
    FIND(library, of, key, "pjsip_tsx_create_key");
    FIND(library, of, transaction, "pjsip_tsx_layer_find_tsx");
    return NULL;
}

const pj_message_info *pj_message_info_of(void *received, const char *summary) {
    static size_t at; /* the same in all messages */
    void *const *words = (void *const *)received;
    if (words[at] != summary)
        for (at = 0; at < RECEIVED_WORDS_MAX && words[at] != summary;)
            at++;
    if (at == RECEIVED_WORDS_MAX) {
        at = 0;
        return NULL;
    }
    const pj_message_info *info = (const void *)((const char *)&words[at] - offsetof(pj_message_info, summary));
    bool is_whole = info->call_id != NULL && info->from != NULL && info->to != NULL && info->via != NULL && info->cseq != NULL;
    return is_whole ? info : NULL;
}

void *pj_message_pool(void *received) { return *(void **)received; /* comes first there */ }

bool pj_message_has_tag(const pj_message_info *info) { return info->to->tag.octets > 0; }

bool pj_message_drop_body(const pj_message_info *info) {
    pj_message *message = info->message;
    if (message->fields.next->previous != &message->fields)
        return false;
    message->body = NULL;
    return true;
}

static void *transaction_of(void *received, int role, const void *method) {
    pj_text key;
    return of.key(pj_message_pool(received), &key, role, method, received) == 0 ? of.transaction(&key, 0) : NULL;
}

void *pj_transaction_of(void *received, const pj_message_info *info) {
    return transaction_of(received, CLIENT, &info->cseq->method);
}

bool pj_invite_is_copy(void *received) { return transaction_of(received, SERVER, of.invite()) != NULL; }

bool pj_copy_is_astray(void *received) {
    const void *transport = ((void **)received)[1]; /* comes second there */
    void *const *words = transaction_of(received, SERVER, of.invite());
    for (size_t at = 0; words != NULL && at < TRANSACTION_WORDS; at++)
        if (words[at] == transport)
            return false;
    return words != NULL;
}

int summary_status(const char *summary) {
    size_t begin = strlen(RESPONSE_SUMMARY);
    return strncmp(summary, RESPONSE_SUMMARY, begin) == 0 ? atoi(summary + begin) : 0;
}

bool summary_is_to_invite(const char *summary) {
    const char *slash = summary_status(summary) == 0 ? NULL : strchr(summary, '/');
    return slash != NULL && strncmp(slash, TO_INVITE, strlen(TO_INVITE)) == 0;
}

/* Has messages looked at before PJSIP has them: requests that it has no answer for, and responses that want a password.
 *
 * Theory of operation. As in description_check.h ours is a module of PJSIP's, before all others. It asks the taker about
 * requests that begin or end nothing, about an INVITE with Replaces, or for which there are no sockets, and about 401 and
 * 407; the taker gets them as they came. A request may be taken: PJSIP never has it, and the copy that came with it is
 * answered later, without a transaction. Or a message is changed: an INVITE loses its Replaces, and 401 and 407 become 403,
 * which no password answers.
 *
 * A challenge with other tags, or another Call-ID, than its call has becomes 403 without asking: PJSIP finds what it answers by
 * the Via alone.
 *
 * Another copy of an INVITE that comes by another transport than the first is dropped.
 *
 * A second module is between PJSIP's transactions and its dialogs, which it finds by the tags alone: it answers the requests that
 * have our tag, but belong to no call. A third one is behind the dialogs: it drops the ACKs that none of them wants, and answers
 * the requests of calls that are not there.
 *
 * Where a message is in what PJSIP has received is found by a trial; where it came from is believed only if the three
 * fields that say so agree.
 */
#ifndef OFFHOOK_MESSAGE_LOOK_H
#define OFFHOOK_MESSAGE_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#define SOURCE_OCTETS_MAX 64

typedef enum { LOOK_PASS, LOOK_TAKE, LOOK_CHANGE } message_verdict;

/* A request, kept to be answered. Once PJSUA is destroyed it is empty. */
typedef struct request_copy request_copy;

/* `source` is HOST:PORT, or empty: not known. `copy` is a request's, NULL for a response; it belongs to the taker. */
typedef message_verdict message_taker(const char *text, size_t octets, const char *source, request_copy *copy);

/* From now on, in the library that is loaded from `path`; once after PJSUA was initialised, on its main thread. NULL: all is
 * well; else why not. */
const char *messages_look(const char *path, message_taker *taker);

typedef struct {
    const char *name, *value;
} header_field;

/* Sends a response to a copy; `reason` NULL: the status's own. Whether that is done. */
bool message_respond(const request_copy *copy, int status, const char *reason, const header_field *fields, size_t count);

/* Lets a copy go, in any thread. */
void message_free(request_copy *copy);

#endif

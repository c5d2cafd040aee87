/* Keeps PJSIP from more sockets than its build has room for, since it would end its process.
 *
 * Theory of operation. A queue of PJSIP's (its ioqueue) has room for a number of sockets that is compiled in, keeps the
 * place of each for half a second after its end, and asserts that there is one left: a hundred connections that come and go
 * at once are too many for 64. The functions with which sockets enter and leave a queue have namesakes here, which count,
 * and refuse what there is no room for: then PJSIP closes the connection, or refuses the call. Of connections there are
 * half as many as sockets, so that calls by UDP always have some; where there are more, the one that has been silent for
 * longest goes. As many may wait to be accepted: PJSIP has room for five, and what finds none is tried again after a second.
 * What a far end asks for and does not take PJSIP keeps for it, without a bound: so a connection that takes nothing at three
 * looks in a row goes, too.
 *
 * PJSIP's library finds the namesakes in place of its own where this library was made global before it was loaded.
 */
#ifndef OFFHOOK_SOCKET_ROOM_H
#define OFFHOOK_SOCKET_ROOM_H

#include <stdbool.h>

typedef struct {
    unsigned long used, most; /* in the queue that has most; most 0: nobody asks here */
    unsigned long long refused;
} socket_room;

/* The library that is loaded from `path` has the functions themselves; before its first use. NULL: all is well; else why
 * not. */
const char *sockets_open(const char *path);

socket_room sockets_room(void);

/* Ends the connections whose far ends take nothing: once a second. */
void sockets_end_stuck(void);

/* Whether there are enough for another call. */
bool sockets_have_room(void);

#endif

/* See socket_room.h. Nothing here knows Python. */

#include "socket_room.h"

#include <netinet/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "pj_library.h"

#define QUEUES_MAX 8
#define KEPT_S 0.6 /* after its end; PJSIP keeps a place for 0.5 s, from when it has released it */
#define QUIET_MS_MAX 32000u /* of a connection that others need: what a transaction may take (RFC 3261 §17) */
#define A_CALLS 2 /* RTP's and RTCP's */
#define TOO_MANY 70010 /* PJ_ETOOMANY */
#define STUCK_LOOKS 3

typedef struct {
    void *key; /* NULL: free, or at its end */
    int socket;
    bool is_connection;
    unsigned stuck; /* looks in a row */
    double free_at;
} place;

typedef struct {
    void *queue; /* NULL: not in use */
    place *places;
    size_t most;
} places;

static struct {
    int (*create)(void *pool, size_t most, void **queue);
    int (*create2)(void *pool, size_t most, const void *config, void **queue);
    int (*destroy)(void *queue);
    int (*enter)(void *pool, void *queue, long socket, void *lock, void *data, const void *callbacks, void **key);
    int (*leave)(void *key);
} of;

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static places all[QUEUES_MAX];
static unsigned long long refused;

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool is_connection(int socket) {
    int type = 0;
    socklen_t octets = sizeof type;
    return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &octets) == 0 && type == SOCK_STREAM;
}

static bool listens(int socket) {
    int accepts = 0;
    socklen_t octets = sizeof accepts;
    return getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &octets) == 0 && accepts;
}

/* Milliseconds since it has received something, or begun; 0 for one that listens. */
static unsigned quiet_ms(int socket) {
    struct tcp_info info = {0};
    socklen_t octets = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &octets) != 0 || info.tcpi_state == TCP_LISTEN)
        return 0;
    return info.tcpi_last_data_recv;
}

/* Whether the far end of a connection takes no more of what it is sent. */
static bool is_stuck(int socket) {
    struct tcp_info info = {0};
    socklen_t octets = sizeof info;
    struct pollfd writable = {.fd = socket, .events = POLLOUT};
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &octets) == 0 && info.tcpi_state == TCP_ESTABLISHED &&
           poll(&writable, 1, 0) == 0;
}

/* ---- with `guard` held */

static places *places_of(const void *queue) {
    for (places *each = all; each < all + QUEUES_MAX; each++)
        if (each->queue == queue)
            return each;
    return NULL;
}

static void forget(places *of_queue) {
    free(of_queue->places);
    *of_queue = (places){0};
}

static void remember(void *queue, size_t most) {
    places *found = places_of(queue);
    if (found == NULL)
        found = places_of(NULL);
    else
        forget(found);
    if (found != NULL && (found->places = calloc(most, sizeof *found->places)) != NULL) {
        found->queue = queue;
        found->most = most;
    }
}

static void end_quietest(const places *in) {
    const place *quietest = NULL;
    unsigned longest = QUIET_MS_MAX;
    for (const place *each = in->places; each < in->places + in->most; each++) {
        unsigned quiet = each->key != NULL && each->is_connection ? quiet_ms(each->socket) : 0;
        if (quiet > longest) {
            quietest = each;
            longest = quiet;
        }
    }
    if (quietest != NULL)
        shutdown(quietest->socket, SHUT_RDWR); /* PJSIP finds that it is over, and closes it */
}

/* NULL: there is none. */
static place *free_place(const places *in, bool connection) {
    double now = now_s();
    size_t connections = 0;
    place *found = NULL;
    for (place *each = in->places; each < in->places + in->most; each++) {
        bool taken = each->key != NULL || each->free_at > now;
        if (!taken)
            found = each;
        connections += taken && each->is_connection;
    }
    if (connection && connections >= in->most / 2) {
        end_quietest(in);
        return NULL;
    }
    return found;
}

/* ---- the namesakes */

NAMESAKE int pj_ioqueue_create(void *pool, size_t most, void **queue) {
    int status = of.create == NULL ? UNUSABLE : of.create(pool, most, queue);
    pthread_mutex_lock(&guard);
    if (status == 0)
        remember(*queue, most);
    pthread_mutex_unlock(&guard);
    return status;
}

NAMESAKE int pj_ioqueue_create2(void *pool, size_t most, const void *config, void **queue) {
    int status = of.create2 == NULL ? UNUSABLE : of.create2(pool, most, config, queue);
    pthread_mutex_lock(&guard);
    if (status == 0)
        remember(*queue, most);
    pthread_mutex_unlock(&guard);
    return status;
}

NAMESAKE int pj_ioqueue_destroy(void *queue) {
    pthread_mutex_lock(&guard);
    places *found = queue == NULL ? NULL : places_of(queue);
    if (found != NULL)
        forget(found);
    pthread_mutex_unlock(&guard);
    return of.destroy == NULL ? UNUSABLE : of.destroy(queue);
}

NAMESAKE int pj_ioqueue_register_sock2(void *pool, void *queue, long socket, void *lock, void *data,
                                       const void *callbacks, void **key) {
    if (of.enter == NULL)
        return UNUSABLE;
    bool connection = is_connection((int)socket);
    pthread_mutex_lock(&guard);
    const places *in = queue == NULL ? NULL : places_of(queue);
    place *at = in == NULL ? NULL : free_place(in, connection);
    int status = TOO_MANY;
    if (in == NULL || at != NULL)
        status = of.enter(pool, queue, socket, lock, data, callbacks, key);
    else
        refused++;
    if (at != NULL && status == 0)
        *at = (place){*key, (int)socket, connection, 0, 0};
    if (at != NULL && status == 0 && listens((int)socket))
        listen((int)socket, (int)(in->most / 2)); /* again: PJSIP has let five wait */
    pthread_mutex_unlock(&guard);
    return status;
}

NAMESAKE int pj_ioqueue_unregister(void *key) {
    pthread_mutex_lock(&guard);
    for (places *in = all; in < all + QUEUES_MAX && key != NULL; in++)
        for (place *each = in->places; each < in->places + in->most; each++)
            if (each->key == key) {
                each->key = NULL;
                each->free_at = now_s() + KEPT_S;
            }
    pthread_mutex_unlock(&guard);
    return of.leave == NULL ? UNUSABLE : of.leave(key);
}

/* ---- our side */

socket_room sockets_room(void) {
    socket_room room = {0};
    pthread_mutex_lock(&guard);
    double now = now_s();
    for (const places *in = all; in < all + QUEUES_MAX; in++) {
        unsigned long used = 0;
        for (const place *each = in->places; each < in->places + in->most; each++)
            used += each->key != NULL || each->free_at > now;
        if (in->most && used >= room.used) {
            room.used = used;
            room.most = in->most;
        }
    }
    room.refused = refused;
    pthread_mutex_unlock(&guard);
    return room;
}

bool sockets_have_room(void) {
    const socket_room room = sockets_room();
    return room.most == 0 || room.used + A_CALLS <= room.most;
}

void sockets_end_stuck(void) {
    pthread_mutex_lock(&guard);
    for (const places *in = all; in < all + QUEUES_MAX; in++)
        for (place *each = in->places; each < in->places + in->most; each++) {
            each->stuck = each->key != NULL && each->is_connection && is_stuck(each->socket) ? each->stuck + 1 : 0;
            if (each->stuck == STUCK_LOOKS)
                shutdown(each->socket, SHUT_RDWR);
        }
    pthread_mutex_unlock(&guard);
}

const char *sockets_open(const char *path) {
    void *library = pj_library(path);
    if (library == NULL)
        return "it is not loaded";
    FIND(library, of, create, "pj_ioqueue_create");
    FIND(library, of, create2, "pj_ioqueue_create2");
    FIND(library, of, destroy, "pj_ioqueue_destroy");
    FIND(library, of, enter, "pj_ioqueue_register_sock2");
    FIND(library, of, leave, "pj_ioqueue_unregister");
    return NULL;
}

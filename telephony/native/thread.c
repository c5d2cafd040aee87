/* The thread: it waits for sockets and timers, never for Python.
 *
 * Wake-ups are what costs, not packets. So all streams share a grid of absolute time: talk spurts begin on a point of
 * it, so that all packets are sent on one, and there all sockets are read and Python is notified. With little
 * traffic, packets are read at once.
 */

#include "media.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_S 0.1
#define GRID_FROM 3 /* packets a window */
/* How long records that can wait do so, unless Python is notified of something else. */
#define PATIENCE_S 0.03
#define EARLY_S 0.000050
#define READY_MAX 256
#define AT_ONCE 4 /* datagrams one system call reads */
#define AT_ONCE_MAX 32 /* likewise, of a socket that had more than that */
#define SERVE_OUT_EVERY 256 /* datagrams read between two looks at what is to be sent */
#define NICE (-10)
#define SLICE_NS 500000

/* ---- to and from the kernel */

static double arrival_of(struct msghdr *message, double now, double since, double wall_offset) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
            double arrival = (double)stamp.tv_sec + (double)stamp.tv_nsec / 1e9 - wall_offset;
            /* The wall clock may have been set meanwhile. */
            return fmin(fmax(arrival, since), now);
        }
    }
    return now;
}

/* Returns how many of them came from the stream's own source. */
static int receive_batch(pump *of, size_t count) {
    int own = 0;
    pthread_mutex_lock(&of->lock);
    for (size_t i = 0; i < count; i++) {
        stream *item = of->arrived[i].of;
        own += stream_receive(item, &of->arrived[i]);
        if (item->epoch == of->collection && item->pending >= PENDING_MAX && !item->paused)
            stream_watch(item, false);
    }
    of->window_events += (int64_t)count;
    pthread_mutex_unlock(&of->lock);
    return own;
}

/* One system call, for up to `most` datagrams; how many it brought. */
static int read_some(pump *of, stream *item, int most, double now, double wall_offset) {
    struct mmsghdr messages[AT_ONCE_MAX];
    struct iovec places[AT_ONCE_MAX];
    _Alignas(struct cmsghdr) char control[AT_ONCE_MAX][CMSG_SPACE(sizeof(struct timespec))];
    memset(messages, 0, (size_t)most * sizeof messages[0]);
    for (int i = 0; i < most; i++) {
        datagram *slot = &of->arrived[i];
        /* One byte more than allowed, so that a truncated datagram is seen to be too long. */
        places[i] = (struct iovec){slot->data, (size_t)item->most.datagram_octets + 1};
        struct msghdr *header = &messages[i].msg_hdr;
        header->msg_name = &slot->source;
        header->msg_namelen = sizeof slot->source;
        header->msg_iov = &places[i];
        header->msg_iovlen = 1;
        header->msg_control = control[i];
        header->msg_controllen = sizeof control[i];
    }
    int count = recvmmsg(item->fd, messages, (unsigned)most, MSG_DONTWAIT, NULL);
    if (count < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            item->receive_errors++;
        return 0;
    }
    for (int i = 0; i < count; i++) {
        datagram *slot = &of->arrived[i];
        slot->of = item;
        slot->octets = messages[i].msg_len;
        slot->opened = false;
        slot->arrival = arrival_of(&messages[i].msg_hdr, now, of->drained_at, wall_offset);
    }
    return count;
}

void pump_read(pump *of, stream *item, double now) {
    if (item->fd < 0 || item->paused)
        return;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    double wall_offset = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9 - monotonic_now();
    /* A stranger's datagrams are dropped for next to nothing, and must not use up the turn of the stream's own, which
     * wait behind them. */
    int own = 0, total = 0, most = AT_ONCE, count;
    bool more;
    do {
        count = read_some(of, item, most, now, wall_offset);
        if (count > 0)
            own += receive_batch(of, (size_t)count);
        total += count;
        more = count == most;
        most = AT_ONCE_MAX;
    } while (more && own < DATAGRAMS_A_ROUND && total < REJECTED_A_ROUND && !item->paused);
    of->read_since_out += total;
    item->unread = more || item->paused;
}

static void send_leaving(pump *of) {
    for (size_t i = 0; i < of->departures; i++) {
        const departure *leaving = &of->leaving[i];
        /* No route, or a full buffer: for the far end it is a lost packet. */
        if (sendto(leaving->fd, leaving->data, leaving->octets, MSG_DONTWAIT | MSG_NOSIGNAL, &leaving->target.any,
                   leaving->target_octets) < 0)
            leaving->of->send_errors++;
    }
    of->departures = 0;
}

/* ---- time */

static void serve_out(pump *of) {
    bool more = true;
    while (more) {
        pthread_mutex_lock(&of->lock);
        double now = monotonic_now();
        /* A tick sends up to three packets. */
        while ((more = agenda_next(&of->due[AGENDA_OUT]) <= now + EARLY_S) && of->departures + 3 <= BATCH) {
            stream_tick(agenda_first(&of->due[AGENDA_OUT]), now);
            of->window_events++;
        }
        pthread_mutex_unlock(&of->lock);
        send_leaving(of);
    }
}

static void serve_in(pump *of) {
    pthread_mutex_lock(&of->lock);
    double now = monotonic_now();
    while (agenda_next(&of->due[AGENDA_IN]) <= now)
        stream_check_in(agenda_first(&of->due[AGENDA_IN]), now);
    pthread_mutex_unlock(&of->lock);
}

static void read_ready(pump *of) {
    struct epoll_event ready[READY_MAX];
    int count;
    bool unread = false;
    double now = monotonic_now();
    do {
        count = epoll_wait(of->epoll, ready, READY_MAX, 0);
        for (int i = 0; i < count; i++) {
            stream *item = ready[i].data.ptr;
            if (item == NULL) {
                uint64_t times;
                (void)!read(of->wake, &times, sizeof times);
                continue;
            }
            pump_read(of, item, now);
            unread |= item->unread;
            if ((i & 31) == 31 || of->read_since_out >= SERVE_OUT_EVERY) {
                of->read_since_out = 0;
                serve_out(of);
                now = monotonic_now();
            }
        }
    } while (count == READY_MAX);
    /* Anything read after this moment arrived after it. */
    if (!unread)
        of->drained_at = now;
}

static double round_up(const pump *of, double now, double grain) {
    return of->epoch + (floor((now - of->epoch) / grain) + 1) * grain;
}

static void serve_in_and_out(pump *of) {
    of->read_at = round_up(of, monotonic_now() + EARLY_S, GRID_S);
    read_ready(of);
    serve_out(of);
    serve_in(of);
}

void pump_tell(pump *of) {
    if (of->notified || of->filling.used == 0)
        return;
    double now = monotonic_now();
    of->patient_since = fmin(of->patient_since, now);
    /* On the grid the next check would be a whole step later. */
    if (!of->eager && now - of->patient_since < PATIENCE_S - (of->gridded ? GRID_S / 2 : EARLY_S))
        return;
    of->notified = true;
    of->notified_at = now;
    uint64_t once = 1;
    (void)!write(of->notify, &once, sizeof once);
}

/* Is there a grid? */
static void look_at_traffic(pump *of, double now) {
    if (now - of->window_at < WINDOW_S)
        return;
    of->recent_events = now - of->window_at < 2 * WINDOW_S ? of->window_events : 0;
    of->window_events = 0;
    of->window_at = now;
    of->gridded = of->recent_events >= GRID_FROM;
}

/* Notifies Python if it is time, and returns until when to sleep. */
static double tell_and_plan(pump *of, bool has_read, bool *gridded) {
    pthread_mutex_lock(&of->lock);
    double now = monotonic_now();
    if (has_read)
        pump_tell(of);
    look_at_traffic(of, now);
    *gridded = of->gridded;
    double until = fmin(agenda_next(&of->due[AGENDA_OUT]), *gridded ? of->read_at : agenda_next(&of->due[AGENDA_IN]));
    if (!*gridded && !of->notified && of->filling.used > 0)
        until = fmin(until, of->patient_since + PATIENCE_S);
    of->sleeps_until = until;
    of->count.wakeups++;
    pthread_mutex_unlock(&of->lock);
    return until;
}

static struct timespec as_timespec(double seconds) {
    struct timespec result = {(time_t)seconds, 0};
    result.tv_nsec = (long)((seconds - (double)result.tv_sec) * 1e9);
    return result;
}

/* Waits for any event; `pump_wake` ends it. */
static void sleep_deaf(pump *of, double until) {
    double left = until - monotonic_now();
    if (left <= 0)
        return;
    struct timespec time_out = as_timespec(left);
    struct pollfd waking = {.fd = of->wake, .events = POLLIN};
    if (ppoll(&waking, 1, &time_out, NULL) > 0) {
        uint64_t times;
        (void)!read(of->wake, &times, sizeof times);
    }
}

static void sleep_until_ready(pump *of, double until) {
    struct epoll_event ready;
    double left = until - monotonic_now();
    if (left <= 0)
        return;
    struct timespec time_out = as_timespec(fmin(left, 1e6));
    if (syscall(SYS_epoll_pwait2, of->epoll, &ready, 1, until < INFINITY ? &time_out : NULL, NULL, 8) < 0 &&
        errno == ENOSYS) /* before Linux 5.11 */
        (void)epoll_wait(of->epoll, &ready, 1, until < INFINITY ? (int)fmin(ceil(1000 * left), 1e6) : -1);
}

/* ---- the thread */

/* Ahead of everything that is not real-time, where that is allowed (CAP_SYS_NICE or RLIMIT_RTPRIO): the thread works for
 * microseconds, and sleeps to the next millisecond under load. */
static bool ask_for_real_time(void) {
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    return pthread_setschedparam(pthread_self(), SCHED_RR, &lowest) == 0;
}

/* A short slice makes EEVDF run the thread soon after it wakes up, and takes nothing from anyone (Linux 6.12). */
static bool ask_for_short_slices(void) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {0};
    attributes.size = sizeof attributes;
    attributes.nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    attributes.runtime = SLICE_NS;
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

static void *run(void *context) {
    pump *of = context;
    (void)prctl(PR_SET_NAME, "media-pump");
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    bool real_time = ask_for_real_time();
    bool nice = !real_time && setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE) == 0;
    bool slice = !real_time && ask_for_short_slices();
    pthread_mutex_lock(&of->lock);
    of->real_time = real_time;
    of->nice = nice;
    of->slice = slice;
    pthread_mutex_unlock(&of->lock);
    bool gridded = false;
    for (;;) {
        pthread_mutex_lock(&of->io);
        bool stopping = of->stopping, reading = !gridded || monotonic_now() + EARLY_S >= of->read_at;
        if (!stopping) {
            serve_out(of);
            if (reading)
                serve_in_and_out(of);
        }
        pthread_mutex_unlock(&of->io);
        if (stopping)
            return NULL;
        double until = tell_and_plan(of, reading, &gridded);
        if (gridded)
            sleep_deaf(of, until);
        else
            sleep_until_ready(of, until);
    }
}

int pump_start(pump *of) {
    if (of->started)
        return 0;
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    /* Signals belong to Python's main thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&of->thread, &attributes, run, of);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    of->started = failed == 0;
    of->process = getpid();
    return failed;
}

void pump_wake(pump *of) {
    uint64_t once = 1;
    (void)!write(of->wake, &once, sizeof once);
}

void pump_stop(pump *of) {
    if (!of->started || of->process != getpid())
        return;
    pthread_mutex_lock(&of->io);
    of->stopping = true;
    pthread_mutex_unlock(&of->io);
    pump_wake(of);
    pthread_join(of->thread, NULL);
    of->started = false;
}

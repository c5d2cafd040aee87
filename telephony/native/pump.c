/* The pump's streams: who owns what, what is due, and what is reported to Python. */

#include "media.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_S 0.01

const double late_bounds_ms[LATE_BUCKETS - 1] = {0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0};

double monotonic_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void pump_count_late(double late_ms, double *most, int64_t *buckets) {
    int bucket = 0;
    while (bucket < LATE_BUCKETS - 1 && late_bounds_ms[bucket] < late_ms)
        bucket++;
    buckets[bucket]++;
    if (late_ms > *most)
        *most = late_ms;
}

/* A thread of Python's that holds the mutex while the pump waits for it runs at the pump's priority: else whatever else
 * is on the core could keep it, and the pump, waiting for whole time slices. */
static void init_inheriting(pthread_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    if (pthread_mutex_init(mutex, &attributes) != 0)
        pthread_mutex_init(mutex, NULL);
    pthread_mutexattr_destroy(&attributes);
}

pump *pump_new(int notify) {
    pump *made = calloc(1, sizeof(pump));
    if (made == NULL)
        return NULL;
    made->epoch = made->window_at = made->drained_at = monotonic_now();
    made->sleeps_until = made->patient_since = INFINITY;
    made->notify = notify;
    for (int kind = 0; kind < AGENDAS; kind++)
        made->due[kind].kind = (enum agenda_kind)kind;
    init_inheriting(&made->io);
    init_inheriting(&made->lock);
    made->arrived = malloc(BATCH * sizeof(datagram));
    made->leaving = malloc(BATCH * sizeof(departure));
    made->epoll = epoll_create1(EPOLL_CLOEXEC);
    made->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event waking = {.events = EPOLLIN};
    if (made->arrived == NULL || made->leaving == NULL || made->epoll < 0 || made->wake < 0 ||
        epoll_ctl(made->epoll, EPOLL_CTL_ADD, made->wake, &waking) < 0) {
        int why = errno;
        pump_free(made);
        errno = why;
        return NULL;
    }
    return made;
}

void pump_free(pump *of) {
    pump_stop(of);
    for (int kind = 0; kind < AGENDAS; kind++)
        free(of->due[kind].items);
    free(of->filling.data);
    free(of->emptying.data);
    free(of->arrived);
    free(of->leaving);
    if (of->epoll >= 0)
        close(of->epoll);
    if (of->wake >= 0)
        close(of->wake);
    pthread_mutex_destroy(&of->io);
    pthread_mutex_destroy(&of->lock);
    free(of);
}

stream *pump_add(pump *to, int fd, const limits *most, const framing *frames) {
    stream *made = calloc(1, sizeof(stream));
    if (made == NULL)
        return NULL;
    made->owner = to;
    made->fd = fd;
    made->most = *most;
    made->frames = *frames;
    made->due[AGENDA_OUT] = made->due[AGENDA_IN] = INFINITY;
    pthread_mutex_lock(&to->io);
    pthread_mutex_lock(&to->lock);
    made->handle = ++to->next_handle;
    bool added = agenda_reserve(&to->due[AGENDA_OUT], to->streams + 1) &&
                 agenda_reserve(&to->due[AGENDA_IN], to->streams + 1);
    if (!added)
        errno = ENOMEM;
    if (added && fd >= 0) {
        int on = 1;
        /* When a datagram arrived, not when it was read: our own stall isn't jitter. Some kernels cannot tell. */
        (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        struct epoll_event reading = {.events = EPOLLIN, .data.ptr = made};
        added = epoll_ctl(to->epoll, EPOLL_CTL_ADD, fd, &reading) == 0;
    }
    to->streams += added;
    pthread_mutex_unlock(&to->lock);
    pthread_mutex_unlock(&to->io);
    if (!added) {
        free(made);
        return NULL;
    }
    return made;
}

void pump_remove(stream *item) {
    pump *of = item->owner;
    pthread_mutex_lock(&of->io);
    pthread_mutex_lock(&of->lock);
    agenda_set(&of->due[AGENDA_OUT], item, INFINITY);
    agenda_set(&of->due[AGENDA_IN], item, INFINITY);
    of->streams--;
    pthread_mutex_unlock(&of->lock);
    if (item->fd >= 0)
        (void)epoll_ctl(of->epoll, EPOLL_CTL_DEL, item->fd, NULL);
    pthread_mutex_unlock(&of->io);
    chunks_free(item->out.first);
    free(item);
}

static record *tell(stream *item, enum record_kind kind, size_t octets) {
    pump *of = item->owner;
    record *made = records_add(&of->filling, kind, item->handle, octets);
    if (made == NULL) {
        of->count.lost_records++;
        return NULL;
    }
    if (item->epoch != of->collection) {
        item->epoch = of->collection;
        item->pending = 0;
        item->first_raw = item->last_raw = 0;
    }
    item->pending++;
    if (kind != RECORD_SENT && kind != RECORD_AUDIO)
        of->eager = true;
    return made;
}

/* ---- in */

static bool same_address(const address *a, const address *b) {
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_port == b->v6.sin6_port &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

static record *record_at(const pump *of, size_t offset) {
    return offset ? (record *)(void *)(of->filling.data + offset - 1) : NULL;
}

/* Report the gathered audio now. */
static void tell_gathered(stream *item) {
    if (item->gathered_ticks == 0)
        return;
    record *audio = tell(item, RECORD_AUDIO, 2 * (size_t)item->gathered_ticks);
    if (audio != NULL) {
        audio->number = item->gathered_at;
        audio->at = item->gathered_arrival;
        memcpy(audio->data, item->gathered, audio->octets);
    }
    item->gathered_ticks = 0;
}

/* Audio that completes no step can wait for the packet that does: who listens could do nothing with it yet. */
static bool gather(stream *item, int64_t at_tick, const uint8_t *payload, int64_t samples, double arrival) {
    int64_t step = item->frames.ticks, start = at_tick - item->gathered_ticks;
    if (step == 0 || (at_tick + samples) / step > start / step)
        return false;
    g711_decode(item->in.law, payload, (size_t)samples, item->gathered + 2 * item->gathered_ticks);
    item->gathered_at = start;
    item->gathered_ticks += samples;
    item->gathered_arrival = arrival;
    return true;
}

static bool is_loud(const uint8_t *pcm, size_t samples, int peak) {
    const int16_t *levels = (const int16_t *)(const void *)pcm;
    bool loud = false;
    for (size_t i = 0; i < samples; i++)
        loud |= levels[i] >= peak || levels[i] <= -peak;
    return loud;
}

/* From a payload, or from that of the datagram among the records at `offset`, which may move. */
static void tell_audio(stream *item, int64_t at_tick, const datagram *data, size_t offset) {
    pump *of = item->owner;
    const uint8_t *octets = data != NULL ? data->data : record_at(of, offset)->data;
    double arrival = data != NULL ? data->arrival : record_at(of, offset)->at;
    size_t samples = (data != NULL ? data->octets : record_at(of, offset)->octets) - RTP_HEADER_OCTETS;
    if (gather(item, at_tick, octets + RTP_HEADER_OCTETS, (int64_t)samples, arrival))
        return;
    size_t before = (size_t)item->gathered_ticks;
    record *audio = tell(item, RECORD_AUDIO, 2 * (before + samples));
    item->gathered_ticks = 0;
    if (audio == NULL)
        return;
    octets = data != NULL ? data->data : record_at(of, offset)->data;
    audio->number = at_tick - (int64_t)before;
    audio->at = arrival;
    memcpy(audio->data, item->gathered, 2 * before);
    g711_decode(item->in.law, octets + RTP_HEADER_OCTETS, samples, audio->data + 2 * before);
    /* A sound may be an interruption, and its beginning keeps a turn from ending. All else can wait, for it is known
     * when it came. */
    bool loud = is_loud(audio->data, before + samples, (int)item->frames.loud_peak);
    bool speaking = item->sends && item->out.queued_ticks > 0;
    if (loud && (speaking || !item->loud))
        of->eager = true;
    item->loud = loud;
}

/* A plain datagram of the stream becomes audio, one from elsewhere nothing. False for any other. */
static bool take(stream *item, receiving *in, const record *raw, int64_t *at_tick) {
    *at_tick = -1;
    if (!same_address(&raw->source, &item->source)) {
        in->rejected_source++;
        return true;
    }
    return receive_next(in, &item->most, raw->data, raw->octets, raw->at, at_tick);
}

/* The datagrams that were handed to Python and not collected yet: are they plain? Then they need not go there, and a
 * Python that is behind can catch up. */
static bool take_back(stream *item) {
    pump *of = item->owner;
    size_t first = item->epoch == of->collection ? item->first_raw : 0;
    /* Decrypting them for a trial would make them replays. */
    if (first && item->opening.work != NULL)
        return false;
    receiving trial = item->in;
    int64_t at_tick;
    for (const record *raw = record_at(of, first); raw != NULL; raw = record_at(of, raw->next_raw)) {
        if (!take(item, &trial, raw, &at_tick))
            return false;
    }
    for (size_t offset = first; offset; offset = record_at(of, offset)->next_raw) {
        (void)take(item, &item->in, record_at(of, offset), &at_tick);
        record_at(of, offset)->kind = RECORD_VOID;
        if (at_tick >= 0)
            tell_audio(item, at_tick, NULL, offset);
    }
    item->first_raw = item->last_raw = 0;
    return true;
}

bool stream_arm(stream *item, const receiving *in, const address *source) {
    tell_gathered(item);
    item->in = *in;
    item->source = *source;
    if (!take_back(item))
        return false;
    item->armed = true;
    if (!item->paused)
        agenda_set(&item->owner->due[AGENDA_IN], item, receive_overdue(&item->in, &item->most));
    return true;
}

void stream_disarm(stream *item) {
    item->armed = false;
    tell_gathered(item);
    if (!item->paused)
        agenda_set(&item->owner->due[AGENDA_IN], item, INFINITY);
}

/* Whether its socket is read: not while Python is too far behind, the kernel keeps what comes and drops the rest. */
void stream_watch(stream *item, bool reading) {
    pump *of = item->owner;
    struct epoll_event event = {.events = reading ? EPOLLIN : 0, .data.ptr = item};
    (void)epoll_ctl(of->epoll, EPOLL_CTL_MOD, item->fd, &event);
    item->paused = !reading;
    item->unread = true;
    of->count.paused += !reading;
    agenda_set(&of->due[AGENDA_IN], item, monotonic_now() + PAUSE_S);
}

/* Decrypts a datagram into another one; one that cannot be stays as it is, and Python counts it. */
static const datagram *opened(const stream *item, const datagram *sealed, datagram *into) {
    if (item->opening.work == NULL || sealed->octets > item->most.datagram_octets)
        return sealed;
    int octets = (int)sealed->octets;
    memcpy(into->data, sealed->data, sealed->octets);
    if (item->opening.work(item->opening.context, into->data, &octets) != 0)
        return sealed;
    into->of = sealed->of;
    into->source = sealed->source;
    into->arrival = sealed->arrival;
    into->octets = (uint32_t)octets;
    into->opened = true;
    return into;
}

bool stream_receive(stream *item, const datagram *data) {
    pump *of = item->owner;
    datagram plain;
    of->count.datagrams++;
    if (item->armed) {
        if (!same_address(&data->source, &item->source)) {
            item->in.rejected_source++;
            return false;
        }
        int64_t at_tick;
        data = opened(item, data, &plain);
        if (receive_next(&item->in, &item->most, data->data, data->octets, data->arrival, &at_tick)) {
            tell_audio(item, at_tick, data, 0);
            return true;
        }
        of->count.handed_back++;
        stream_disarm(item);
    }
    of->count.raw++;
    record *raw = tell(item, RECORD_RAW, data->octets);
    if (raw == NULL)
        return true;
    raw->at = data->arrival;
    raw->number = data->opened;
    raw->source = data->source;
    memcpy(raw->data, data->data, data->octets);
    size_t offset = (size_t)((uint8_t *)raw - of->filling.data) + 1;
    if (item->last_raw)
        record_at(of, item->last_raw)->next_raw = offset;
    else
        item->first_raw = offset;
    item->last_raw = offset;
    return true;
}

void stream_check_in(stream *item, double now) {
    pump *of = item->owner;
    double overdue = item->armed ? receive_overdue(&item->in, &item->most) : INFINITY;
    if (item->paused && item->epoch != of->collection)
        stream_watch(item, true);
    /* What waits in the socket arrived in time, even if it is read late. */
    if (overdue > now || item->unread) {
        agenda_set(&of->due[AGENDA_IN], item, item->paused ? now + PAUSE_S : overdue > now ? overdue : now + LATE_S);
        return;
    }
    stream_disarm(item);
    of->count.handed_back++;
    record *silence = tell(item, RECORD_OVERDUE, 0);
    if (silence != NULL)
        silence->at = now;
}

/* ---- out */

/* False: it was not encrypted, and must not leave. */
static bool seal(stream *item, departure *leaving) {
    int octets = (int)leaving->octets;
    if (octets + TRAILER_OCTETS_MAX > DATAGRAM_ROOM || item->sealing.work(item->sealing.context, leaving->data, &octets)) {
        item->send_errors++;
        return false;
    }
    leaving->octets = (uint32_t)octets;
    return true;
}

static void depart(void *context, const uint8_t *packet, size_t octets) {
    stream *item = context;
    pump *of = item->owner;
    if (item->fd < 0) {
        record *made = tell(item, RECORD_OUT, octets);
        if (made != NULL)
            memcpy(made->data, packet, octets);
        return;
    }
    if (item->target_octets == 0)
        return;
    departure *leaving = &of->leaving[of->departures++];
    leaving->of = item;
    leaving->fd = item->fd;
    leaving->target = item->target;
    leaving->target_octets = item->target_octets;
    leaving->octets = (uint32_t)octets;
    memcpy(leaving->data, packet, octets);
    if (item->sealing.work != NULL && !seal(item, leaving))
        of->departures--;
}

static double slot_time(const pump *of, int64_t slot) {
    return of->epoch + (double)slot * SLOT_S;
}

/* The grid's next point. */
static double align(const pump *of, double when) {
    return of->epoch + ceil((when - of->epoch) / GRID_S) * GRID_S;
}

void stream_schedule(stream *item) {
    double due = INFINITY;
    if (item->sends && item->ticking)
        due = slot_time(item->owner, item->tick_slot);
    else if (item->sends && item->out.send)
        due = align(item->owner, item->out.keep_alive_at);
    agenda_set(&item->owner->due[AGENDA_OUT], item, due);
}

static void join_at(stream *item, double when) {
    if (item->sends && !item->ticking && send_active(&item->out)) {
        item->ticking = true;
        item->tick_slot = llround((when - item->owner->epoch) / SLOT_S);
    }
    stream_schedule(item);
}

void stream_join(stream *item, double now) {
    join_at(item, align(item->owner, now));
}

void stream_lend_out(stream *item, const sending *out, chunk *queue, double now) {
    item->out = *out;
    item->sends = true;
    item->ticking = false;
    item->period_slots = llround(out->packet_s / SLOT_S);
    if (queue != NULL)
        send_append(&item->out, queue);
    /* Within a talk spurt the next packet is scheduled already. */
    double next = out->spurt_at + (double)out->spurt_slots * out->packet_s;
    join_at(item, next > now && next - now < out->packet_s ? next : align(item->owner, now));
}

void stream_send_due(stream *item, double now) {
    uint8_t taken[TICK_SAMPLES_MAX];
    int64_t ordinal = item->out.sent_ticks, underruns = item->out.underruns, stalls = item->out.stalls;
    int64_t samples = send_tick(&item->out, now, taken, depart, item);
    item->owner->count.underruns += item->out.underruns - underruns;
    item->owner->count.stalls += item->out.stalls - stalls;
    if (samples > 0) {
        record *sent = tell(item, RECORD_SENT, (size_t)samples);
        if (sent != NULL) {
            sent->number = ordinal;
            sent->at = now;
            memcpy(sent->data, taken, (size_t)samples);
        }
    }
    if (item->out.drained) {
        item->out.drained = false;
        record *drained = tell(item, RECORD_DRAINED, 0);
        if (drained != NULL)
            drained->number = item->out.sent_ticks;
    }
}

/* The twin of MediaClock: a tick has its slot's time, or the real one where that is more than a slot late; ticks that
 * were missed are skipped. The stream leaves one packet time after its last packet. */
void stream_tick(stream *item, double now) {
    pump *of = item->owner;
    if (!item->ticking) {
        send_keep_alive(&item->out, fmax(now, item->due[AGENDA_OUT]), depart, item);
    } else if (!send_active(&item->out)) {
        item->ticking = false;
    } else {
        double due = slot_time(of, item->tick_slot);
        double late = now > due ? now - due : 0;
        int64_t missed = (int64_t)(late / SLOT_S) / item->period_slots;
        of->count.ticks++;
        of->count.skipped += missed;
        pump_count_late(1000 * late, &of->count.late_ms_max, of->count.late);
        item->tick_slot += (missed + 1) * item->period_slots;
        stream_send_due(item, late < LATE_S ? due : now);
    }
    stream_schedule(item);
}

/* The media pump: what its files share.
 *
 *   g711.c     bytes to samples
 *   keytest.c  may samples hold a DTMF key?
 *   receive.c  inbound, one plain stream              pure: no socket, no clock, no thread
 *   send.c     outbound, one stream, paced            pure, likewise
 *   agenda.c   which stream is due next
 *   records.c  events, for Python to collect
 *   pump.c     streams, and what Python may ask of them
 *   thread.c   the thread: sockets, time
 *   py_*.c     the Python types; nothing else here knows Python
 *
 * All times are seconds of CLOCK_MONOTONIC as a double; all audio is 8 kHz. The arithmetic is that of
 * telephony/rtp, operation by operation, so that both give the same numbers.
 */
#ifndef OFFHOOK_MEDIA_H
#define OFFHOOK_MEDIA_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "state.h"

#define TICK_HZ 8000
#define RTP_HEADER_OCTETS 12
#define RTP_PLAIN 0x80 /* version 2, no padding, no extension, no CSRC (RFC 3550 5.1) */
#define RTP_MARKER 0x80

/* The longest datagram that is read; RtpLimits.datagram_octets has to be below. */
#define DATAGRAM_OCTETS_MAX 2047
/* The longest packet that is sent: 180 ms, what fits an Ethernet frame. */
#define PACKET_TICKS_MAX 1440
#define PACKET_S_MAX 1.0

/* ---- g711.c */

enum law { LAW_MU, LAW_A };

/* Once, before anything is decoded. */
void g711_prepare(void);
/* Octets to 16-bit little-endian samples; `pcm` has room for 2 * `octets`. */
void g711_decode(enum law law, const uint8_t *payload, size_t octets, uint8_t *pcm);

/* ---- keytest.c */

/* Once, before anything is tested. */
void keytest_prepare(void);
/* Whether two DTMF frequencies have that share of the energy in 10 ms with that power per sample, or more. */
bool may_hold_key(const uint8_t *pcm, size_t samples, float least_power, float least_share);

/* ---- receive.c */

/* What of RtpLimits matters here. */
typedef struct {
    int64_t datagram_octets, packets_per_s;
    double gap_wait_min_ms, gap_wait_max_ms, overdue_wait_min_ms, lead_ms, spike_hold_kept_s;
} limits;

/* The inbound direction as Python lends it, and the codec of its payload type. */
typedef struct {
    RECEIVE_STATE(DECLARE_FIELD)
    enum law law;
} receiving;

/* Takes a datagram that is exactly the next of the stream: true, and `*at_tick` is its place in audio time.
 * False for anything else, and nothing has changed. */
bool receive_next(receiving *in, const limits *most, const uint8_t *datagram, size_t octets, double now,
                  int64_t *at_tick);
/* When silence is inserted, unless a packet comes. */
double receive_overdue(const receiving *in, const limits *most);

/* ---- send.c */

typedef struct chunk chunk;

/* The outbound direction as Python lends it, and its queue. */
typedef struct {
    SEND_STATE(DECLARE_FIELD)
    int64_t queued_ticks;
    bool drained;
    chunk *first, *last;
    size_t head;
} sending;

/* Where the packets go. */
typedef void packet_sink(void *context, const uint8_t *packet, size_t octets);

chunk *chunk_new(const void *payload, size_t octets); /* NULL: no memory */
void chunks_free(chunk *first);
void send_append(sending *out, chunk *audio);
/* Empties the queue; the caller frees the chunks. */
chunk *send_clear(sending *out, int64_t *dropped);
bool send_active(const sending *out);
/* What one tick may take from the queue, at most. */
#define TICK_SAMPLES_MAX (3 * PACKET_TICKS_MAX)
/* Sends what is due; `taken` gets the octets that came from the queue. Returns their number, -1 for none. */
int64_t send_tick(sending *out, double now, uint8_t *taken, packet_sink *sink, void *context);
void send_keep_alive(sending *out, double now, packet_sink *sink, void *context);
/* Copies what is queued to `octets`, which has room for it. */
void send_queue(const sending *out, uint8_t *octets);

/* ---- agenda.c */

typedef struct stream stream;
enum agenda_kind { AGENDA_OUT, AGENDA_IN, AGENDAS };

/* A heap of streams by `due[kind]`. */
typedef struct {
    stream **items;
    size_t count, room;
    enum agenda_kind kind;
} agenda;

/* Room for one stream more; false: no memory. */
bool agenda_reserve(agenda *of, size_t streams);
/* A stream is due at `when`, INFINITY for never. */
void agenda_set(agenda *of, stream *item, double when);
double agenda_next(const agenda *of);
stream *agenda_first(const agenda *of);

/* ---- records.c */

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;

enum record_kind { RECORD_AUDIO, RECORD_SENT, RECORD_DRAINED, RECORD_RAW, RECORD_OVERDUE, RECORD_OUT, RECORD_VOID };

typedef struct {
    uint64_t stream;
    int64_t number; /* at_tick, ordinal, ticks sent; of a datagram, whether it was decrypted */
    double at;      /* arrival, or when it was sent */
    address source;
    size_t next_raw; /* offset of the stream's next datagram among the records, from 1; 0: none */
    uint32_t kind, octets, size;
    _Alignas(8) uint8_t data[];
} record;

typedef struct {
    uint8_t *data;
    size_t used, room;
} records;

/* A new record with room for `octets`; NULL: no memory. */
record *records_add(records *to, enum record_kind kind, uint64_t stream, size_t octets);
void records_empty(records *of);

/* ---- pump.c */

/* How audio is collected: packets that end before a multiple of `ticks` (at most FRAME_TICKS_MAX) wait for the next
 * one, 0: none do; audio with a peak of `loud_peak` or more, of 16-bit PCM, may be an interruption and waits less. */
typedef struct {
    int64_t ticks, loud_peak;
} framing;

#define SLOT_S 0.001
/* So late a tick has the real time, and no longer its slot's: a slot of MediaClock. */
#define LATE_S 0.002
/* The grid: points of absolute time, the same for all streams. A talk spurt begins on one, and it divides the usual
 * packet times: so all packets of all streams leave on points. */
#define GRID_S 0.01
/* The longest frame in which audio may be collected. */
#define FRAME_TICKS_MAX 512
#define LATE_BUCKETS 9 /* the last one without a bound */
extern const double late_bounds_ms[LATE_BUCKETS - 1];

typedef struct {
    int64_t wakeups, ticks, skipped, datagrams, raw, handed_back, lost_records, paused, underruns, stalls, collected;
    double late_ms_max, lag_ms_max;
    int64_t late[LATE_BUCKETS], lag[LATE_BUCKETS];
} counters;

typedef struct pump pump;

/* One of libsrtp's functions and its context, which Python keeps alive: changes a packet where it is, 0 for success.
 * `work` NULL: packets stay as they are. Each context serves one direction, whose state belongs to the side that has the
 * direction: this, or Python. */
typedef struct {
    int (*work)(void *context, void *packet, int *octets);
    void *context;
} transform;

/* The most that encryption adds to a packet (libsrtp's SRTP_MAX_TRAILER_LEN). */
#define TRAILER_OCTETS_MAX 148

struct stream {
    pump *owner;
    uint64_t handle;
    int fd; /* -1: no socket; what is sent becomes a record */
    limits most;
    /* in */
    bool armed, unread, paused, loud;
    receiving in;
    transform opening;
    address source;
    framing frames;
    int64_t gathered_ticks, gathered_at;
    double gathered_arrival;
    uint8_t gathered[2 * FRAME_TICKS_MAX];
    /* out */
    bool sends, ticking;
    sending out;
    transform sealing;
    address target;
    socklen_t target_octets; /* 0: nowhere */
    int64_t tick_slot, period_slots;
    /* both */
    _Atomic int64_t send_errors, receive_errors; /* counted with `io` held, read without */
    uint64_t epoch; /* `pending`, `first_raw` and `last_raw` are since this collection */
    uint32_t pending;
    size_t first_raw, last_raw; /* as `next_raw` */
    double due[AGENDAS];
    size_t place[AGENDAS]; /* in the heap, from 1; 0: not in it */
};

#define DATAGRAMS_A_ROUND 32 /* of one socket's own source, before the others have their turn */
#define REJECTED_A_ROUND 512 /* likewise, counting those of strangers, which cost little */
#define PENDING_MAX 1024     /* records of one stream that wait for Python; beyond, its socket is not read */
#define BATCH 64
#define DATAGRAM_ROOM 2048

typedef struct {
    stream *of;
    address source;
    double arrival;
    uint32_t octets;
    bool opened; /* decrypted */
    _Alignas(8) uint8_t data[DATAGRAM_ROOM];
} datagram;

typedef struct {
    int fd;
    stream *of;
    address target;
    socklen_t target_octets;
    uint32_t octets;
    _Alignas(8) uint8_t data[DATAGRAM_ROOM];
} departure;

struct pump {
    /* `io` protects the sockets, the batches and the streams' existence, `lock` all other state. Who needs both takes
     * `io` first. Nothing waits for anything while it holds `lock`. */
    pthread_mutex_t io, lock;
    pthread_t thread;
    pid_t process; /* a forked copy has no thread */
    bool started, stopping, notified;
    bool gridded; /* packets that come do not wake the thread: it looks for them on each point */
    bool eager;   /* something waits for Python that cannot wait for long */
    int epoll, wake, notify;
    double epoch, notified_at, patient_since, sleeps_until, window_at, drained_at, read_at;
    int64_t window_events, recent_events;
    bool real_time, slice, nice; /* what the kernel granted */
    uint64_t next_handle, collection;
    size_t streams;
    agenda due[AGENDAS];
    records filling, emptying;
    counters count;
    size_t departures;
    int read_since_out;
    datagram *arrived;
    departure *leaving;
};

double monotonic_now(void);
pump *pump_new(int notify); /* NULL: errno says why */
void pump_free(pump *of);   /* after the last stream */
stream *pump_add(pump *to, int fd, const limits *most, const framing *frames);
void pump_remove(stream *item);

/* All of these with `lock` held. */
bool stream_arm(stream *item, const receiving *in, const address *source);
void stream_disarm(stream *item);
void stream_lend_out(stream *item, const sending *out, chunk *queue, double now);
/* False for a stranger's, which is dropped. */
bool stream_receive(stream *item, const datagram *data);
void stream_schedule(stream *item);
void stream_join(stream *item, double now);
void stream_send_due(stream *item, double now); /* one tick at that time */
void stream_tick(stream *item, double now);
void stream_check_in(stream *item, double now);
void stream_watch(stream *item, bool reading);
void pump_count_late(double late_ms, double *most, int64_t *buckets);

/* ---- thread.c */

int pump_start(pump *of);
void pump_stop(pump *of);
/* After a change of the agenda, without `lock`: the thread may have to get up earlier. */
void pump_wake(pump *of);
/* With `io` held: reads a stream's socket. */
void pump_read(pump *of, stream *item, double now);
/* With `lock` held: notifies Python if there is something to collect that should not wait any longer. */
void pump_tell(pump *of);

/* ---- fir.c */

#define HALF_BAND_TAPS 28
/* 8 kHz to 16 kHz: see telephony/resample.py. `history` holds the 27 samples before, and afterwards the last 27. */
void upsample(const double *taps, double *history, const uint8_t *pcm, size_t samples, uint8_t *result);

#endif

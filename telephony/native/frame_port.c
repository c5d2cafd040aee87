/* See frame_port.h. Nothing here knows Python. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "frame_port.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIGNATURE 0x4f464648 /* of the port, in PJMEDIA's dumps */
#define PTIME_MS 20
#define POOL_OCTETS 2048

double frame_port_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the clock's side */

static _Atomic uint64_t all_given;

uint64_t frame_ports_given(void) {
    return atomic_load_explicit(&all_given, memory_order_acquire);
}

static int take_frame(pj_port *base, pj_frame *frame) {
    frame_port *port = (frame_port *)(void *)base;
    ring *out = &port->out;
    uint64_t at = atomic_load_explicit(&out->taken_at, memory_order_acquire);
    frame->type = PJ_FRAME_NONE;
    do {
        if (at == atomic_load_explicit(&out->written, memory_order_acquire)) {
            atomic_store_explicit(&out->copied_at, at, memory_order_release);
            atomic_fetch_add_explicit(&port->dry, 1, memory_order_relaxed);
            return 0;
        }
    } while (!atomic_compare_exchange_strong(&out->taken_at, &at, at + 1)); /* else all was dropped just now */
    atomic_store_explicit(&out->last_at, frame_port_now(), memory_order_relaxed);
    memcpy(frame->data, out->data[at % RING_FRAMES], port->frame_octets);
    atomic_store_explicit(&out->copied_at, at + 1, memory_order_release);
    frame->type = PJ_FRAME_AUDIO;
    frame->octets = port->frame_octets;
    return 0;
}

static int give_frame(pj_port *base, pj_frame *frame) {
    frame_port *port = (frame_port *)(void *)base;
    uint64_t ordinal = atomic_fetch_add_explicit(&port->given, 1, memory_order_relaxed);
    uint64_t at = atomic_load_explicit(&port->in.written, memory_order_relaxed);
    if (at - atomic_load_explicit(&port->in.taken_at, memory_order_acquire) >= RING_FRAMES) {
        atomic_fetch_add_explicit(&all_given, 1, memory_order_release);
        return 0; /* lost: the ordinal says so */
    }
    uint8_t *into = port->in.data[at % RING_FRAMES];
    size_t octets = frame->type == PJ_FRAME_AUDIO ? frame->octets : 0;
    if (octets > port->frame_octets)
        octets = port->frame_octets;
    if (octets)
        memcpy(into, frame->data, octets);
    memset(into + octets, 0, port->frame_octets - octets);
    port->in.ordinals[at % RING_FRAMES] = ordinal;
    port->in.times[at % RING_FRAMES] = frame_port_now();
    atomic_store_explicit(&port->in.written, at + 1, memory_order_release);
    atomic_fetch_add_explicit(&all_given, 1, memory_order_release);
    return 0;
}

static void release(frame_port *port) {
    if (atomic_fetch_sub(&port->holders, 1) > 1)
        return;
    void *pool = port->pool;
    const pjsip *of = port->of;
    free(port);
    if (pool != NULL)
        of->pool_release(pool);
}

static int destroyed(pj_port *base) {
    release((frame_port *)(void *)base);
    return 0;
}

/* ---- the loop's side */

frame_port *frame_port_new(const pjsip *of, unsigned rate_hz) {
    unsigned samples = rate_hz * PTIME_MS / 1000;
    frame_port *port = calloc(1, sizeof *port);
    if (port == NULL || 2 * samples > FRAME_OCTETS_MAX) {
        free(port);
        return NULL;
    }
    port->of = of;
    port->slot = -1;
    port->frame_octets = 2 * (size_t)samples;
    atomic_init(&port->holders, 1);
    port->base.get_frame = take_frame;
    port->base.put_frame = give_frame;
    port->base.on_destroy = destroyed;
    return port;
}

bool frame_port_join(frame_port *port) {
    const pj_text text = pj_text_of("offhook");
    unsigned samples = (unsigned)port->frame_octets / 2;
    port->of->info_init(&port->base.info, &text, SIGNATURE, samples * (1000 / PTIME_MS), 1, 16, samples);
    port->pool = port->of->pool_create("offhook", POOL_OCTETS, POOL_OCTETS);
    if (port->pool == NULL)
        return false;
    atomic_fetch_add(&port->holders, 1);
    if (port->of->conf_add(port->pool, &port->base, &port->slot) == 0)
        return true;
    atomic_fetch_sub(&port->holders, 1);
    port->slot = -1;
    return false;
}

void frame_port_close(frame_port *port) {
    if (port->slot >= 0) {
        port->of->conf_remove(port->slot);
        port->slot = -1;
        port->of->port_destroy(&port->base);
    }
    release(port);
}

size_t frame_port_waiting(const frame_port *port) {
    return (size_t)(atomic_load_explicit(&port->out.written, memory_order_relaxed) -
                    atomic_load_explicit(&port->out.taken_at, memory_order_acquire));
}

uint64_t frame_port_taken(const frame_port *port) {
    return atomic_load_explicit(&port->out.taken_at, memory_order_acquire) - port->dropped;
}

size_t frame_port_write(frame_port *port, const uint8_t *pcm, size_t frames) {
    uint64_t at = atomic_load_explicit(&port->out.written, memory_order_relaxed);
    size_t room = RING_FRAMES - (size_t)(at - atomic_load_explicit(&port->out.copied_at, memory_order_acquire));
    if (frames > room)
        frames = room;
    for (size_t each = 0; each < frames; each++)
        memcpy(port->out.data[(at + each) % RING_FRAMES], pcm + each * port->frame_octets, port->frame_octets);
    atomic_store_explicit(&port->out.written, at + frames, memory_order_release);
    return frames;
}

size_t frame_port_clear(frame_port *port) {
    uint64_t written = atomic_load_explicit(&port->out.written, memory_order_relaxed);
    uint64_t dropped = written - atomic_exchange(&port->out.taken_at, written);
    port->dropped += dropped;
    return (size_t)dropped;
}

bool frame_port_read(frame_port *port, uint8_t *pcm, uint64_t *ordinal, double *came_at) {
    uint64_t at = atomic_load_explicit(&port->in.taken_at, memory_order_relaxed);
    if (at == atomic_load_explicit(&port->in.written, memory_order_acquire))
        return false;
    memcpy(pcm, port->in.data[at % RING_FRAMES], port->frame_octets);
    *ordinal = port->in.ordinals[at % RING_FRAMES];
    *came_at = port->in.times[at % RING_FRAMES];
    atomic_store_explicit(&port->in.taken_at, at + 1, memory_order_release);
    return true;
}

/* ---- the library */

/* A port as the library sees it: what comes after it is no part of it, and has to stay as it is. */
typedef struct {
    pj_port port;
    uint64_t after[8];
    int gets, puts, ends;
    bool intact;
} trial;

static int trial_get(pj_port *base, pj_frame *frame) {
    trial *of = (trial *)(void *)base;
    of->gets++;
    frame->type = PJ_FRAME_AUDIO;
    return 0;
}

static int trial_put(pj_port *base, pj_frame *frame) {
    trial *of = (trial *)(void *)base;
    of->puts++;
    of->intact = frame->type == PJ_FRAME_AUDIO && frame->octets == 320;
    return 0;
}

static int trial_end(pj_port *base) {
    ((trial *)(void *)base)->ends++;
    return 0;
}

static const char *try_port(const pjsip *of) {
    const pj_text text = pj_text_of("trial");
    trial tried;
    memset(&tried, 0, sizeof tried);
    of->info_init(&tried.port.info, &text, SIGNATURE, 8000, 1, 16, 160);
    const pj_port_info *info = &tried.port.info;
    if (info->signature != SIGNATURE || info->format.rate_hz != 8000 || info->format.channels != 1 ||
        info->format.frame_us != 20000 || info->format.bits != 16 || info->name.octets != 5 || tried.port.owner != NULL)
        return "its ports are laid out in another way";
    tried.port.get_frame = trial_get;
    tried.port.put_frame = trial_put;
    tried.port.on_destroy = trial_end;
    pj_frame frame = {PJ_FRAME_NONE, NULL, 320, 0, 0};
    of->port_get(&tried.port, &frame);
    of->port_put(&tried.port, &frame);
    of->port_destroy(&tried.port);
    for (size_t at = 0; at < sizeof tried.after / sizeof tried.after[0]; at++)
        if (tried.after[at] != 0)
            return "its ports are longer";
    if (tried.gets != 1 || tried.puts != 1 || tried.ends != 1 || !tried.intact)
        return "its ports are called in another way";
    return NULL;
}

static const char *try_frame(const pjsip *of) {
    void *pool = of->pool_create("trial", POOL_OCTETS, POOL_OCTETS);
    if (pool == NULL)
        return "it has no memory";
    const char *why = "its frames are laid out in another way";
    uint8_t audio[320];
    pj_port *silent = NULL;
    pj_frame frame = {PJ_FRAME_NONE, audio, sizeof audio, 0, 0};
    memset(audio, 1, sizeof audio);
    if (of->null_port(pool, 8000, 1, 160, 16, &silent) == 0 && of->port_get(silent, &frame) == 0 &&
        frame.type == PJ_FRAME_AUDIO && frame.octets == sizeof audio && frame.data == audio && audio[0] == 0 &&
        audio[sizeof audio - 1] == 0)
        why = NULL;
    if (silent != NULL)
        of->port_destroy(silent);
    of->pool_release(pool);
    return why;
}

const char *pjsip_open(pjsip *of, const char *path) {
    void *library = pj_library(path);
    if (library == NULL)
        return "it is not loaded";
    FIND(library, *of, pool_create, "pjsua_pool_create");
    FIND(library, *of, pool_release, "pj_pool_release");
    FIND(library, *of, info_init, "pjmedia_port_info_init");
    FIND(library, *of, port_get, "pjmedia_port_get_frame");
    FIND(library, *of, port_put, "pjmedia_port_put_frame");
    FIND(library, *of, port_destroy, "pjmedia_port_destroy");
    FIND(library, *of, null_port, "pjmedia_null_port_create");
    FIND(library, *of, conf_add, "pjsua_conf_add_port");
    FIND(library, *of, conf_remove, "pjsua_conf_remove_port");
    FIND(library, *of, conf_connect, "pjsua_conf_connect");
    FIND(library, *of, conf_disconnect, "pjsua_conf_disconnect");
    FIND(library, *of, media_info, "pjsua_call_get_med_transport_info");
    FIND(library, *of, stream_pause, "pjmedia_stream_pause");
    FIND(library, *of, stream_resume, "pjmedia_stream_resume");
    FIND(library, *of, most_calls, "pjsua_call_get_max_count");
    FIND(library, *of, calls, "pjsua_call_get_count");
    const char *why = try_port(of);
    return why != NULL ? why : try_frame(of);
}

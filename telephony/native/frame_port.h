/* A port of PJMEDIA's conference bridge, between PJSIP's media clock and an event loop.
 *
 * Theory of operation. The clock's thread takes 20 ms of audio (`get_frame`) and gives 20 ms (`put_frame`) at each tick,
 * without the interpreter. Two rings of frames, one for each direction, stand between it and the loop's thread, which are
 * their only two users; neither ever waits for the other.
 *
 *   out   The loop writes, the clock takes. Taking a frame and dropping all of them both move `taken_at`, by
 *         compare-and-swap: so each frame is either played or dropped, and both sides agree which. A frame that was taken
 *         is still being copied; `copied_at` says up to where the clock is done, and the loop writes over no other.
 *   in    The clock writes, the loop takes. When the loop is late for longer than the ring holds, frames are lost, and
 *         their number is known by the frames' ordinals: the loop puts silence in their place.
 *
 * The port lives until both the loop and PJMEDIA have released it.
 *
 * The layouts below are those of PJMEDIA 2.10 to 2.17; `pjsip_open` has the library use them before any call does, and
 * refuses it if it fails.
 */
#ifndef OFFHOOK_FRAME_PORT_H
#define OFFHOOK_FRAME_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pj_library.h"

#define FRAME_OCTETS_MAX 640 /* 20 ms at 16 kHz */
#define RING_FRAMES 64       /* 1.28 s; a power of two */

/* ---- PJMEDIA's layouts */

enum { PJ_FRAME_NONE, PJ_FRAME_AUDIO };
enum { DIR_ENCODING = 1 };

typedef struct {
    int type;
    void *data;
    size_t octets;
    uint64_t timestamp;
    uint32_t bits;
} pj_frame;

typedef struct {
    pj_text name;
    uint32_t signature;
    int direction;
    struct {
        uint32_t id;
        int type, detail;
        uint32_t rate_hz, channels, frame_us, bits, average_bps, highest_bps;
    } format;
} pj_port_info;

typedef struct pj_port pj_port;
struct pj_port {
    pj_port_info info;
    void *owner;
    long number;
    void *lock;
    void *(*clock_source)(pj_port *, int direction);
    int (*put_frame)(pj_port *, pj_frame *);
    int (*get_frame)(pj_port *, pj_frame *);
    int (*on_destroy)(pj_port *);
};

typedef struct {
    void *(*pool_create)(const char *name, size_t octets, size_t more);
    void (*pool_release)(void *pool);
    int (*info_init)(pj_port_info *, const pj_text *name, unsigned signature, unsigned rate_hz, unsigned channels,
                     unsigned bits, unsigned samples);
    int (*port_get)(pj_port *, pj_frame *);
    int (*port_put)(pj_port *, pj_frame *);
    int (*port_destroy)(pj_port *);
    int (*null_port)(void *pool, unsigned rate_hz, unsigned channels, unsigned samples, unsigned bits, pj_port **);
    int (*conf_add)(void *pool, pj_port *, int *slot);
    int (*conf_remove)(int slot);
    int (*conf_connect)(int from, int to);
    int (*conf_disconnect)(int from, int to);
    int (*media_info)(int call, unsigned media, void *info); /* which begins with the RTP socket, a long */
    int (*stream_pause)(void *stream, int direction);
    int (*stream_resume)(void *stream, int direction);
    unsigned (*most_calls)(void), (*calls)(void);
} pjsip;

/* Finds what is needed in a library that is loaded, and has it use the layouts above. NULL: all is well; else why not. After
 * PJSUA was created. */
const char *pjsip_open(pjsip *of, const char *path);

/* ---- the port */

typedef struct {
    _Atomic uint64_t written, taken_at; /* frames, in all */
    _Atomic uint64_t copied_at;         /* out */
    _Atomic double last_at;             /* out: when the clock took one */
    uint64_t ordinals[RING_FRAMES];     /* in */
    double times[RING_FRAMES];          /* in: when the clock gave them */
    uint8_t data[RING_FRAMES][FRAME_OCTETS_MAX];
} ring;

typedef struct {
    pj_port base;
    const pjsip *of;
    void *pool;
    size_t frame_octets;
    int slot; /* in the bridge; -1: in none */
    ring out, in;
    uint64_t dropped;            /* the loop's own: frames of `out` */
    _Atomic uint64_t given, dry; /* frames that the clock gave, lost ones included; ticks that found `out` empty */
    _Atomic int holders;
} frame_port;

/* In no bridge; `of` NULL: it never will be. NULL: no memory. */
frame_port *frame_port_new(const pjsip *of, unsigned rate_hz);
/* Joins the bridge; false: it takes no more. */
bool frame_port_join(frame_port *port);
/* The loop releases it; PJMEDIA does at one of the next ticks. */
void frame_port_close(frame_port *port);

/* Appends whole frames; returns how many there was room for. */
size_t frame_port_write(frame_port *port, const uint8_t *pcm, size_t frames);
/* Drops all that the clock has not taken; returns how many frames. */
size_t frame_port_clear(frame_port *port);
/* Frames that wait, and those that the clock has taken. */
size_t frame_port_waiting(const frame_port *port);
uint64_t frame_port_taken(const frame_port *port);
/* Copies the next frame that the clock gave; false: there is none. `*ordinal` is how many it gave before, `*at` when. */
bool frame_port_read(frame_port *port, uint8_t *pcm, uint64_t *ordinal, double *at);

/* Frames that the clock has given to any port: what changes at each of its ticks. */
uint64_t frame_ports_given(void);

double frame_port_now(void);

#endif

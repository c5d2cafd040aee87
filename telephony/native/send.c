/* Outbound, paced: queued audio to RTP packets, one per packet time. The twin of telephony/rtp/sender.py without
 * DTMF; the rules and their reasons are there. */

#include "media.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EXTRA_PACKETS 2
#define STALL_S 0.2
#define KEEP_ALIVE_S 5.0
#define ROUNDING 1e-6

struct chunk {
    chunk *next;
    size_t octets;
    uint8_t data[];
};

chunk *chunk_new(const void *payload, size_t octets) {
    chunk *made = malloc(sizeof(chunk) + octets);
    if (made != NULL) {
        made->next = NULL;
        made->octets = octets;
        memcpy(made->data, payload, octets);
    }
    return made;
}

void chunks_free(chunk *first) {
    while (first != NULL) {
        chunk *next = first->next;
        free(first);
        first = next;
    }
}

void send_append(sending *out, chunk *audio) {
    if (out->last != NULL)
        out->last->next = audio;
    else
        out->first = audio;
    out->last = audio;
    out->queued_ticks += (int64_t)audio->octets;
}

chunk *send_clear(sending *out, int64_t *dropped) {
    chunk *first = out->first;
    *dropped = out->queued_ticks;
    out->dropped += out->queued_ticks;
    out->first = out->last = NULL;
    out->head = 0;
    out->queued_ticks = 0;
    out->ran_dry = true;
    out->dry_at = -INFINITY;
    return first;
}

bool send_active(const sending *out) {
    return out->queued_ticks > 0 && out->send;
}

void send_queue(const sending *out, uint8_t *octets) {
    size_t head = out->head;
    for (const chunk *at = out->first; at != NULL; at = at->next) {
        memcpy(octets, at->data + head, at->octets - head);
        octets += at->octets - head;
        head = 0;
    }
}

static int64_t clock_at(const sending *out, double now) {
    return out->clock_timestamp + llrint((now - out->clock_now) * TICK_HZ);
}

static void new_spurt(sending *out, double now) {
    out->spurt_at = now;
    out->spurt_slots = 0;
    out->marker = true;
    int64_t real = clock_at(out, now);
    if (real > out->timestamp)
        out->timestamp = real;
}

static int64_t due_slots(sending *out, double now) {
    double ahead = (double)out->spurt_slots - (now - out->spurt_at) / out->packet_s;
    if (-1 < ahead && ahead < 1 - ROUNDING)
        return 1;
    if (ahead >= 1 - ROUNDING)
        return 0;
    bool stalled = -ahead * out->packet_s > STALL_S;
    if (out->ran_dry || stalled) {
        out->stalls += stalled && !out->ran_dry && out->spurt_at > -INFINITY;
        out->underruns += now - out->dry_at < STALL_S;
        new_spurt(out, now);
        return 1;
    }
    int64_t slots = 1 + (int64_t)(-ahead + ROUNDING);
    return slots < 1 + MAX_EXTRA_PACKETS ? slots : 1 + MAX_EXTRA_PACKETS;
}

static void end_slot(sending *out) {
    out->timestamp += out->packet_ticks;
    out->spurt_slots++;
    out->ran_dry = !send_active(out);
}

/* `packet` has the payload already, behind room for the header. */
static void send_packet(sending *out, int kind, uint8_t *packet, size_t octets, double now, packet_sink *sink,
                        void *context) {
    uint32_t timestamp = (uint32_t)(uint64_t)out->timestamp;
    packet[0] = RTP_PLAIN;
    packet[1] = (uint8_t)kind;
    packet[2] = (uint8_t)(out->sequence >> 8);
    packet[3] = (uint8_t)out->sequence;
    for (int i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
        packet[8 + i] = (uint8_t)(out->ssrc >> (24 - 8 * i));
    }
    sink(context, packet, RTP_HEADER_OCTETS + octets);
    out->sequence = (out->sequence + 1) & 0xFFFF;
    out->packets++;
    out->octets += (int64_t)octets;
    out->keep_alive_at = now + (out->noise_payload_type >= 0 ? out->packet_s : KEEP_ALIVE_S);
}

/* Up to `samples` octets from the queue's front. */
static size_t take(sending *out, uint8_t *to, size_t samples) {
    size_t taken = 0;
    while (taken < samples && out->first != NULL) {
        chunk *front = out->first;
        size_t here = front->octets - out->head;
        if (here > samples - taken)
            here = samples - taken;
        memcpy(to + taken, front->data + out->head, here);
        taken += here;
        out->head += here;
        if (out->head == front->octets) {
            out->first = front->next;
            if (out->first == NULL)
                out->last = NULL;
            out->head = 0;
            free(front);
        }
    }
    return taken;
}

static size_t send_audio(sending *out, double now, uint8_t *copy, packet_sink *sink, void *context) {
    uint8_t packet[RTP_HEADER_OCTETS + PACKET_TICKS_MAX];
    size_t samples = (size_t)out->packet_ticks;
    size_t taken = take(out, packet + RTP_HEADER_OCTETS, samples);
    memset(packet + RTP_HEADER_OCTETS + taken, out->silence, samples - taken);
    memcpy(copy, packet + RTP_HEADER_OCTETS, taken);
    int kind = out->payload_type | (out->marker ? RTP_MARKER : 0);
    out->marker = false;
    send_packet(out, kind, packet, samples, now, sink, context);
    out->queued_ticks -= (int64_t)taken;
    out->sent_ticks += (int64_t)taken;
    if (out->queued_ticks == 0) {
        out->drained = true;
        out->dry_at = now;
    }
    end_slot(out);
    return taken;
}

void send_keep_alive(sending *out, double now, packet_sink *sink, void *context) {
    if (now < out->keep_alive_at || !out->send || send_active(out))
        return;
    uint8_t packet[RTP_HEADER_OCTETS + PACKET_TICKS_MAX];
    new_spurt(out, now);
    if (out->noise_payload_type < 0) {
        memset(packet + RTP_HEADER_OCTETS, out->silence, (size_t)out->packet_ticks);
        send_packet(out, out->payload_type | RTP_MARKER, packet, (size_t)out->packet_ticks, now, sink, context);
    } else {
        packet[RTP_HEADER_OCTETS] = out->noise_level;
        send_packet(out, out->noise_payload_type, packet, 1, now, sink, context);
    }
    out->keep_alive_at = now + KEEP_ALIVE_S;
    end_slot(out);
}

int64_t send_tick(sending *out, double now, uint8_t *taken, packet_sink *sink, void *context) {
    if (!send_active(out)) {
        send_keep_alive(out, now, sink, context);
        return -1;
    }
    size_t total = 0;
    for (int64_t slots = due_slots(out, now); slots > 0 && send_active(out); slots--)
        total += send_audio(out, now, taken + total, sink, context);
    return total ? (int64_t)total : -1;
}

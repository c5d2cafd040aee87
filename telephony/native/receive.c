/* Inbound, for a plain stream: the next packet, and nothing else. The twin of Receiver.receive and
 * JitterBuffer.push; whatever is not plain goes there. */

#include "media.h"

#include <math.h>

#define REFILL_HZ 8080.0 /* the clocks of both ends may differ by 1 % */
#define ABSURD_STEP_TICKS 8000.0
#define JITTER_FACTOR 3.0

static uint32_t word_at(const uint8_t *octets) {
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
}

static bool is_next(const receiving *in, const uint8_t *datagram) {
    uint32_t sequence = (uint32_t)datagram[2] << 8 | datagram[3];
    return datagram[0] == RTP_PLAIN && (datagram[1] & 0x7F) == in->payload_type &&
           sequence == ((uint64_t)(in->highest + 1) & 0xFFFF) && word_at(datagram + 4) == in->next_timestamp &&
           word_at(datagram + 8) == in->ssrc;
}

/* Interarrival jitter (RFC 3550 A.8). */
static void estimate_jitter(receiving *in, uint32_t timestamp, double now) {
    double difference =
        fabs((now - in->jitter_arrival) * TICK_HZ - (double)(int32_t)(timestamp - in->jitter_timestamp));
    if (difference < ABSURD_STEP_TICKS)
        in->jitter_ticks += (difference - in->jitter_ticks) / 16;
    in->jitter_arrival = now;
    in->jitter_timestamp = timestamp;
}

/* Was it worth waiting longer than usual? */
static void review_spike_hold(receiving *in, const limits *most, double now) {
    double held_s = now - in->arrival - (double)in->packet_ticks / TICK_HZ;
    if (held_s * 1000 > most->overdue_wait_min_ms)
        in->spike_hold_until = now + most->spike_hold_kept_s;
    else if (now >= in->spike_hold_until)
        in->spike_hold_s = 0;
}

bool receive_next(receiving *in, const limits *most, const uint8_t *datagram, size_t octets, double now,
                  int64_t *at_tick) {
    if (octets <= RTP_HEADER_OCTETS || octets > (size_t)most->datagram_octets || !is_next(in, datagram))
        return false;
    int64_t ticks = (int64_t)(octets - RTP_HEADER_OCTETS);
    bool new_window = now >= in->window_end;
    int64_t window_left = new_window ? most->packets_per_s : in->window_left;
    double budget = in->budget + (now - in->budget_at) * REFILL_HZ - (double)ticks;
    if (window_left <= 0 || budget < 0)
        return false;
    if (new_window)
        in->window_end = now + 1;
    in->window_left = window_left - 1;
    in->packets++;
    in->octets += ticks;
    in->last_at = now;
    in->highest++;
    in->received++;
    estimate_jitter(in, in->next_timestamp, now);
    in->next_timestamp += (uint32_t)ticks;
    if (in->spike_hold_s > 0)
        review_spike_hold(in, most, now);
    in->packet_ticks = ticks;
    in->arrival = now;
    double lead_ticks = most->lead_ms * 8.0;
    in->budget = budget < lead_ticks ? budget : lead_ticks;
    in->budget_at = now;
    *at_tick = in->position;
    in->position += ticks;
    return true;
}

double receive_overdue(const receiving *in, const limits *most) {
    double wait_ms = (JITTER_FACTOR * in->jitter_ticks + (double)in->packet_ticks) / 8;
    double gap_wait_s = fmin(fmax(wait_ms, most->gap_wait_min_ms), most->gap_wait_max_ms) / 1000;
    double overdue = fmax(fmax(gap_wait_s, most->overdue_wait_min_ms / 1000), in->spike_hold_s);
    return in->arrival + (double)in->packet_ticks / TICK_HZ + overdue;
}

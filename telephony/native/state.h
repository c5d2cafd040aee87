/* What a session lends to the pump, field by field: these lists make the structs, and state.c reads and writes the
 * values of the same names in telephony/rtp/handover.py, by name. A new field is a line here and one there. */
#ifndef OFFHOOK_STATE_H
#define OFFHOOK_STATE_H

/* ReceiveState */
#define RECEIVE_STATE(FIELD)                                                                                           \
    FIELD(uint32_t, ssrc)                                                                                              \
    FIELD(uint8_t, payload_type)                                                                                       \
    FIELD(int64_t, highest)                                                                                            \
    FIELD(int64_t, received)                                                                                           \
    FIELD(uint32_t, next_timestamp)                                                                                    \
    FIELD(int64_t, packets)                                                                                            \
    FIELD(int64_t, octets)                                                                                             \
    FIELD(int64_t, rejected_source)                                                                                    \
    FIELD(double, last_at)                                                                                             \
    FIELD(double, window_end)                                                                                          \
    FIELD(int64_t, window_left)                                                                                        \
    FIELD(double, jitter_ticks)                                                                                        \
    FIELD(double, jitter_arrival)                                                                                      \
    FIELD(uint32_t, jitter_timestamp)                                                                                  \
    FIELD(int64_t, packet_ticks)                                                                                       \
    FIELD(double, arrival)                                                                                             \
    FIELD(int64_t, position)                                                                                           \
    FIELD(double, budget)                                                                                              \
    FIELD(double, budget_at)                                                                                           \
    FIELD(double, spike_hold_s)                                                                                          \
    FIELD(double, spike_hold_until)

/* SendState */
#define SEND_STATE(FIELD)                                                                                              \
    FIELD(uint32_t, ssrc)                                                                                              \
    FIELD(uint8_t, payload_type)                                                                                       \
    FIELD(uint8_t, silence)                                                                                            \
    FIELD(int32_t, noise_payload_type)                                                                                 \
    FIELD(uint8_t, noise_level)                                                                                        \
    FIELD(bool, send)                                                                                                  \
    FIELD(bool, marker)                                                                                                \
    FIELD(bool, ran_dry)                                                                                               \
    FIELD(int64_t, sequence)                                                                                           \
    FIELD(int64_t, timestamp)                                                                                          \
    FIELD(double, clock_now)                                                                                           \
    FIELD(int64_t, clock_timestamp)                                                                                    \
    FIELD(int64_t, packets)                                                                                            \
    FIELD(int64_t, octets)                                                                                             \
    FIELD(int64_t, sent_ticks)                                                                                         \
    FIELD(int64_t, dropped)                                                                                            \
    FIELD(double, spurt_at)                                                                                            \
    FIELD(int64_t, spurt_slots)                                                                                        \
    FIELD(int64_t, packet_ticks)                                                                                       \
    FIELD(double, packet_s)                                                                                            \
    FIELD(double, keep_alive_at)                                                                                       \
    FIELD(double, dry_at)                                                                                              \
    FIELD(int64_t, underruns)                                                                                          \
    FIELD(int64_t, stalls)

#define DECLARE_FIELD(type, name) type name;

#endif

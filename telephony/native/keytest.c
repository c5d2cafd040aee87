/* Whether audio may hold a DTMF key: the first, cheap test of telephony/dtmf_tones.py, which has the other ones. */

#include "media.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#define BLOCK 80 /* 10 ms */
#define LOW 4    /* frequencies; as many high ones */
#define WAVES (4 * LOW)

static const double frequencies_hz[2 * LOW] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};

typedef float lanes __attribute__((vector_size(WAVES * sizeof(float))));
static lanes waves[BLOCK]; /* eight cosines, eight sines */

void keytest_prepare(void) {
    for (int i = 0; i < BLOCK; i++)
        for (int n = 0; n < 2 * LOW; n++) {
            double phase = 2 * M_PI * frequencies_hz[n] / TICK_HZ * i;
            waves[i][n] = (float)cos(phase);
            waves[i][2 * LOW + n] = (float)sin(phase);
        }
}

static float strongest(const lanes *of, int from) {
    const lanes sums = *of;
    float best = 0;
    for (int n = from; n < from + LOW; n++) {
        float power = sums[n] * sums[n] + sums[2 * LOW + n] * sums[2 * LOW + n];
        best = power > best ? power : best;
    }
    return best;
}

bool may_hold_key(const uint8_t *pcm, size_t samples, float least_power, float least_share) {
    for (; samples >= BLOCK; samples -= BLOCK, pcm += 2 * BLOCK) {
        float block[BLOCK], energy = 0;
        for (int i = 0; i < BLOCK; i++) {
            uint16_t sample;
            memcpy(&sample, pcm + 2 * i, 2);
            block[i] = (float)(int16_t)le16toh(sample);
            energy += block[i] * block[i];
        }
        if (energy < least_power * BLOCK)
            continue;
        lanes sums = {0};
        for (int i = 0; i < BLOCK; i++)
            sums += block[i] * waves[i];
        if ((strongest(&sums, 0) + strongest(&sums, LOW)) * 2 >= least_share * energy * BLOCK)
            return true;
    }
    return false;
}

/* The half-band upsampler. Taps and samples are whole numbers, so the sums are exact in doubles in any order. */

#include "media.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#define HISTORY (HALF_BAND_TAPS - 1)
#define SIDE (HALF_BAND_TAPS / 2)
#define UNIT (1.0 / (1 << 24))
#define BLOCK 160

static void write_sample(uint8_t *to, double value) {
    uint16_t sample = htole16((uint16_t)(int16_t)value);
    memcpy(to, &sample, 2);
}

/* `window` has HISTORY samples and then `samples` more. */
static void filter(const double *taps, const double *window, size_t samples, uint8_t *result) {
    double between[BLOCK] = {0};
    for (int tap = 0; tap < HALF_BAND_TAPS; tap++) {
        double weight = taps[HALF_BAND_TAPS - 1 - tap];
        for (size_t i = 0; i < samples; i++)
            between[i] += window[i + (size_t)tap] * weight;
    }
    for (size_t i = 0; i < samples; i++) {
        write_sample(result + 4 * i, window[i + SIDE - 1]);
        write_sample(result + 4 * i + 2, fmax(fmin(rint(between[i] * UNIT), 32767.0), -32768.0));
    }
}

void upsample(const double *taps, double *history, const uint8_t *pcm, size_t samples, uint8_t *result) {
    double window[HISTORY + BLOCK];
    memcpy(window, history, HISTORY * sizeof(double));
    while (samples > 0) {
        size_t here = samples < BLOCK ? samples : BLOCK;
        for (size_t i = 0; i < here; i++) {
            uint16_t sample;
            memcpy(&sample, pcm + 2 * i, 2);
            window[HISTORY + i] = (int16_t)le16toh(sample);
        }
        filter(taps, window, here, result);
        memmove(window, window + here, HISTORY * sizeof(double));
        pcm += 2 * here;
        result += 4 * here;
        samples -= here;
    }
    memcpy(history, window, HISTORY * sizeof(double));
}

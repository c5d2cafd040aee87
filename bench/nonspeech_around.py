"""More sounds on a phone line that are not speech: of the caller's body, their house, their street, and the network.

As in `bench.waves`; the weights of the evidence were fitted with all of them.
"""

import numpy as np

from bench.waves import RATE_HZ, Make, Wave, band, cadence, envelope, glide, hits, times, tones, voiced


def baby(rng: np.random.Generator) -> Wave:
    """Crying."""
    cries = []
    for _ in range(int(rng.integers(1, 4))):
        t, top = times(rng, 0.4, 0.9), rng.uniform(380, 560)
        cry = voiced(glide(t, 0.8 * top, top, 0.95 * top, 0.7 * top), 0.8, 7) + rng.normal(scale=0.2, size=len(t))
        cries += [band(cry, 300, 3_600) * np.sqrt(np.hanning(len(t))), np.zeros(int(rng.uniform(1_000, 2_500)))]
    return np.concatenate(cries)


def cat(rng: np.random.Generator) -> Wave:
    """Meowing."""
    t, hz = times(rng, 0.4, 1.0), rng.uniform(400, 650)
    whole = voiced(glide(t, 0.8 * hz, 1.2 * hz, hz, 0.6 * hz), 1.0, 6)
    opened = np.sin(np.pi * t / t[-1])
    return np.asarray((band(whole, 300, 900) * (1 - opened) + band(whole, 700, 2_500) * opened) * opened)


def yawn(rng: np.random.Generator) -> Wave:
    """With a voice in it that falls."""
    t = times(rng, 0.9, 2.0)
    voice = voiced(glide(t, 160, 220, 110), 1.3) * np.clip(np.sin(np.pi * t / t[-1]), 0, 1) ** 2
    return np.asarray(band(voice, 200, 1_400) + 0.6 * band(rng.normal(size=len(t)), 300, 2_500) * t / t[-1])


def hum_a_tune(rng: np.random.Generator) -> Wave:
    """With closed lips."""
    t = times(rng, 1.0)
    notes = np.repeat(rng.choice([110, 123, 131, 147, 165, 196, 220], 1 + len(t) // 2_400), 2_400)[: len(t)]
    pitch = notes * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * t))
    return band(voiced(2 * np.pi * np.cumsum(pitch) / RATE_HZ, 1.6), 100, 900)


def whistle(rng: np.random.Generator) -> Wave:
    """A tune, or after a dog."""
    t = times(rng, 0.5)
    hz = rng.uniform(900, 2_200, int(rng.integers(2, 7)))
    return np.asarray(np.sin(glide(t, *hz)) + 0.05 * rng.normal(size=len(t)))


def sniff(rng: np.random.Generator) -> Wave:
    """Once or twice."""
    t = np.arange(int(0.22 * RATE_HZ)) / RATE_HZ
    one = band(rng.normal(size=len(t)), 900, 3_700) * envelope(t, 0.12, 0.04)
    return np.concatenate([one, np.zeros(1_800)] * int(rng.integers(1, 4)))


def lips(rng: np.random.Generator) -> Wave:
    """Smacking, chewing."""
    return hits(
        rng, times(rng, 0.5), 4.0, lambda: band(rng.normal(size=400), 500, 3_000) * np.exp(-np.arange(400) / 60)
    )


def hiccup(rng: np.random.Generator) -> Wave:
    """A voice that is cut off."""
    t = np.arange(int(0.14 * RATE_HZ)) / RATE_HZ
    one = band(voiced(glide(t, 180, 420), 1.0), 250, 2_000) * envelope(t, 0.06, 0.03)
    return np.concatenate([one, np.zeros(int(rng.uniform(2_000, 6_000)))] * int(rng.integers(1, 3)))


def snore(rng: np.random.Generator) -> Wave:
    """In, and out."""
    t = times(rng, 0.8, 1.6)
    flutter = np.sign(np.sin(2 * np.pi * np.cumsum(rng.normal(32, 4, len(t))) / RATE_HZ))
    return np.asarray(band(rng.normal(size=len(t)) * (1 + flutter), 150, 1_300) * np.sin(np.pi * t / t[-1]))


def groan(rng: np.random.Generator) -> Wave:
    """Ah, or mm: a vowel without a word."""
    t, hz = times(rng, 0.3, 1.0), rng.uniform(90, 230)
    voice = voiced(glide(t, hz, 1.1 * hz, 0.8 * hz), 1.0, 20) + rng.normal(scale=0.2, size=len(t))
    first = rng.uniform(300, 800)
    shaped = band(voice, first - 150, first + 150) + 0.4 * band(voice, first + 500, first + 900)
    return np.asarray(shaped * np.sqrt(np.hanning(len(t))))


def traffic(rng: np.random.Generator) -> Wave:
    """Cars that pass."""
    t = times(rng, 1.0)
    rush = band(rng.normal(size=len(t)), 50, 3_000, -0.7) * (0.4 + np.sin(np.pi * rng.uniform(0.3, 1) * t) ** 2)
    engine = voiced(glide(t, *rng.uniform(35, 90, 3)), 0.9, 20)
    return np.asarray(rush / rush.std() + rng.uniform(0.1, 0.8) * engine / engine.std())


def horn(rng: np.random.Generator) -> Wave:
    """Of a car."""
    t, hz = times(rng, 0.3, 1.2), rng.uniform(330, 480)
    both = voiced(2 * np.pi * hz * t, 0.7, 8) + voiced(2 * np.pi * 1.26 * hz * t, 0.7, 7)
    return both * (cadence(t, 0.25, 0.12) if rng.random() < 0.5 else 1.0)


def train(rng: np.random.Generator) -> Wave:
    """Wheels over joints."""
    t = times(rng, 1.0)
    beat = 0.2 + np.exp(-(t % rng.uniform(0.3, 0.6)) / 0.06)
    return np.asarray(band(rng.normal(size=len(t)), 60, 1_200, -0.5) * beat)


def rain(rng: np.random.Generator) -> Wave:
    """On a window."""
    t = times(rng, 0.8)
    drops = (rng.random(len(t)) < 0.02) * rng.exponential(size=len(t)) * rng.choice([-1.0, 1.0], len(t))
    return np.asarray(band(drops, 400, 3_800) + 0.05 * rng.normal(size=len(t)))


def vacuum_cleaner(rng: np.random.Generator) -> Wave:
    """Or a hair dryer."""
    t, hz = times(rng, 0.8), rng.uniform(150, 420)
    motor = voiced(glide(t, hz, 1.03 * hz, 0.99 * hz), 0.8, 8)
    return np.asarray(motor / motor.std() + rng.uniform(0.5, 2) * band(rng.normal(size=len(t)), 200, 3_900))


def drill(rng: np.random.Generator) -> Wave:
    """Next door."""
    t = times(rng, 0.5)
    hz = rng.uniform(50, 160)
    return band(np.sign(np.sin(glide(t, 0.5 * hz, hz, hz))) + rng.normal(scale=0.5, size=len(t)), 120, 3_000)


def footsteps(rng: np.random.Generator) -> Wave:
    """On wood."""
    t, step = times(rng, 1.0), rng.uniform(0.35, 0.65)
    return np.asarray(band(rng.normal(size=len(t)), 80, 1_000, -0.5) * np.exp(-(t % step) / 0.025))


def dishes(rng: np.random.Generator) -> Wave:
    """Cups and spoons."""

    def clink() -> Wave:
        t, hz = np.arange(1_600) / RATE_HZ, rng.uniform(1_400, 3_200)
        return tones(t, hz, 1.17 * hz) * np.exp(-t / rng.uniform(0.01, 0.06))

    return hits(rng, times(rng, 0.6), 3.0, clink)


def door(rng: np.random.Generator) -> Wave:
    """Slammed, perhaps with a creak before."""
    t = np.arange(int(0.35 * RATE_HZ)) / RATE_HZ
    slam = band(rng.normal(size=len(t)), 60, 1_500, -0.7) * np.exp(-t / 0.05)
    creak = np.sign(np.sin(glide(t, *rng.uniform(60, 300, 4)))) * rng.normal(size=len(t))
    return np.concatenate([0.2 * band(creak, 500, 2_500), slam]) if rng.random() < 0.5 else slam


def paper(rng: np.random.Generator) -> Wave:
    """Turned, or crumpled."""
    t = times(rng, 0.3, 1.5)
    return np.asarray(band(rng.normal(size=len(t)), 1_000, 3_900) * np.abs(band(rng.normal(size=len(t)), 2, 25)) ** 2)


def blowing(rng: np.random.Generator) -> Wave:
    """Into the microphone."""
    t = times(rng, 0.3, 1.0)
    return np.asarray(np.clip(band(rng.normal(size=len(t)), 40, 500, -1.0) * 40 * np.sin(np.pi * t / t[-1]), -1.0, 1.0))


def busy_us(rng: np.random.Generator) -> Wave:
    """480 and 620 Hz."""
    t = times(rng, 1.0)
    return tones(t, 480, 620) * cadence(t, *((0.5, 0.5) if rng.random() < 0.5 else (0.25, 0.25)))


def three_tones(_rng: np.random.Generator) -> Wave:
    """Before "the number you have dialled"."""
    t = np.arange(int(0.33 * RATE_HZ)) / RATE_HZ
    return np.concatenate([np.sin(2 * np.pi * hz * t) for hz in (950, 1_400, 1_800)])


def modem(rng: np.random.Generator) -> Wave:
    """Two tones, chosen by bits."""
    t = times(rng, 0.6)
    bits = np.repeat(rng.integers(0, 2, 1 + len(t) // 27), 27)[: len(t)]
    return np.asarray(np.sin(2 * np.pi * np.cumsum(1_270 - 200 * bits) / RATE_HZ))


def drums(rng: np.random.Generator) -> Wave:
    """And a bass, on hold."""
    t, beat = times(rng, 1.2), rng.uniform(0.2, 0.4)
    hits = band(rng.normal(size=len(t)), 200, 3_900) * np.exp(-(t % beat) / 0.03)
    roots = np.repeat(rng.choice([55, 65, 73, 82, 98], 1 + len(t) // 3_000), 3_000)[: len(t)]
    return np.asarray(hits + 0.7 * voiced(2 * np.pi * np.cumsum(roots) / RATE_HZ, 0.8, 8))


AROUND: tuple[Make, ...] = (
    baby,
    yawn,
    whistle,
    sniff,
    hiccup,
    groan,
    traffic,
    train,
    vacuum_cleaner,
    dishes,
    paper,
    busy_us,
    drums,
    cat,
    hum_a_tune,
    lips,
    snore,
    horn,
    rain,
    drill,
    footsteps,
    door,
    blowing,
    three_tones,
    modem,
)

"""Sound as frames of logarithmic mel spectra: windows of 25 ms, every 20 ms."""

from __future__ import annotations

from typing import Any

WINDOW, HOP = 0.025, 0.020
"""Seconds: how long a frame is, and from one frame to the next."""
LEAST = 1e-10
"""Powers below count as this: -100 dB."""


def frame_count(samples: int, rate: int) -> int:
    """How many whole windows there are."""
    window, hop = round(WINDOW * rate), round(HOP * rate)
    return max(0, 1 + (samples - window) // hop)


def log_mel(sound: Any, rate: int, mels: int) -> Any:
    """[frames, mels] in dB, of a sound [samples] of numbers from -1 to 1, at ``rate`` Hz.

    Power of the discrete Fourier transform under a Hann window, over a power of two at least as
    long as the window, in triangles even on the mel scale (2595 log10(1 + f/700)).
    """
    import numpy

    window, hop = round(WINDOW * rate), round(HOP * rate)
    starts = hop * numpy.arange(frame_count(len(sound), rate))
    hann = 0.5 - 0.5 * numpy.cos(2 * numpy.pi * numpy.arange(window) / window)
    frames = sound[starts[:, None] + numpy.arange(window)] * hann
    size = 1 << (window - 1).bit_length()
    power = numpy.abs(numpy.fft.rfft(frames, size)) ** 2
    return 10 * numpy.log10(numpy.maximum(power @ mel_triangles(rate, size, mels).T, LEAST))


def mel_triangles(rate: int, size: int, mels: int) -> Any:
    """[mels, size/2 + 1]: how much of each frequency belongs to each mel."""
    import numpy

    highest = 2595 * numpy.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (numpy.linspace(0, highest, mels + 2) / 2595) - 1)
    heard = numpy.arange(size // 2 + 1) * rate / size
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return numpy.clip(
        numpy.minimum((heard - low) / (peak - low), (high - heard) / (high - peak)), 0, None
    )

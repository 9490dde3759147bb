"""The colour of every spot of a pet's coat. Knows the standing pet's body, not the picture's pose, place or light."""

from __future__ import annotations

import numpy as np

from .bodies import standard
from .looks import Colour, Look
from .noise import Noise, bars, step
from .poses import joints
from .shapes import Floats
from .solids import Surface


def rgb(colour: Colour) -> Floats:
    """A colour as three numbers in [0, 1]."""
    return np.array(colour, np.float32) / np.float32(255)


def mix(picture: Floats, colour: Colour, share: Floats) -> Floats:
    """The picture with `share` (0 to 1) of it painted over."""
    out: Floats = picture + (rgb(colour) - picture) * share[..., None]
    return out


def paint(look: Look, seen: Surface) -> Floats:
    """The coat's colour (sRGB, 0 to 1) for every pixel of the surface."""
    coat, spot, share = look.coat, seen.spot, seen.share
    rest = joints(standard(look.species, look.build), look.species, "standing")
    noise = Noise(coat.grain)
    wobble, fine = noise.rough(spot, 5.0), noise.rough(spot, 17.0)
    ragged = wobble * np.float32(0.6) + fine * np.float32(0.4)
    head, ear, tail = share["head"] + share["ear"], share["ear"], share["tail"]
    leg = share["leg"]
    trunk = np.maximum(np.float32(1) - head - tail - leg, np.float32(0))
    x, y, z = spot[..., 0], spot[..., 1], spot[..., 2]
    top, half = rest.chest[1], -rest.hip[0]
    hx, hy, hz = (spot[..., i] - np.float32(rest.head[i]) for i in range(3))
    s = np.float32(1.0 / look.build.head)
    hx, hy, hz = hx * s, hy * s, hz * s
    skull = share["head"]

    out = np.broadcast_to(rgb(coat.base), spot.shape) * (np.float32(1) + np.float32(0.05) * wobble)[..., None]
    out = out.astype(np.float32)
    if coat.merle:
        out = mix(out, coat.merle, step(noise.rough(spot + np.float32(3.3), 6.5), 0.10, 0.06))
    if coat.saddle:
        line = y - np.float32(top - 0.035) + ragged * np.float32(0.07) - np.abs(x) * np.float32(0.06)
        on: Floats = step(line, 0.0, 0.03) * (trunk + leg * step(y, top - 0.02, 0.03)) * step(-x, -(half + 0.17), 0.05)
        out = mix(out, coat.saddle, on)
        out = mix(out, coat.saddle, tail * step(hair_up(seen, rest.tail[0]), 0.0, 0.03))
    if coat.stripes:
        out = mix(out, coat.stripes, _stripes(look, seen, noise, hx, hy, hz, rest.tail[0], top, trunk, leg))
    if coat.spots:
        gap, own = noise.dots(spot, 1.0 / (coat.spot_size * 1.9))
        out = mix(out, coat.spots, step(-(gap + ragged * np.float32(0.10)), -(0.40), 0.05) * (own > np.float32(0.22)))
    if coat.belly:
        under = step(-(y + ragged * np.float32(0.04)), -(top - 0.105), 0.035) * trunk
        out = mix(out, coat.belly, np.maximum(under, leg * step(np.float32(0.055) - np.abs(z), 0.0, 0.03)))
    if coat.cap:
        on = step(hy + ragged * np.float32(0.03) - hx * np.float32(0.12), 0.015, 0.02) * skull
        out = mix(out, coat.cap, np.maximum(on, ear))
        nape = share["neck"] * step(y - x * np.float32(0.9), rest.neck[1] - rest.neck[0] * 0.9 + 0.05, 0.03)
        out = mix(out, coat.cap, nape * step(x + ragged * np.float32(0.04), rest.neck[0] - 0.02, 0.03))
    if coat.ears:
        out = mix(out, coat.ears, ear)
    if coat.one_ear:
        side = step(hz, 0.045, 0.02)
        out = mix(out, coat.one_ear, ear * side)
        eye = np.sqrt((hx - np.float32(0.12)) ** 2 + (hy - np.float32(0.05)) ** 2 + (hz - np.float32(0.08)) ** 2)
        out = mix(out, coat.one_ear, skull * step(-(eye + ragged * np.float32(0.03)), -0.10, 0.015))
    for patch in coat.patches:
        off = [spot[..., i] - np.float32(patch.spot[i]) for i in range(3)]
        far = np.sqrt(off[0] * off[0] + off[1] * off[1] + off[2] * off[2]) + ragged * np.float32(0.3 * patch.radius)
        out = mix(out, patch.colour, step(-far, -patch.radius, 0.014))
    if coat.chest:
        front = (x - np.float32(half - 0.01)) * np.float32(1.0) - (y - np.float32(top)) * np.float32(0.55)
        throat = step(front + ragged * np.float32(0.06) - np.abs(z) * np.float32(0.55), 0.015, 0.03)
        low = step(-hy - hx * np.float32(0.25), 0.06, 0.02) * skull
        out = mix(out, coat.chest, np.maximum(throat * (trunk + leg * step(y, 0.42, 0.06)), low))
    if coat.socks:
        out = mix(out, coat.socks, leg * step(-(y + ragged * np.float32(0.05)), -coat.sock_height, 0.018))
    if coat.mask:
        reach = 0.115 if look.species == "dog" else 0.085
        on = step(hx - hy * np.float32(0.55) + ragged * np.float32(0.03), reach, 0.025)
        out = mix(out, coat.mask, on * skull)
    if coat.blaze:
        wide = np.float32(coat.blaze_width) * (np.float32(1) + step(-hy, 0.0, 0.07) * np.float32(1.4))
        on = step(wide - np.abs(hz) + ragged * np.float32(0.012), 0.0, 0.008) * step(hx, 0.02, 0.03)
        muzzle = step(hx - hy * np.float32(0.9), 0.165 if look.species == "dog" else 0.135, 0.02)
        out = mix(out, coat.blaze, np.maximum(on, muzzle) * skull)
    if coat.brows:
        beside = np.sqrt((hy - np.float32(0.105)) ** 2 + ((np.abs(hz) - np.float32(0.052)) * np.float32(0.9)) ** 2)
        out = mix(out, coat.brows, step(-beside, -0.024, 0.008) * step(hx, 0.05, 0.02) * skull)
    if coat.tail_tip:
        out = mix(
            out, coat.tail_tip, tail * step(_along_tail(seen, rest.tail[0]) + ragged * np.float32(0.05), 0.30, 0.02)
        )
    out = out * (np.float32(1) + np.float32(0.035) * fine)[..., None]
    return np.minimum(np.maximum(out, np.float32(0)), np.float32(1))


def hair_up(seen: Surface, root: tuple[float, float, float]) -> Floats:
    """How far above the tail's middle line a spot lies, roughly."""
    along = _along_tail(seen, root)
    return seen.spot[..., 1] - np.float32(root[1]) - along * np.float32(0.35) + np.float32(0.02)


def _along_tail(seen: Surface, root: tuple[float, float, float]) -> Floats:
    dx, dy = seen.spot[..., 0] - np.float32(root[0]), seen.spot[..., 1] - np.float32(root[1])
    out: Floats = np.sqrt(dx * dx + dy * dy)
    return out


def _stripes(
    look: Look,
    seen: Surface,
    noise: Noise,
    hx: Floats,
    hy: Floats,
    hz: Floats,
    root: tuple[float, float, float],
    top: float,
    trunk: Floats,
    leg: Floats,
) -> Floats:
    """Tabby bars: round the body, across legs and tail, an M on the brow and lines on the cheeks."""
    spot, rate = seen.spot, np.float32(look.coat.stripe_rate)
    dog = look.species == "dog"
    bend = noise.rough(spot + np.float32(7.7), 4.0) * np.float32(1.5 if dog else 0.55)
    x, y = spot[..., 0], spot[..., 1]
    side = bars(x * rate + bend + (y - np.float32(top)) * np.float32(1.8))
    side = step(side + noise.at(spot, 9.0) * np.float32(0.42 if dog else 0.16), 0.60, 0.20 if dog else 0.13) * step(
        y, top - 0.15, 0.05
    )
    back = step(y - np.abs(spot[..., 2]) * np.float32(0.6), top + 0.145, 0.02) * np.float32(0.8)
    rings = step(bars(y * rate * np.float32(0.95) + bend * np.float32(0.5)), 0.58, 0.14)
    tail = step(bars(_along_tail(seen, root) * rate * np.float32(1.05) + np.float32(0.25)), 0.48, 0.14)
    brow = step(bars(hz * np.float32(19) + bend * np.float32(0.2)), 0.52, 0.16)
    brow = brow * step(hy - np.abs(hz) * np.float32(0.15), 0.055, 0.02)
    cheek = step(bars((hy + hx * np.float32(0.4)) * np.float32(16) + bend * np.float32(0.3)), 0.66, 0.12)
    cheek = cheek * step(np.abs(hz), 0.10, 0.015) * step(-hy, -0.04, 0.02)
    out: Floats = (
        trunk * np.maximum(side * np.float32(0.85 if dog else 1.0), back)
        + leg * rings * np.float32(0.6 if dog else 1.0)
        + seen.share["tail"] * tail
        + seen.share["head"] * (side if dog else np.maximum(brow, cheek))
        + seen.share["ear"] * np.float32(0.35)
    )
    return out

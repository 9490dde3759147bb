"""One picture: a pet in a pose, at a place, in a light. Puts the other modules together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from . import indoors, outdoors
from .bodies import Body, Extra, body
from .brush import Canvas
from .coats import paint
from .faces import add_face
from .fur import comb, cover, fray
from .lights import LIGHTS, Hour, Light, ground_shadow, reaching, shade
from .looks import Look
from .noise import blurred, speckle
from .poses import Pose
from .shapes import Camera, Cone, Floats, add, apply
from .solids import Surface, trace

SIZE = (900, 675)
FACE = ("head", "ear", "eye", "nose", "tongue", "collar", "tag")


@dataclass(frozen=True)
class Pet:
    """A drawn pet before its place is behind it: `linear` colour (h, w, 3) and how much it covers, `cover` (h, w)."""

    linear: Floats
    cover: Floats


def frame(cones: list[Cone], turn: float, pitch: float, box: tuple[float, float, float, float]) -> Camera:
    """The camera that makes the pet fill the box (left, top, right, bottom in pixels), standing on its lower edge."""
    camera = Camera(turn, pitch, 1.0, (0.0, 0.0))
    view = camera.axes()
    xs, ys = [], []
    for cone in cones:
        for at, r in ((0.0, cone.radii[0]), (cone.now.length, cone.radii[1])):
            end = tuple(cone.now.start[i] + cone.now.axes[0][i] * at for i in range(3))
            x, y, _ = apply(view, (end[0], end[1], end[2]))
            r = r / max(1.0, min(cone.squash))
            xs += [x - r, x + r]
            ys += [y - r, y + r]
    left, top, right, bottom = box
    scale = min((right - left) / (max(xs) - min(xs)), (bottom - top) / (max(ys) - min(ys)))
    centre = ((left + right) / 2 - scale * (max(xs) + min(xs)) / 2, bottom + scale * min(ys))
    return Camera(turn, pitch, scale, centre)


def window_of(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The smallest window that holds all of the mask, and two pixels more."""
    rows, columns = np.nonzero(mask)
    top, left = max(int(rows.min()) - 2, 0), max(int(columns.min()) - 2, 0)
    return slice(top, int(rows.max()) + 3), slice(left, int(columns.max()) + 3)


def draw_pet(
    look: Look, pose: Pose, light: Light, shape: Body, camera: Camera, size: tuple[int, int], seed: int
) -> Pet:
    """The pet alone."""
    cones = list(shape.cones)
    reach = 0.012 + 0.05 * look.build.fur
    seen = trace(cones, camera, size, reach=reach)
    window = window_of(seen.distance < 1.0)
    cut = seen.cut(window)
    hair = comb(cut, camera, look.build, seed)
    on = cut.distance < 1.0
    coat = np.zeros((*on.shape, 3), np.float32)
    coat[on] = paint(look, cut.cut(on))
    coat = fray(coat, hair, np.zeros_like(cut.distance))
    front = sum((cut.part(name) for name in FACE), start=np.zeros_like(cut.distance))
    near = window_of(front > 0)
    face = add_face(look, shape, pose, camera, cut.cut(near), coat[near])
    coat[near] = face.colour
    bare, shine = np.zeros_like(cut.distance), np.zeros_like(cut.distance)
    bare[near], shine[near] = face.bare, face.shine
    dim = spread(cones, camera, cut, light)
    linear = np.zeros((size[1], size[0], 3), np.float32)
    covered = np.zeros((size[1], size[0]), np.float32)
    linear[window] = shade(coat, cut, hair, light, dim, bare, shine)
    covered[window] = cover(cut, hair, camera, bare)
    if look.species == "cat":
        linear, covered = add_whiskers(linear, covered, whiskers(look, shape, camera, size), light)
    return Pet(linear, covered)


def add_whiskers(linear: Floats, covered: Floats, hairs: Floats, light: Light) -> tuple[Floats, Floats]:
    """The picture and its cover with pale whiskers over it."""
    bright = [0.55 * light.key[i] + 0.40 * light.sky[i] for i in range(3)]
    share = (hairs * np.float32(0.8))[..., None]
    return linear + (np.array(bright, np.float32) - linear) * share, np.maximum(covered, hairs * np.float32(0.8))


def whiskers(look: Look, shape: Body, camera: Camera, size: tuple[int, int]) -> Floats:
    """How much of each pixel a cat's whiskers cover."""
    s, fine = look.build.head, 3
    sheet = Image.new("L", (size[0] * fine, size[1] * fine))
    pen = ImageDraw.Draw(sheet)
    for side in (-1.0, 1.0):
        away = apply(camera.axes(), apply(shape.head_axes, (0.55, 0.0, side)))[2]
        if away < -0.25:
            continue
        for i in range(4):
            start = (0.135, -0.062 - 0.008 * i, 0.055 * side)
            bend = (0.145, -0.045 - 0.022 * i, 0.17 * side)
            tip = (0.10, -0.050 - 0.048 * i, (0.29 - 0.02 * i) * side)
            line = []
            for k in range(13):
                t = k / 12
                p = tuple(
                    s * (start[j] * (1 - t) * (1 - t) + 2 * bend[j] * t * (1 - t) + tip[j] * t * t) for j in range(3)
                )
                x, y = camera.pixel(add(shape.head, apply(shape.head_axes, (p[0], p[1], p[2]))))
                line.append((x * fine, y * fine))
            thick = camera.scale * 0.0042 * fine
            pen.line(line[:8], 255, max(2, round(thick)), joint="curve")
            pen.line(line[7:], 220, max(1, round(0.6 * thick)), joint="curve")
    return np.asarray(sheet.reduce(fine)).astype(np.float32) / np.float32(255)


def spread(cones: list[Cone], camera: Camera, seen: Surface, light: Light, *, coarse: int = 5) -> Floats:
    """How much key light and sky reach each pixel, worked out on every few pixels and spread between them."""
    distance = seen.distance[::coarse, ::coarse]
    on = distance < 1.0
    dim = np.ones((*distance.shape, 2), np.float32)
    dim[on] = reaching(cones, camera, seen.point[::coarse, ::coarse][on], seen.normal[::coarse, ::coarse][on], light)
    height, width = seen.distance.shape
    planes = [enlarge(dim[..., i], (width, height), coarse) for i in range(2)]
    return np.stack(planes, axis=-1)


def enlarge(field: Floats, size: tuple[int, int], coarse: int) -> Floats:
    """A coarse picture in [0, 1], made `coarse` times as large, smoothly."""
    grey = Image.fromarray(np.rint(field * np.float32(255)).astype(np.uint8))
    grey = grey.resize((grey.width * coarse, grey.height * coarse), Image.Resampling.BILINEAR).crop((0, 0, *size))
    return np.asarray(grey).astype(np.float32) / np.float32(255)


def tone(linear: Floats) -> Floats:
    """Linear light to sRGB in [0, 1]: bright light is held back softly."""
    x = np.maximum(linear, np.float32(0))
    x = x * (np.float32(1) + x * np.float32(0.12)) / (np.float32(1) + x * np.float32(0.30))
    out: Floats = np.minimum(np.sqrt(x), np.float32(1))
    return out


Place = Literal["park", "beach", "square", "garden", "wood", "snow", "river", "room", "kitchen"]
PLACES: dict[Place, Callable[[Canvas], None]] = {
    "park": outdoors.park,
    "beach": outdoors.beach,
    "square": outdoors.square,
    "garden": outdoors.garden,
    "wood": outdoors.wood,
    "snow": outdoors.snow,
    "river": outdoors.river,
    "room": indoors.room,
    "kitchen": indoors.kitchen,
}


TURNS: dict[Pose, tuple[tuple[float, float], ...]] = {
    "standing": ((22, 50), (130, 158)),
    "walking": ((18, 42), (138, 162)),
    "sitting": ((48, 80), (100, 132)),
    "lying": ((28, 58), (122, 152)),
    "sleeping": ((30, 55), (125, 150)),
    "bow": ((28, 52), (128, 152)),
    "portrait": ((58, 82), (98, 122)),
}


def draw(
    look: Look,
    *,
    pose: Pose,
    place: Place,
    light: Hour,
    seed: int,
    turn: float | None = None,
    size: tuple[int, int] = SIZE,
) -> Image.Image:
    """A picture (RGB) of the pet that looks like this, in this pose, at this place, in this light.

    `turn` is the way it faces in degrees (0 to the right, 90 to the viewer, 180 to the left); None: the seed says, as
    it says everything else about the picture. The same arguments give the same pixels on every machine.
    """
    shape, camera = arrange(look, pose=pose, seed=seed, turn=turn, size=size)
    cones, lit = list(shape.cones), LIGHTS[light]
    canvas = Canvas(size, light, seed)
    PLACES[place](canvas)
    if pose == "portrait":
        canvas.blur(3.0)
    if light == "night":
        canvas.glow((70, 46, 20), (0.82, 0.10), (0.75, 0.9))
        canvas.glow((78, 54, 28), (0.52, 0.86), (0.62, 0.34))
    ground = np.asarray(canvas.picture).astype(np.float32) / np.float32(255)
    if pose != "portrait":
        key, sky = (soften(field, size) for field in ground_shadow(cones, camera, size, lit))
        dark = np.minimum(key * np.float32(lit.depth) + sky * np.float32(0.46), np.float32(0.86))
        ground = ground * (np.float32(1) - dark[..., None] * np.array((1.0, 0.94, 0.84), np.float32))
    pet = draw_pet(look, pose, lit, shape, camera, size, seed)
    alpha = pet.cover[..., None]
    return finish(tone(pet.linear) * alpha + ground * (np.float32(1) - alpha), seed)


def cutout(look: Look, *, pose: Pose, light: Hour, seed: int, turn: float | None = None) -> Image.Image:
    """The pet alone on a transparent ground (RGBA)."""
    shape, camera = arrange(look, pose=pose, seed=seed, turn=turn, size=SIZE)
    pet = draw_pet(look, pose, LIGHTS[light], shape, camera, SIZE, seed)
    pixels = np.concatenate([tone(pet.linear), pet.cover[..., None]], axis=-1)
    return Image.fromarray(np.rint(pixels * np.float32(255)).astype(np.uint8))


def arrange(look: Look, *, pose: Pose, seed: int, turn: float | None, size: tuple[int, int]) -> tuple[Body, Camera]:
    """The pet in its pose and the camera before it, as the seed says."""
    random = np.random.Generator(np.random.PCG64(seed + 7919))
    u = random.random(8).tolist()
    low, high = TURNS[pose][int(u[0] * 2)]
    facing = low + (high - low) * u[1] if turn is None else turn
    looks_to = 90.0 + (facing - 90.0) * (0.10 + 0.35 * u[2]) + 12.0 * (u[3] - 0.5)
    gaze = max(-72.0, min(72.0, looks_to - facing))
    extras: list[Extra] = ["collar"] if look.collar else []
    if look.collar and look.tag:
        extras.append("tag")
    if look.species == "dog" and pose != "sleeping" and u[4] < 0.45:
        extras.append("tongue")
    shape = body(look.build, look.species, pose, gaze=gaze, tilt=14.0 * (u[5] - 0.5), extras=tuple(extras))
    width, height = size
    if pose == "portrait":
        head = [c for c in shape.cones if c.part in ("head", "ear", "nose", "neck")]
        box = (0.22 * width, 0.09 * height, 0.78 * width, 0.86 * height)
        return shape, frame(head, facing, 8.0, box)
    shift = (u[6] - 0.5) * 0.10 * width
    tall = {"lying": 0.66, "sleeping": 0.56}.get(pose, 0.78)
    foot = 0.92 if pose in ("lying", "sleeping") else 0.94
    box = (0.07 * width + shift, (foot - tall) * height, 0.93 * width + shift, foot * height)
    return shape, frame(list(shape.cones), facing, 10.0 + 6.0 * u[7], box)


def soften(field: Floats, size: tuple[int, int]) -> Floats:
    """A coarse shadow, at full size and without steps."""
    coarse = -(-size[0] // field.shape[1])
    return blurred(enlarge(field, size, coarse), 4.0)


def finish(picture: Floats, seed: int) -> Image.Image:
    """The finished sheet: a breath of bloom, darker corners, a little grain."""
    height, width, _ = picture.shape
    sheet = Image.fromarray(np.rint(np.clip(picture, 0, 1) * np.float32(255)).astype(np.uint8))
    soft = np.asarray(sheet.filter(ImageFilter.GaussianBlur(14))).astype(np.float32) / np.float32(255)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    dx, dy = x / np.float32(width / 2) - np.float32(1), y / np.float32(height / 2) - np.float32(1)
    corner = np.float32(1) - np.float32(0.13) * np.maximum(dx * dx + dy * dy - np.float32(0.45), np.float32(0))
    out = picture + (soft * soft) * np.float32(0.07)
    out = out * corner[..., None] + speckle(seed + 5, width, height)[..., None] * np.float32(0.006)
    return Image.fromarray(np.rint(np.clip(out, 0, 1) * np.float32(255)).astype(np.uint8))

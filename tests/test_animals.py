"""Which animals there are in a photo: boxes from a map of what is pet, what a search and a registration say of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import petfinder as pf
from petfinder.domain.animals import animals_of, several_animals
from petfinder.encoders.pocket import WEIGHTS, PocketEncoder
from tests.conftest import TableEncoder


def drawn(*lines: str) -> tuple[pf.Box, ...]:
    """The animals in a map of which each character is a cell, in tenths; a dot is 0."""
    cells = [[0 if sign == "." else int(sign) / 10 + 0.05 for sign in line] for line in lines]
    return animals_of(np.array(cells, np.float32))


def numbers(box: pf.Box) -> tuple[float, ...]:
    return box.x, box.y, box.w, box.h


def test_each_part_that_is_surely_pet_somewhere_is_an_animal_the_largest_first() -> None:
    found = drawn("9....", ".....", "...57", "...9.", "...4.")

    assert [numbers(box) for box in found] == [pytest.approx((0.6, 0.4, 0.4, 0.6)), pytest.approx((0, 0, 0.2, 0.2))]
    assert several_animals(found) == "two animals; choose one with Photo(box=...)"


def test_cells_that_touch_at_a_corner_only_are_two_animals_and_a_bridge_makes_them_one() -> None:
    assert len(drawn("99..", "..99")) == 2
    assert [numbers(box) for box in drawn("995.", "..99")] == [(0, 0, 1, 1)]
    assert len(drawn("993.", "..99")) == 2


def test_what_may_be_pet_counts_where_nothing_surely_is() -> None:
    assert drawn("88..", "8..6") == (pf.Box(x=0, y=0, w=0.5, h=1),)
    assert [len(drawn("88..", "8..9")), len(drawn("5555", "5555")), len(drawn("....", "...."))] == [1, 0, 0]
    assert several_animals(drawn("8...")) == several_animals(()) == ""


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> PocketEncoder:
    """The built-in encoder with its saliency as a second output."""
    onnx = pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    model = onnx.load(WEIGHTS)
    graph = model.graph
    if "saliency" not in {output.name for output in graph.output}:
        sigmoid = next(node for node in graph.node if node.op_type == "Sigmoid")
        graph.initializer.append(onnx.helper.make_tensor("channel", onnx.TensorProto.INT64, [1], [1]))
        graph.node.append(onnx.helper.make_node("Squeeze", [sigmoid.output[0], "channel"], ["saliency"]))
        graph.output.append(onnx.helper.make_tensor_value_info("saliency", onnx.TensorProto.FLOAT, ["n", "h", "w"]))
    file = tmp_path_factory.mktemp("weights") / "seeing.onnx"
    onnx.save(model, file)
    return PocketEncoder(weights=file, threads=1)


@pytest.fixture(scope="module")
def two(shared: Path) -> Image.Image:
    """A dog at the left, a cat at the right."""
    picture = Image.new("RGB", (800, 400), "white")
    for place, pet in enumerate(("dog6", "cat2")):
        photo = Image.open(min((shared / "identity" / "photos" / pet).glob("*.jpg")))
        picture.paste(photo.convert("RGB").resize((400, 400)), (400 * place, 0))
    return picture


def test_one_pass_gives_the_same_embeddings_and_the_animals_at_their_places(
    seeing: PocketEncoder, two: Image.Image
) -> None:
    rows, animals = seeing.encode_with_animals([two, two.crop((0, 0, 400, 400))])

    np.testing.assert_allclose(
        rows, PocketEncoder(threads=1).encode_images([two, two.crop((0, 0, 400, 400))]), atol=1e-5
    )
    assert [len(found or ()) for found in animals] == [2, 1]
    assert sorted(round(box.x + box.w / 2) for box in animals[0] or ()) == [0, 1]


def test_a_box_from_animals_in_chooses_one_of_them(seeing: PocketEncoder, two: Image.Image) -> None:
    boxes = pf.animals_in(pf.Photo(source=two, box=(0, 0, 0.5, 1)), seeing)

    assert len(boxes) == 2, "the whole picture's, whatever box the photo has"
    assert boxes[0].w * boxes[0].h >= boxes[1].w * boxes[1].h
    with pytest.raises(pf.ConfigError, match="'table-1' does not say where animals are"):
        pf.animals_in(two, TableEncoder())

"""What is asked of indexes that petfinder did not make: fields found in mappings, request bodies compared as data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import petfinder as pf
from petfinder.domain.errors import IndexMismatch, InvalidQuery
from petfinder.stores.elasticsearch.foreign import queries
from petfinder.stores.elasticsearch.foreign.fields import KnownField, KnownFields, known_fields
from petfinder.stores.field_names import FIFTYONE, FieldNames

VECTOR = {"type": "dense_vector", "dims": 2, "index": True, "similarity": "l2_norm"}
TEXT = {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 256}}}
NAMES = FieldNames(embedding="v", pet_id="id", breed="info.breed", note="note", taken_at="at", place="where")


def mapping(**others: Any) -> dict[str, Any]:
    """The mapping that NAMES fits."""
    info = {"properties": {"breed": TEXT}}
    fields = {"v": VECTOR, "id": {"type": "keyword"}, "info": info, "note": {"type": "text"}}
    return {"properties": fields | {"at": {"type": "date"}, "where": {"type": "geo_point"}} | others}


def fields(**others: Any) -> KnownFields:
    """The fields that NAMES finds in the mapping."""
    return known_fields("others", mapping(**others), NAMES)


def test_a_text_is_read_as_such_and_compared_by_the_keyword_beneath_it() -> None:
    assert fields().known["breed"] == KnownField("info.breed", "info.breed.raw", "text")
    assert fields().compared_by("breed") == "info.breed.raw"
    with pytest.raises(InvalidQuery, match="'note' is a text without a keyword"):
        fields().compared_by("note")


def test_fiftyone_leaves_the_sample_id_to_the_server() -> None:
    dynamic = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
    found = known_fields("samples", {"properties": {"vector": VECTOR, "sample_id": dynamic}}, FIFTYONE)

    assert (found.vector, found.pet, found.dims, found.metric) == ("vector", "sample_id.keyword", 2, "l2_norm")


def test_dots_may_stand_in_names_and_names_for_others() -> None:
    dotted = mapping() | {"subobjects": False}
    dotted["properties"]["info.breed"] = dotted["properties"].pop("info")["properties"]["breed"]
    dotted["properties"]["id"] = {"type": "alias", "path": "number"}
    dotted["properties"]["number"] = {"type": "long"}

    found = known_fields("others", dotted, NAMES)

    assert (found.compared_by("breed"), found.pet, found.numbered) == ("info.breed.raw", "number", True)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"v": {**VECTOR, "element_type": "byte"}}, "bytes or bits"),
        ({"v": {"type": "float"}}, "type float, which is no embedding"),
        ({"id": {"type": "text"}}, "cannot tell pets apart"),
        ({"id": {"type": "keyword", "doc_values": False}}, "cannot tell pets apart"),
        ({"at": {"type": "keyword"}}, "no taken_at"),
        ({"info": {"type": "nested", "properties": {"breed": TEXT}}}, "only one photo a document"),
        ({"info": {"properties": {"race": TEXT}}}, r"no field 'info\.breed'; it has at, id, info\.race"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(others: dict[str, Any], said: str) -> None:
    with pytest.raises(IndexMismatch, match=said):
        fields(**others)


def test_all_of_a_filter_stands_inside_the_search_for_the_nearest() -> None:
    where = pf.PetFilter(breed="poodle", exclude="rex", taken_before="1970-01-01T00:00:09Z", near=(1, 2), within_km=5)
    found = queries.clauses(where.restriction(), fields(), stored={"breed": ["Poodle"]}, embedded=True)

    body = queries.nearest(np.array([0.6, 0.8], np.float32), found, fields(), size=10)

    assert body["knn"]["filter"] == [
        {"exists": {"field": "id"}},
        {"exists": {"field": "v"}},
        {"terms": {"info.breed.raw": ["Poodle"]}},
        {"bool": {"must_not": [{"terms": {"id": ["rex"]}}]}},
        {"range": {"at": {"format": "epoch_second", "lt": 10}}},
        {"geo_distance": {"distance": "5.000020000km", "where": {"lat": 1.0, "lon": 2.0}}},
    ]
    assert (body["knn"]["k"], body["knn"]["num_candidates"], body["size"], body["_source"]) == (10, 10, 10, False)


def test_more_is_looked_at_where_the_index_does_not_rank_by_the_angle() -> None:
    by_distance, by_angle = fields(), fields(v={**VECTOR, "similarity": "cosine"})

    assert (queries.width(5, by_distance), queries.width(5, by_angle)) == (1000, 200)
    assert queries.shortlist(5, by_distance) > queries.width(5, by_distance)
    assert (queries.shortlist(5, by_angle), queries.width(10_000, by_angle)) == (20, 10_000)

"""What is asked of Elasticsearch, as data: mapping, filters, searches, pages, documents."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from petfinder.domain.errors import IndexMismatch, InvalidPet, InvalidQuery
from petfinder.domain.field_names import FIFTYONE, FieldNames
from petfinder.domain.filters import PetFilter, Restriction
from petfinder.stores.documents import SCHEMA, IndexSpec
from petfinder.stores.elasticsearch import documents, mapping, queries
from petfinder.stores.elasticsearch.foreign import queries as foreign
from petfinder.stores.elasticsearch.foreign.fields import KnownField, KnownFields, known_fields
from tests.stores.samples import DIMS, EVERYTHING, SPEC, directions, document

QUERY = directions(1, seed=1)[0]
WHOLE, BITS = (replace(SPEC, settings={"vectors": kind}) for kind in ("hnsw", "bbq_hnsw"))


def test_the_mapping_is_strict_and_states_how_vectors_are_kept() -> None:
    body = mapping.pets_index(SPEC, {"made": "x"})
    assert body["mappings"]["dynamic"] == "strict"
    assert body["mappings"]["properties"]["photos"]["properties"]["vector"] == {
        "type": "dense_vector",
        "dims": DIMS,
        "index": True,
        "similarity": "cosine",
        "index_options": {"type": "int8_hnsw", "m": 16, "ef_construction": 40},
    }
    assert body["mappings"]["properties"]["owner"] == {"type": "object", "enabled": False}
    assert body["settings"] == {"number_of_shards": 1, "auto_expand_replicas": "0-1", "search.idle.after": "1s"}


def test_settings_reach_the_index() -> None:
    settings = {"vectors": "bbq_hnsw", "shards": 3, "replicas": 2, "refresh_interval": "5s", "m": 8}
    body = mapping.pets_index(replace(SPEC, settings=settings), {})
    assert body["settings"] == {"number_of_shards": 3, "number_of_replicas": 2, "refresh_interval": "5s"}
    vector = body["mappings"]["properties"]["photos"]["properties"]["vector"]
    assert vector["index_options"] == {"type": "bbq_hnsw", "m": 8, "ef_construction": 40}
    assert mapping.records_index(settings)["settings"] == {**body["settings"], "number_of_shards": 1}


def test_an_index_remembers_its_spec() -> None:
    spec = replace(SPEC, thresholds={"match": [1, 2]})
    mappings = mapping.pets_index(spec, {"made": "x"})["mappings"]
    memory = mapping.memory_of(json.loads(json.dumps(mappings)))
    assert memory is not None
    assert IndexSpec.remembered("dogs", memory) == spec
    for beside in (mapping.thumbnails_index({}), mapping.records_index({})):
        assert mapping.memory_of(beside["mappings"]) is None
    assert mapping.memory_of({"_meta": {"somebody": "else"}}) is None
    with pytest.raises(IndexMismatch, match="newer"):
        IndexSpec.remembered("dogs", {**memory, "schema": SCHEMA + 1})


def test_every_filter_stands_on_the_pets_level() -> None:
    days: dict[str, Any] = {"taken_after": "2026-03-01", "taken_before": "2026-03-02"}
    where = PetFilter(breed=["Poodle", "STRASSE"], ids=["a"], exclude=["b"], near=(48.1, 11.6), within_km=20, **days)
    clauses = queries.filters(where.restriction())
    assert clauses == [
        {"terms": {"terms.breed": ["poodle", "strasse"]}},
        {"terms": {"id": ["a"]}},
        {"bool": {"must_not": [{"terms": {"id": ["b"]}}]}},
        {"range": {"dates": {"gte": 1772323200, "lte": 1772409600}}},
        {"geo_distance": {"distance": "20.000020000km", "places": {"lat": 48.1, "lon": 11.6}}},
    ]
    assert "nested" not in json.dumps(clauses)


def test_an_empty_choice_matches_nothing_and_many_ids_are_parted() -> None:
    assert queries.filters(Restriction(ids=frozenset())) == [{"match_none": {}}]
    (clause,) = queries.filters(Restriction(ids=frozenset(map(str, range(70_000)))))
    parts = [part["terms"]["id"] for part in clause["bool"]["should"]]
    assert [len(part) for part in parts] == [65_536, 4_464]
    assert len(set().union(*parts)) == 70_000


def test_a_search_filters_before_it_searches_and_returns_no_owner_and_no_vector() -> None:
    body = queries.nearest(QUERY.tolist(), SPEC, k=5, effort=(200, 400), clauses=[{"terms": {"id": ["a"]}}])
    assert body == {
        "knn": {
            "field": "photos.vector",
            "query_vector": QUERY.tolist(),
            "k": 5,
            "num_candidates": 200,
            "filter": [{"terms": {"id": ["a"]}}],
            "rescore_vector": {"oversample": 2.0},
            "inner_hits": {"size": 2, "_source": False},
        },
        "size": 5,
        "_source": {"includes": ["id", "body", "photos.photo_id", "pending"]},
    }


def test_a_search_looks_at_more_for_a_larger_k_and_for_a_filter_that_keeps_few() -> None:
    assert queries.effort(1, None)[0] == queries.effort(5, 10**6)[0] >= 100
    assert all(k <= queries.effort(k, 10**6)[0] <= 10_000 for k in (1, 101, 1001, 5000, 10_000))
    assert queries.effort(5, 4000) == queries.effort(5, 4000, share=0.1) == (10_000, 1000)
    by_share = {0.0: (10_000, 1000), 0.3: (10_000, 1000), 0.5: (200, 400), 0.99: (200, 400), 1.0: (100, 400)}
    assert {share: queries.effort(5, 10**6, share=share) for share in by_share} == by_share
    assert [queries.effort(5, vectors)[1] for vectors in (10_001, 100_000, 100_001, None)] == [200, 200, 400, 400]


def test_quantised_vectors_are_scored_anew_and_bits_more_of_them_and_whole_ones_not_twice() -> None:
    assert [queries.oversampling(BITS, k, rescored=400) for k in (1, 10, 100)] == [400, 40, 10]
    assert [queries.oversampling(spec, 1, rescored=400) for spec in (SPEC, WHOLE)] == [2.0, None]
    assert "rescore_vector" not in queries.nearest([1.0], WHOLE, k=5, effort=(200, 400), clauses=[])["knn"]


def test_a_photo_is_named_only_where_a_pet_may_have_several() -> None:
    assert (
        "inner_hits" not in queries.nearest([1.0], SPEC, k=5, effort=(200, 400), clauses=[], photos_named=False)["knn"]
    )


def test_a_page_goes_by_id() -> None:
    assert queries.passing(EVERYTHING) == {"match_all": {}}
    assert queries.photos_counted(EVERYTHING, embedded=True) == {
        "query": {"bool": {"filter": [{"range": {"photo_count": {"gt": 0}}}]}},
        "size": 0,
        "track_total_hits": True,
        "aggs": {field: {"sum": {"field": field}} for field in ("photo_count", "pending")},
    }
    assert queries.counted(EVERYTHING) == {"query": {"match_all": {}}, "size": 0, "track_total_hits": True}
    assert queries.whole(vectors=True) == {"exclude_vectors": False}


@pytest.mark.parametrize("packed", [True, False])
def test_a_document_survives_the_way_there_and_back(packed: bool) -> None:
    given = document(
        "a", directions(2, seed=3), private={"owner": {"name": "Ully"}}, terms={"breed": ("pug",)}, dates=(-5,)
    )
    source = json.loads(json.dumps(documents.to_source(given, dims=DIMS, packed=packed, run="r")))
    assert isinstance(source["photos"][0]["vector"], str if packed else list)
    assert [photo.get("portrait") for photo in source["photos"]] == [None, None, True]
    back = documents.to_document({"_source": source, "_seq_no": 7, "_primary_term": 2}, made="m", dims=DIMS)
    np.testing.assert_array_equal(back.vectors, given.vectors)
    np.testing.assert_array_equal(back.portrait, given.portrait)
    for field in ("id", "body", "private", "terms", "dates", "photo_ids"):
        assert getattr(back, field) == getattr(given, field), field
    assert documents.sequence(back.version, made="m") == (7, 2)
    assert documents.sequence(back.version, made="another index") is None
    assert documents.sequence(0, made="m") is None


def test_a_word_longer_than_a_term_may_be_is_refused_and_thumbnails_of_different_photos_have_different_ids() -> None:
    with pytest.raises(InvalidPet, match="words"):
        documents.to_source(document("a", terms={"words": ("x" * 40_000,)}), dims=DIMS, packed=True, run="r")
    ids = {documents.thumbnail_id(pet, photo) for pet, photo in (("a", "b"), ("ab", ""), ("a", "c"), ("b", "a"))}
    assert len(ids) == 4


# Indexes that petfinder did not make: their fields are found in mappings by the names that somebody gives.
VECTOR = {"type": "dense_vector", "dims": 2, "index": True, "similarity": "l2_norm"}
TEXT = {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 256}}}
NAMES = FieldNames(embedding="v", pet_id="id", breed="info.breed", note="note", taken_at="at", place="where")


def others_mapping(**others: Any) -> dict[str, Any]:
    """The mapping that NAMES fits."""
    info = {"properties": {"breed": TEXT}}
    fields = {"v": VECTOR, "id": {"type": "keyword"}, "info": info, "note": {"type": "text"}}
    return {"properties": fields | {"at": {"type": "date"}, "where": {"type": "geo_point"}} | others}


def fields(**others: Any) -> KnownFields:
    """The fields that NAMES finds in the mapping."""
    return known_fields("others", others_mapping(**others), NAMES)


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
    dotted = others_mapping() | {"subobjects": False}
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
    where = PetFilter(breed="poodle", exclude="rex", taken_before="1970-01-01T00:00:09Z", near=(1, 2), within_km=5)
    found = foreign.clauses(where.restriction(), fields(), stored={"breed": ["Poodle"]}, embedded=True)

    body = foreign.nearest(np.array([0.6, 0.8], np.float32), found, fields(), size=10)

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

    assert (foreign.width(5, by_distance), foreign.width(5, by_angle)) == (1000, 200)
    assert foreign.shortlist(5, by_distance) > foreign.width(5, by_distance)
    assert (foreign.shortlist(5, by_angle), foreign.width(10_000, by_angle)) == (20, 10_000)

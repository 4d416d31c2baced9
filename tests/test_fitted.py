"""The model file: exact round trips, clear refusals, and writes that are whole or not there."""

from __future__ import annotations

import copy
import dataclasses
import errno
import json
import math
import os
import pickle
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_models import sample_certificate, sample_fitted

import logloss.record.fitted
from logloss.errors import DataError, ModelFileError, UsageError
from logloss.files.atomic import check_writable, replacing
from logloss.files.strict_json import parse
from logloss.record.fitted import FORMAT, Fitted
from logloss.record.proof import Status, Step

finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
labels = st.one_of(names, st.integers(-(2**53), 2**53), finite, st.booleans())


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def through_text(fitted: Fitted) -> Fitted:
    return Fitted.from_json(parse(fitted.dumps().encode()))


def document() -> dict[str, Any]:
    return json.loads(sample_fitted().dumps())


# ---- round trips


@given(
    values=st.dictionaries(names, finite, min_size=1, max_size=6),
    intercept=finite,
    classes=st.lists(labels, min_size=2, max_size=2, unique=True),
    gap=st.floats(),
    target=st.one_of(st.none(), names),
)
def test_the_round_trip_is_exact(
    values: dict[str, float],
    intercept: float,
    classes: list[Any],
    gap: float,
    target: str | None,
) -> None:
    fitted = sample_fitted(
        values,
        certificate=sample_certificate(gap=gap, relative_gap=gap),
        intercept=intercept,
        classes=tuple(classes),
        history=(Step(1, 0.5, 0.25, gap),),
        target=target,
    )
    again = through_text(fitted)
    assert again.coefficients.tobytes() == fitted.coefficients.tobytes()
    assert again.schema == fitted.schema
    assert bits(again.intercept) == bits(intercept)
    assert again.classes == fitted.classes
    assert [type(one) for one in again.classes] == [type(one) for one in fitted.classes]
    assert repr(again.certificate) == repr(fitted.certificate)
    assert repr(again.history) == repr(fitted.history)
    assert again.target == target
    assert again.dumps() == fitted.dumps()


def test_every_field_survives() -> None:
    fitted = sample_fitted(offset="", weights="w")
    again = through_text(fitted)
    for field in dataclasses.fields(Fitted):
        assert repr(getattr(again, field.name)) == repr(getattr(fitted, field.name)), field.name


@pytest.mark.parametrize("value", [-0.0, 5e-324, 1.7976931348623157e308, 0.1, 2 / 3])
def test_awkward_coefficients_keep_their_bits(value: float) -> None:
    assert bits(through_text(sample_fitted({"a": value})).coefficients[0]) == bits(value)


@pytest.mark.parametrize("status", list(Status))
def test_every_status_survives(status: Status) -> None:
    fitted = sample_fitted(certificate=sample_certificate(status=status))
    assert through_text(fitted).certificate.status is status
    assert fitted.to_json()["certificate"]["status"] == status.name.lower()


def test_the_file_is_json_that_any_parser_reads() -> None:
    fitted = sample_fitted(certificate=sample_certificate(gap=math.nan, coefficient_error=math.inf))

    def refuse(literal: str) -> None:
        raise AssertionError(literal)

    read = json.loads(fitted.dumps(), parse_constant=refuse)
    assert read["format"] == FORMAT
    assert read["certificate"]["gap"] == "nan"
    assert read["certificate"]["coefficient_error"] == "inf"
    assert read["coefficients"] == {"age": 0.03125, "dose": -1.25}


def test_the_order_of_keys_in_the_file_does_not_matter() -> None:
    fitted = sample_fitted({"b": 1.0, "a": 2.0})
    again = Fitted.from_json(json.loads(json.dumps(fitted.to_json(), sort_keys=True)))
    assert again.coefficient_map() == {"b": 1.0, "a": 2.0}
    assert list(again.coefficient_map()) == ["b", "a"]


def test_pickle_and_copy_keep_the_record() -> None:
    fitted = sample_fitted()
    assert pickle.loads(pickle.dumps(fitted)).dumps() == fitted.dumps()
    assert copy.deepcopy(fitted).dumps() == fitted.dumps()


def test_the_record_does_not_change_with_the_array_it_was_made_from() -> None:
    mine = np.array([1.0, 2.0])
    fitted = sample_fitted(coefficients={"a": 0.0, "b": 0.0})
    fitted = dataclasses.replace(fitted, coefficients=mine)
    mine[0] = 99.0
    assert fitted.coefficients.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        fitted.coefficients[0] = 3.0


def test_coefficients_of_another_length_than_the_schema_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        dataclasses.replace(sample_fitted(), coefficients=np.zeros(3))


# ---- damaged and hostile files


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = sample_fitted().dumps().rstrip().encode()
    for end in range(len(whole)):
        with pytest.raises(ModelFileError):
            Fitted.from_json(parse(whole[:end]))


@pytest.mark.parametrize("field", sorted(sample_fitted().to_json()))
def test_a_missing_field_is_named(field: str) -> None:
    damaged = document()
    del damaged[field]
    with pytest.raises(ModelFileError, match=field):
        Fitted.from_json(damaged)


WRONG = [
    None,
    True,
    -1,
    1.5,
    "x",
    "\ud800",
    [],
    [1],
    [[[[[[]]]]]],
    {},
    {"a": {}},
    math.nan,
    10**400,
]


@pytest.mark.parametrize("field", sorted(set(sample_fitted().to_json()) - {"options", "target"}))
def test_wrong_types_are_refused_with_the_place(field: str) -> None:
    right = document()
    accepted = 0
    for wrong in WRONG:
        try:
            Fitted.from_json(right | {field: wrong})
            accepted += 1
        except ModelFileError as error:
            assert field in error.message
    assert accepted <= 4  # a number is right for a number; null and text for a name


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"intercept": -0.75', '"intercept": NaN', "NaN is not a JSON number"),
        ('"intercept": -0.75', '"intercept": -Infinity', "-Infinity is not a JSON number"),
        ('"intercept": -0.75', '"intercept": 1e999', "finite number"),
        ('"intercept": -0.75', '"intercept": "nan"', "finite number"),
        ('"intercept": -0.75', '"intercept": ' + "9" * 400, "finite number"),
        ('"intercept": -0.75', '"intercept": ' + "9" * 9999, "too long"),
        ('"intercept": -0.75', '"intercept": 1, "intercept": 2', "'intercept' stands twice"),
        ('"age": 0.03125', '"age": 1, "age": 2', "'age' stands twice"),
        ('"age": 0.03125', '"aeg": 0.03125', "'age' of the schema is missing"),
        ('"age": 0.03125', '"age": 0.03125, "more": 1', "'more' is not in the schema"),
        ('"intercept"', '"run": "import os", "intercept"', "'run' is unknown"),
        ('"n_rows": 1234', '"n_rows": -1', "model.n_rows: expected a count, found -1"),
        ('"n_rows": 1234', '"n_rows": 1e3', "model.n_rows: expected a count"),
        ('"positive_share": 0.3125', '"positive_share": 1.5', "share from 0 to 1"),
        ('"status": "certified"', '"status": "perfect"', "model.certificate.status"),
        ('"alive"', '"dead"', "two different labels"),
        ('"alive"', "null", "model.classes"),
        ('"format": "logloss.model/1"', '"format": "logloss.model/2"', "logloss.model/2"),
        ('"format": "logloss.model/1"', '"format": 1', "does not begin with"),
    ],
)
def test_damage_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = sample_fitted().dumps()
    assert old in text
    path = tmp_path / "model.json"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ModelFileError, match=r"model\.json") as caught:
        Fitted.load(path)
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"logloss.model/1"',
        b"\xff\xfe{}",
        b"\x80\x04\x95",  # a pickle
        b"[" * 100_000,
        b'{"format":' * 50_000,
        b'{"format": "logloss.model/1", "schema": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(data)
    with pytest.raises(ModelFileError):
        Fitted.load(path)


def test_deep_nesting_in_the_options_is_refused() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = {"a": deep}
    with pytest.raises(ModelFileError, match=r"model\.options"):
        Fitted.from_json(document() | {"options": {"C": deep}})


def test_a_file_larger_than_a_model_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logloss.record.fitted, "LARGEST_FILE", 1000)
    with pytest.raises(ModelFileError, match="larger"):
        Fitted.load("/dev/zero")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model file"):
        Fitted.load(tmp_path / "nothing.json")
    with pytest.raises(UsageError, match="cannot read"):
        Fitted.load(tmp_path)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


PLACES = [path for path in places(document()) if path]


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(PLACES), value=json_values)
def test_fuzz_any_value_at_any_place(path: tuple[Any, ...], value: Any) -> None:
    damaged = document()
    inner = damaged
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    check_accepted_or_refused(json.dumps(damaged).encode())


@settings(max_examples=400)
@given(data=st.data())
def test_fuzz_bytes_changed_in_a_good_file(data: st.DataObject) -> None:
    whole = bytearray(sample_fitted().dumps().encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    check_accepted_or_refused(bytes(whole))


@given(st.binary(max_size=200))
def test_fuzz_any_bytes(data: bytes) -> None:
    check_accepted_or_refused(data)


def check_accepted_or_refused(data: bytes) -> None:
    """What is accepted is a whole record: it can be written and read again."""
    try:
        fitted = Fitted.from_json(parse(data))
    except ModelFileError as error:
        assert error.message.isprintable()
        return
    assert np.isfinite(fitted.coefficients).all()
    assert through_text(fitted).dumps() == fitted.dumps()


# ---- writing


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_coefficient_that_is_not_finite_is_not_saved(tmp_path: Path, value: float) -> None:
    with pytest.raises(DataError, match="JSON"):
        sample_fitted({"a": value}).save(tmp_path / "m.json")
    assert os.listdir(tmp_path) == []


def test_a_name_that_is_no_unicode_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Unicode"):
        sample_fitted({"\ud800": 1.0}).save(tmp_path / "m.json")
    assert os.listdir(tmp_path) == []


def test_saved_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    sample_fitted().save(path)
    assert Fitted.load(path).dumps() == sample_fitted().dumps()
    assert os.listdir(tmp_path) == ["model.json"]


def full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DataError, match="the disk is full") as caught:
        sample_fitted().save(path)
    assert caught.value.hint
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_that_is_full() -> None:
    with pytest.raises(DataError, match="the disk is full"):
        sample_fitted().save("/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)  # written to, not replaced


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    sample_fitted().save(f"/dev/fd/{writer}")
    os.close(writer)
    with open(reader) as end:
        assert end.read() == sample_fitted().dumps()


def test_ctrl_c_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "out.csv") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_the_name_appears_only_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with replacing(path) as file:
        file.write(b"a")
        assert not path.exists()
    assert path.read_bytes() == b"a"


def test_unknown_folder(tmp_path: Path) -> None:
    for act in (check_writable, sample_fitted().save):
        with pytest.raises(DataError, match="the folder does not exist"):
            act(tmp_path / "no" / "model.json")


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for act in (check_writable, sample_fitted().save):
        with pytest.raises(DataError, match="the folder does not exist"):
            act(tmp_path / "file" / "model.json")


def test_a_folder_as_the_file(tmp_path: Path) -> None:
    for act in (check_writable, sample_fitted().save):
        with pytest.raises(DataError, match="it is a folder"):
            act(tmp_path)


@pytest.fixture
def forbidden_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that may not be written to. Root may write everywhere: be nobody for a while."""
    tmp_path.chmod(0o500)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    yield tmp_path
    os.seteuid(me)


def test_no_permission(forbidden_folder: Path) -> None:
    for act in (check_writable, sample_fitted().save):
        with pytest.raises(DataError, match="no permission"):
            act(forbidden_folder / "model.json")


def test_a_link_and_the_permissions_of_the_old_file_stay(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "real.json").chmod(0o640)
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    sample_fitted().save(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert stat.S_IMODE((tmp_path / "real.json").stat().st_mode) == 0o640
    assert Fitted.load(tmp_path / "real.json").n_rows == 1234


def test_check_writable_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "model.json")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("l1_ratio", []), ("C", "much"), ("l2", True), ("firth", 1), ("solver", None), ("prior", {})],
)
def test_an_option_of_another_type_is_refused(key: str, value: Any) -> None:
    """The summary reads them: a list where a number was would end in a stack trace."""
    document = json.loads(sample_fitted().dumps())
    document["options"][key] = value
    with pytest.raises(ModelFileError, match=key):
        Fitted.from_json(document)

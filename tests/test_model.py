"""The face of a fit: predictions against a closed form, whatever holds the table."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sample_models import sample_certificate, sample_fitted
from scipy.special import expit

from logloss.errors import DataError, UsageError
from logloss.model.model import Model, load
from logloss.record.proof import Status

AGE = np.array([20.0, 40.0, 60.0, -1e6])
DOSE = np.array([0.5, -1.5, 0.0, 1e6])
Z = 0.03125 * AGE - 1.25 * DOSE - 0.75


def table(**more: Any) -> pa.Table:
    return pa.table({"name": ["a", "b", "c", "d"], "dose": DOSE, "age": AGE, **more})


@pytest.fixture
def model() -> Model:
    return Model(sample_fitted())


def test_predictions_by_the_formula(model: Model) -> None:
    np.testing.assert_allclose(model.decision_function(table()), Z, rtol=1e-14)
    np.testing.assert_allclose(model.predict_proba(table()), expit(Z), rtol=1e-13)
    assert model.predict(table()).tolist() == ["dead" if z > 0 else "alive" for z in Z]


def test_an_array_is_read_by_position(model: Model) -> None:
    X = np.column_stack([AGE, DOSE])
    np.testing.assert_allclose(model.predict_proba(X), expit(Z), rtol=1e-13)


def test_files_are_read(model: Model, tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "t.parquet")
    from_file = model.predict_proba(tmp_path / "t.parquet")
    np.testing.assert_array_equal(from_file, model.predict_proba(table()))
    np.testing.assert_array_equal(from_file, model.predict_proba(str(tmp_path / "t.parquet")))


def test_the_number_of_threads_changes_no_bit(model: Model) -> None:
    one = model.predict_proba(table(), n_threads=1)
    assert one.tobytes() == model.predict_proba(table(), n_threads=2).tobytes()


def test_a_missing_column_is_named(model: Model) -> None:
    with pytest.raises(DataError, match="dose"):
        model.predict_proba(table().drop_columns(["dose"]))


def test_labels_keep_their_type() -> None:
    for classes in [(0, 1), (False, True), (1.0, 2.0), ("no", "yes")]:
        predicted = Model(sample_fitted(classes=classes)).predict(table())
        assert set(predicted.tolist()) == set(classes)
        assert type(predicted.tolist()[0]) is type(classes[0])


def test_even_odds_are_not_positive() -> None:
    even = Model(sample_fitted({"age": 0.0}, intercept=0.0))
    assert set(even.predict(table())) == {"alive"}


def test_an_offset_column_is_found_by_name(tmp_path: Path) -> None:
    offset = np.array([1.0, 2.0, -3.0, 0.0])
    model = Model(sample_fitted(offset="exposure"))
    with_offset = table(exposure=offset)
    np.testing.assert_allclose(model.decision_function(with_offset), Z + offset, rtol=1e-14)
    pq.write_table(with_offset, tmp_path / "t.parquet")
    from_file = model.decision_function(tmp_path / "t.parquet")
    np.testing.assert_allclose(from_file, Z + offset, rtol=1e-14)
    given = model.decision_function(table(), offset=-offset)
    np.testing.assert_allclose(given, Z - offset, rtol=1e-14)
    renamed = model.decision_function(table(other=offset), offset="other")
    np.testing.assert_allclose(renamed, Z + offset, rtol=1e-14)


def test_a_missing_offset_is_an_error(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "t.parquet")
    for source in (table(), tmp_path / "t.parquet"):
        with pytest.raises(UsageError, match="exposure"):
            Model(sample_fitted(offset="exposure")).predict_proba(source)
        with pytest.raises(UsageError, match="offset"):
            Model(sample_fitted(offset="")).predict_proba(source)


def test_an_offset_of_the_wrong_length_is_an_error(model: Model) -> None:
    with pytest.raises(DataError):
        model.predict_proba(table(), offset=[1.0])


def test_the_face_shows_the_record(model: Model) -> None:
    assert dict(model.coefficients) == {"age": 0.03125, "dose": -1.25}
    with pytest.raises(TypeError):
        model.coefficients["age"] = 1.0  # type: ignore[index]
    assert model.intercept == -0.75
    assert model.classes == ("alive", "dead")
    assert model.certificate.data_reads == 6
    assert [step.data_reads for step in model.history] == [1, 3]
    assert model.summary().table.num_rows == 3


def test_repr_is_short_and_honest(model: Model) -> None:
    assert repr(model) == (
        "<logloss.Model: 2 coefficients, 1,234 rows, within 3.1e-09 (relative) of the optimum>"
    )
    stopped = sample_fitted(certificate=sample_certificate(status=Status.INTERRUPTED))
    assert "not certified" in repr(Model(stopped))


def test_save_load_and_pickle_predict_the_same_bits(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "model.json")
    expected = model.predict_proba(table()).tobytes()
    assert load(tmp_path / "model.json").predict_proba(table()).tobytes() == expected
    assert pickle.loads(pickle.dumps(model)).predict_proba(table()).tobytes() == expected


def test_each_public_method_is_documented_under_its_own_name() -> None:
    for name, value in vars(Model).items():
        if name.startswith("_") or not callable(value):
            continue
        assert value.__name__ == name
        assert (inspect.getdoc(value) or "").strip(), name
        assert next(iter(inspect.signature(value).parameters)) == "self"

from __future__ import annotations

import json

import pytest

from pipeline.system.late_names import late_name, late_names


def test_a_name_is_imported_from_its_home() -> None:
    assert late_names("here", {"loads": "json"})("loads") is json.loads


def test_a_name_is_imported_from_its_module() -> None:
    assert late_name("json:loads") is json.loads


def test_another_name_is_an_attribute_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match=r"^module 'here' has no attribute 'dumps'$"):
        late_names("here", {"loads": "json"})("dumps")

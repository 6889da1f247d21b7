"""The picture in a file."""

import builtins

import pytest

from agent.calibration import picture
from agent.calibration.examine import examine
from tests.agent.calibration.loads import HOUR, recording

LOAD = [(HOUR, 3), (HOUR, 900), (HOUR, None), (HOUR, 3)]


@pytest.mark.parametrize("suffix, begins", [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_a_picture_is_of_the_kind_that_its_name_says_and_the_same_each_time(tmp_path, suffix, begins):
    result = examine(recording(*LOAD), "色谱仪")
    first, second = (tmp_path / f"{name}{suffix}" for name in "ab")
    picture.draw(result, first)
    picture.draw(result, second)
    assert first.read_bytes().startswith(begins)
    assert first.read_bytes() == second.read_bytes()


def test_a_recording_without_a_proposal_is_drawn_too(tmp_path):
    result = examine(recording((HOUR, lambda second: 500 * (second // 5 % 7))), "x")
    picture.draw(result, tmp_path / "x.svg")
    assert (tmp_path / "x.svg").stat().st_size > 10_000


def test_without_the_library_the_remedy_is_said(tmp_path, monkeypatch):
    def refuse(name, *rest, **more):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return found(name, *rest, **more)

    found = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(picture.NoPicture, match=r"pip install 'jishi\[agent,calibrate\]'"):
        picture.draw(examine(recording(*LOAD), "x"), tmp_path / "x.svg")

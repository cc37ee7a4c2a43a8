"""The pictures in README are of the reports as they are, and can be taken anew."""

import json
import re
import struct
from pathlib import Path

import pytest

from tests import screenshots
from tests.browser import Chromium

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## What a review looks like")[2].partition("\n## ")[0]
SHOWN = re.findall(r'(?:src|srcset)="([^"]+)"', SECTION)


def size(picture: Path) -> tuple[int, int]:
    """Width and height, as the head of a PNG tells them."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", head[16:24])


@pytest.mark.parametrize("name", list(screenshots.documents()))
def test_a_picture_is_of_the_report_as_it_is(name: str):
    taken_of = json.loads(screenshots.DIGESTS.read_text(encoding="utf-8"))
    assert taken_of[name] == screenshots.digests()[name], "the report looks otherwise now: run `make screenshots`"


def test_readme_shows_every_picture_there_is_in_light_and_dark_with_words_for_who_sees_none():
    pictures = sorted(str(file.relative_to(ROOT)) for file in screenshots.PICTURES.glob("*.png"))
    assert sorted(SHOWN) == pictures
    assert len(pictures) == len(screenshots.documents()) * len(screenshots.SCHEMES)
    assert all(len(words) > 40 for words in re.findall(r'<img alt="([^"]*)"', SECTION))
    assert SECTION.count("<img alt=") == len(screenshots.documents())


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_is_small_enough_for_a_repository(name: str):
    assert size(ROOT / name)[0] == screenshots.WIDTH
    assert (ROOT / name).stat().st_size < 160_000


def test_pictures_are_taken_anew(chromium: Chromium, tmp_path: Path):
    for name in screenshots.documents():
        screenshots.take(chromium, tmp_path, [name], ["light"])
        width, height = size(tmp_path / f"{name}-light.png")
        assert width == screenshots.WIDTH
        # Fonts differ from machine to machine, and heights with them.
        assert height == pytest.approx(size(screenshots.PICTURES / f"{name}-light.png")[1], rel=0.25)


def test_a_document_that_changed_is_another():
    pages = screenshots.documents()
    assert pages == screenshots.documents()
    assert len(set(screenshots.digests().values())) == len(pages) == 4

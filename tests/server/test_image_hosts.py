from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.server.image_hosts import ImageHosts
from pipeline.server.refusals import ApiError
from tests.server.support import data_url, picture_bytes

SITE = "https://example.org/photos"


@pytest.fixture
def sites(tmp_path: Path) -> ImageHosts:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a cat.png").write_bytes(picture_bytes(1, (40, 30)))
    (folder / "text.png").write_bytes(b"no image")
    (tmp_path / "secret.png").write_bytes(picture_bytes())
    return ImageHosts({SITE: folder})


def test_an_address_is_a_file_of_its_folder(sites: ImageHosts) -> None:
    assert sites.open(f"{SITE}/a%20cat.png?size=full").width == 40
    assert sites.open(data_url(picture_bytes(1, (50, 30)))).width == 50


@pytest.mark.parametrize(
    "url",
    [
        f"{SITE}/gone.png",
        f"{SITE}/",
        SITE,
        f"{SITE}/../secret.png",
        f"{SITE}/%2e%2e/secret.png",
        f"{SITE}//etc/passwd",
        "https://example.org/secret.png",
        "https://example.com/photos/a%20cat.png",
        "http://127.0.0.1/",
    ],
)
def test_no_other_address_is_known(sites: ImageHosts, url: str) -> None:
    with pytest.raises(ApiError) as refused:
        sites.open(url)
    assert refused.value.code == "failed_to_download_image"


def test_what_is_no_image_is_refused_as_everywhere(sites: ImageHosts) -> None:
    with pytest.raises(ApiError) as refused:
        sites.open(f"{SITE}/text.png")
    assert refused.value.code == "invalid_image_format"


@pytest.mark.parametrize("address", ["example.org", "ftp://example.org", ""])
def test_a_site_is_an_address_and_a_folder(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="a site is written"):
        ImageHosts({address: tmp_path})
    with pytest.raises(UsageError, match="a site is written"):
        ImageHosts({SITE: tmp_path / "gone"})

from __future__ import annotations

from pathlib import Path

from pipeline.storage import StorageSettings
from pipeline.storage.credentials import google_credentials_exist, s3_access

SETTINGS = StorageSettings()


def home(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / ".aws"
    folder.mkdir()
    folder.joinpath("credentials").write_text(
        "[default]\naws_access_key_id = D\naws_secret_access_key = d\n"
        "[work]\naws_access_key_id = W\naws_secret_access_key = w%\naws_session_token = t\n"
    )
    folder.joinpath("config").write_text(
        "[profile work]\nregion = eu-1\nendpoint_url = https://s3.example.org/\n"
    )
    return {"HOME": str(tmp_path)}


def test_the_environment_comes_before_the_profile(tmp_path: Path) -> None:
    environment = home(tmp_path)
    assert s3_access(SETTINGS, environment).key == "D"
    work = s3_access(SETTINGS, {**environment, "AWS_PROFILE": "work"})
    assert (work.key, work.secret, work.token) == ("W", "w%", "t")
    assert (work.region, work.endpoint) == ("eu-1", "https://s3.example.org")
    keys = {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_REGION": "us-2"}
    ours = s3_access(SETTINGS, {**environment, **keys})
    assert ours.config() == {"region": "us-2", "access_key_id": "E", "secret_access_key": "e"}


def test_the_configuration_comes_before_both(tmp_path: Path) -> None:
    settings = StorageSettings(endpoint="https://minio", region="here", anonymous=True)
    access = s3_access(settings, {**home(tmp_path), "AWS_REGION": "there"})
    assert access.config() == {
        "region": "here", "endpoint": "https://minio", "skip_signature": "true",
    }  # fmt: skip


def test_a_service_of_a_cloud_is_asked_only_where_the_environment_names_it() -> None:
    assert not s3_access(SETTINGS, {}).may_be_asked
    named = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}
    access = s3_access(SETTINGS, named)
    assert access.may_be_asked
    assert access.config()["metadata_endpoint"] == "http://127.0.0.1:1"


def test_a_secret_is_in_no_text() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "psst"}
    text = repr(s3_access(SETTINGS, keys))
    assert "hush" not in text
    assert "psst" not in text


def test_a_login_of_google_counts(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    assert not google_credentials_exist(environment)
    login = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    login.parent.mkdir(parents=True)
    login.write_text("{}")
    assert google_credentials_exist(environment)

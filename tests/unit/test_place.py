"""Where a stack is, as the Pulumi CLI reads it, and what of an address tells one backend from another."""

import json
from pathlib import Path

import pytest

from providers.base.place import backend_url, place, stack_here


def test_the_environment_comes_before_the_project_before_the_login(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    environment = {"PULUMI_HOME": str(home)}
    assert backend_url(environment, project) == ""
    (home / "credentials.json").write_text(json.dumps({"current": "s3://of-login", "accessTokens": {"x": "secret"}}))
    assert backend_url(environment, project) == "s3://of-login"
    (project / "Pulumi.yaml").write_text("name: x\nbackend:\n  url: gs://of-project\n")
    assert backend_url(environment, project) == "gs://of-project"
    assert backend_url({**environment, "PULUMI_BACKEND_URL": "azblob://of-env"}, project) == "azblob://of-env"


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "backend:", "backend: text"])
def test_what_cannot_be_read_tells_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    (tmp_path / "credentials.json").write_text(text)
    assert backend_url({"PULUMI_HOME": str(tmp_path)}, tmp_path) == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("s3://bucket/a?region=eu-1", "s3://bucket/a/?region=us-1&awssdk=v2", True),
        ("s3://bucket/a", "s3://bucket/b", False),
        ("postgres://ann:secret@db/state", "postgres://robot:other@db/state", True),
        ("file:///a/b/../c", "file:///a/c", True),
        ("file://~", f"file://{Path.home()}", True),
        ("file:///a?metadata=skip", "file:///a", True),
        ("file:///a", "file:///b", False),
        ("s3://bucket", "gs://bucket", False),
        ("", "nonsense", True),
    ],
)
def test_ways_to_one_place(one: str, other: str, same: bool) -> None:
    assert (place(one) == place(other)) is same
    assert "secret" not in place(one)


def test_only_self_managed_backends_count(monkeypatch: pytest.MonkeyPatch) -> None:
    stack_here.cache_clear()
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///somewhere")
    here = stack_here("organization/p/s")
    assert here.startswith("organization/p/s@") and stack_here(here) == here
    assert stack_here("acme/p/s") == "acme/p/s"
    stack_here.cache_clear()

"""Pulumi's options of a grant by themselves: which are handed on, which are refused, and when they come too late."""

from typing import Any

import pulumi
import pytest

from components.grant_options import HANDED_ON, OF_THE_GRANT, GrantOptions, handed_on, option_faults

GIVEN: dict[str, Any] = {
    "provider": object(),
    "providers": {"aws": object()},
    "delete_before_replace": True,
    "ignore_changes": ["flows"],
    "version": "1.0",
    "plugin_download_url": "https://x",
    "additional_secret_outputs": ["x"],
    "custom_timeouts": pulumi.CustomTimeouts(create="1m"),
    "id": "x",
    "import_": "x",
    "state_migrations": [object()],
    "urn": "x",
    "replace_on_changes": ["*"],
    "replacement_trigger": "x",
    "replace_with": [object()],
    "hide_diffs": ["x"],
    "env_var_mappings": {"A": "B"},
}


class Part:
    """A resource as the options see it."""

    _protect: Any = None


def test_every_option_of_pulumi_is_handed_on_or_refused() -> None:
    """A new one of another SDK shows here."""
    assert {*vars(pulumi.ResourceOptions())} == {*GIVEN, *HANDED_ON, *OF_THE_GRANT, "hooks"}
    for name, value in GIVEN.items():
        opts = pulumi.ResourceOptions()
        setattr(opts, name, value)
        ((wrong, remedy),) = option_faults(opts)
        assert wrong == f"opts has {name}, which has no effect on what a grant needs" and remedy
    hook = pulumi.ResourceOptions()
    hook.hooks = pulumi.ResourceHookBinding(before_create=[lambda _args: None])
    assert [wrong.split(",")[0] for wrong, _ in option_faults(hook)] == ["opts has hooks"]
    parts = pulumi.ResourceOptions(protect=True, retain_on_delete=True, depends_on=[], transforms=[])
    merged = pulumi.ResourceOptions.merge(parts, pulumi.ResourceOptions(aliases=["x"]))
    assert list(option_faults(merged)) == list(option_faults(None)) == []


@pytest.mark.parametrize(
    ("wanted", "earlier", "lacking"),
    [
        ({}, {"protect": True, "retain_on_delete": True, "transforms": (1,)}, []),
        ({"protect": True}, {}, ["protect"]),
        ({"retain_on_delete": True}, {}, ["retain_on_delete"]),
        ({"transforms": (1,)}, {"transforms": (2,)}, ["transforms"]),
        ({"transforms": (1,)}, {"transforms": (2, 1)}, []),
        ({"transformations": (1,)}, {}, ["transformations"]),
        ({"deleted_with": 1}, {"deleted_with": 2}, ["deleted_with"]),
        ({}, {"deleted_with": 2}, ["deleted_with"]),
        ({"depends_on": (1, 2)}, {"depends_on": (1,)}, ["depends_on"]),
        ({"depends_on": (1,)}, {"depends_on": (2, 1)}, []),
    ],
    ids=str,
)
def test_what_a_shared_part_does_not_have(wanted: Any, earlier: Any, lacking: list[str]) -> None:
    part: Any = Part()
    assert GrantOptions(**wanted).lacking(GrantOptions(**earlier), part) == lacking
    part._protect = True
    assert GrantOptions(protect=True).lacking(GrantOptions(), part) == []


def test_a_grant_that_waits_for_the_part_itself_lacks_nothing() -> None:
    part: Any = Part()
    assert GrantOptions(depends_on=(part,)).lacking(GrantOptions(), part) == []


def test_a_component_around_a_grant_protects_it() -> None:
    around: Any = Part()
    opts = pulumi.ResourceOptions(parent=around)
    assert not handed_on(opts).protect and not handed_on(None).protect
    around._protect = True
    assert handed_on(opts).protect
    opts.protect = False
    assert not handed_on(opts).protect

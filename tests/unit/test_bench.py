"""What of the benchmarks needs no server: counting, statistics, merging, tables."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import report, results, tables
from bench.__main__ import read_arguments
from bench.cases import PHASES
from bench.competitors import COMPETITORS, label
from bench.lines import FLOORS, Line, fewest_rounds, requests_of, seconds_of
from bench.measure import Sample, counts, high_water, kind_of, ports_in
from bench.results import Measured, merge, summary
from bench.state_parts import PROVIDERS, SPACE, StateSize, size_of
from bench.terraform import legacy_grants, standard_grants
from tests.e2e.access_log import parse

LOG = """127.0.0.1 - - [25/Nov/2026:16:43:16 +0000] "POST /realms/master/protocol/openid-connect/token HTTP/1.1" 200 1700 "-" "a"
127.0.0.1 - - [25/Nov/2026:16:43:16 +0000] "GET /admin/realms/r/clients?first=0&max=100 HTTP/1.1" 200 9000 "-" "a"
127.0.0.1 - - [25/Nov/2026:16:43:17 +0000] "PUT /admin/realms/r/clients/u HTTP/1.1" 204 - "-" "a"
127.0.0.1 - - [25/Nov/2026:16:43:17 +0000] "GET /realms/mark-0123 HTTP/1.1" 404 20 "-" "a"
"""
SOCKETS = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0
   2: 0100007F:1F90 0100007F:C351 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0
   3: 0100007F:C352 0100007F:1F91 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0
"""
RUN = {
    "rounds": 3,
    "cpu": "a CPU",
    "cores": 2,
    "memory_gb": 8,
    "load_before": 0.1,
    "commit": "abc",
    "keycloak": "26.7.3",
    "pulumi": "v3",
    "pulumi_sdk": "3",
    "python": "3.11",
}
NOTHING: dict[str, Any] = {"runs": {}, "results": {}}


def sample(seconds: float, requests: int = 7, plugin: float = 60.0) -> Sample:
    return Sample(seconds, requests=requests, writes=2, logins=3, connections=4, memory={"plugin": plugin})


def measured(label_: str, *seconds: float, phase: str = "up", grants: int = 10) -> Measured:
    return Measured("standard", grants, label_, {phase: [sample(each) for each in seconds]}, None)


def merged(*found: tuple[str, Measured]) -> Any:
    known = NOTHING
    for run, each in found:
        known = merge(known, each, run, RUN)
    return known


def test_a_login_counts_as_a_request_and_as_no_write() -> None:
    assert counts(parse(LOG)) == {"requests": 3, "writes": 1, "logins": 1}


def test_requests_of_others_are_left_out() -> None:
    log = LOG + LOG.replace('"a"', '"another"')
    assert parse(log, "a") == parse(LOG) and len(parse(log)) == 6


def test_connections_are_told_from_either_end() -> None:
    assert set(ports_in(SOCKETS, 8080)) == {50000, 50001}


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["/opt/bin/pulumi", "up", "--yes"], "pulumi"),
        (["python", "-u", "/opt/bin/pulumi-language-python-exec", "--monitor", "127.0.0.1:1", "."], "program"),
        (["python", "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"], "plugin"),
        (["/bin/sh", "/opt/bin/pulumi-resource-pulumi-python", "127.0.0.1:1"], "other"),
        (["python", "-u", "/project/package", "127.0.0.1:1"], "plugin"),
        (["/opt/bin/pulumi-language-yaml", "127.0.0.1:1"], "program"),
        (["python", "/project/local/language_host.py"], "other"),
        ([""], "other"),
    ],
)
def test_processes_of_pulumi(arguments: list[str], kind: str) -> None:
    assert kind_of(arguments) == kind


def test_the_peak_of_a_process() -> None:
    assert high_water("Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n") == 2048
    assert high_water("Name:\tx\nState:\tZ (zombie)\n") == 0


def test_counts_are_medians_and_memory_the_peak() -> None:
    found = summary([sample(1, 7, 60), sample(1, 8, 70), sample(1, 7, 65)])
    assert (found["requests"], found["memory"]) == (7, {"plugin": 70})


def test_seconds_of_few_rounds_are_not_kept() -> None:
    known = merged(("first", measured("ours", 1, 2)))
    assert "timed" not in known["results"]["standard"]["10"]["ours"]["phases"]["up"]


def test_a_run_of_few_rounds_leaves_seconds_as_they_were() -> None:
    known = merged(("first", measured("ours", 1, 2, 3)), ("second", measured("ours", 9)))
    phase = known["results"]["standard"]["10"]["ours"]["phases"]["up"]
    assert phase["run"] == "second" and phase["timed"] == {"run": "first", "seconds": [1, 2, 3]}
    assert set(known["runs"]) == {"first", "second"}


def test_a_run_replaces_its_part_alone() -> None:
    known = merged(
        ("first", measured("ours", 1, 2, 3)),
        ("first", measured("ours", 4, 5, 6, phase="destroy")),
        ("first", measured("server", 1, 1, 1)),
        ("second", measured("ours", 7, 8, 9)),
    )
    case = known["results"]["standard"]["10"]
    assert tables.timed(case, "ours", "up") == ("second", [7, 8, 9])
    assert tables.timed(case, "ours", "destroy") == ("first", [4, 5, 6])
    assert tables.timed(case, "server", "up") == ("first", [1, 1, 1])


def test_runs_that_nothing_is_left_of_go() -> None:
    assert set(merged(("first", measured("ours", 1, 2, 3)), ("second", measured("ours", 7, 8, 9)))["runs"]) == {
        "second"
    }


def test_cases_are_ordered_by_their_numbers() -> None:
    known = merged(*(("first", measured("ours", 1, 2, 3, grants=grants)) for grants in (100, 1_000, 10)))
    assert list(known["results"]["standard"]) == ["10", "100", "1000"]


def test_a_ratio_needs_one_run() -> None:
    floors = ("first", measured("engine", 2, 2, 2)), ("first", measured("server", 1, 1, 1))
    same = merged(*floors, ("first", measured("ours", 6, 3, 9)))["results"]["standard"]["10"]
    other = merged(*floors, ("second", measured("ours", 6, 3, 9)))["results"]["standard"]["10"]
    assert tables.ratio(same, "ours", ("engine", "server"), "up") == 2.0
    assert tables.ratio(other, "ours", ("engine", "server"), "up") is None
    assert tables.ratio(same, "ours", ("tofu",), "up") is None


def test_the_table_of_seconds() -> None:
    found = [measured("ours", 3, 6, 120), measured("engine", 2, 2, 2), measured("server", 1, 1, 1, 1)]
    cases = merged(*(("first", each) for each in found))["results"]["standard"]
    head, _, row = tables.time_table(cases).splitlines()
    assert head == "| seconds | grants | this project | engine floor | server floor | ÷ floors | rounds |"
    assert row == "| `up` of new grants | 10 | 6.00 (3.00–120) | 2.00 (2.00–2.00) | 1.00 (1.00–1.00) | 2.00 | 3 |"


def test_the_table_of_requests_is_there_without_seconds() -> None:
    cases = merged(("first", measured("ours", 1)), ("first", measured("curl", 1)))["results"]["standard"]
    assert tables.time_table(cases) == ""
    assert tables.request_table(cases).splitlines()[2] == "| `up` of new grants | 10 | 7 | 2 | 3 | 4 | 7 |"


def test_checkpoints_are_beside_each_other() -> None:
    names = [label("ours", 1_000, checkpoints=each) for each in (True, False)]
    assert names == ["ours, checkpoints on", "ours"]
    assert label("server", 1_000, checkpoints=True) == "server"
    assert label("ours", 10, checkpoints=True) == "ours"
    known = merged(*(("first", measured(name, 9, 9, 9, grants=1_000)) for name in names))
    assert "| `up` of new grants | 1,000 |" in tables.checkpoint_table(known["results"]["standard"])


def test_a_plotted_line_is_with_checkpoints_or_without() -> None:
    timed = [("ours", 10), ("ours", 1_000), ("ours, checkpoints on", 1_000), ("engine", 1_000), ("server", 1_000)]
    runs = [("run", measured(name, 1, place, 9, grants=grants)) for place, (name, grants) in enumerate(timed, 2)]
    cases = merged(*runs, ("run", measured("server", 1, 2, 3, 4, grants=10)))["results"]["standard"]
    assert seconds_of(cases, "up") == {
        Line("ours"): [(10, 2), (1_000, 4)],
        Line("ours", checkpoints=False): [(1_000, 3)],
        Line("engine", checkpoints=False): [(1_000, 5)],
        Line("server"): [(10, 2.5), (1_000, 6)],
        Line(FLOORS, checkpoints=False): [(1_000, 11)],
    }
    assert fewest_rounds(cases) == 3 and fewest_rounds({}) == 0
    assert requests_of(cases, "up") == {Line(name): [(10, 7), (1_000, 7)] for name in ("ours", "server")}, (
        "the engine asks nobody, and a stack has one line"
    )


def test_what_a_state_holds_adds_up() -> None:
    resource = {
        "urn": "urn:pulumi:s::p::t::n",
        "type": "pulumi-python:dynamic/keycloak:AudienceMapper",
        "inputs": {"__provider": "gAS", "realm": "r"},
        "outputs": {"realm": "r"},
        "stackTrace": [{"line": 1}],
    }
    stack = {"urn": "urn:stack", "type": "pulumi:pulumi:Stack", "outputs": {"grants": {}}}
    for text in (
        json.dumps({"version": 3, "deployment": {"resources": [stack, resource]}}, indent=4),
        json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [stack, resource]}}}),
    ):
        size = size_of(text)
        assert sum(size.parts.values()) == size.total == len(text)
        assert {"exports", "stack traces", "inputs", "outputs", "URN", PROVIDERS, SPACE} <= set(size.parts)


def test_a_state_is_told_by_the_grant() -> None:
    found = Measured("standard", 10, "ours", {"up": [sample(1)]}, StateSize(5_000, {"inputs": 4_000, SPACE: 1_000}))
    rows = tables.state_table(merge(NOTHING, found, "first", RUN)["results"]["standard"]).splitlines()
    assert rows[2:] == ["| the whole | 500 |", "| inputs | 400 |", "| white space | 100 |"]


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_draw", lambda known, folder: [])
    known = merged(("2026-11-25 16:43:16", measured("ours", 1, 2, 3)))
    results.save(known, tmp_path / "results.json")
    page = tmp_path / "README.md"
    report.write(results.load(tmp_path / "results.json"), page)
    text = page.read_text()
    assert "## The standard exchange" in text and "## The legacy exchange" not in text
    assert "2.00 (1.00–3.00)" in text and "| 2026-11-25 16:43:16 | 3 | a CPU, 2 cores" in text
    assert ".png" not in text, "no picture that is not there"


def test_arguments() -> None:
    assert read_arguments([]).only == COMPETITORS and read_arguments([]).phases == tuple(PHASES)
    given = read_arguments(
        ["--grants", "1", "100", "--only", "server,ours", "--phases", "quiet", "--exchange", "legacy"]
    )
    assert (given.grants, given.only, given.phases, given.exchange) == (
        [1, 100],
        ("ours", "server"),
        ("quiet",),
        "legacy",
    )
    assert (
        read_arguments(["--clients", "20000"]).clients == 20_000 and read_arguments(["--realms", "200"]).realms == 200
    )


@pytest.mark.parametrize(
    "wrong",
    [["--only", "theirs"], ["--phases", "up,down"], ["--rounds", "0"], ["--grants", "0"], ["--exchange", "auto"]],
)
def test_wrong_arguments_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_arguments(wrong)
    assert ended.value.code == 2 and "error" in capsys.readouterr().err


def test_terraform_has_two_objects_a_grant() -> None:
    standard, legacy = standard_grants("r", 3)["resource"], legacy_grants("r", 3)
    assert {kind: len(each) for kind, each in standard.items()} == {
        "keycloak_openid_client": 3,
        "keycloak_openid_audience_protocol_mapper": 3,
    }
    assert {len(each) for each in legacy["resource"].values()} == {3}
    assert len(legacy["data"]["keycloak_openid_client"]) == 7

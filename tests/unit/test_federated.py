"""The options of a robot without a key: all faults at once, before any request."""

from typing import Any

import pytest

from exchange.bootstrap.federated import Federated
from kcadmin.objects.robot_issuer import Issuer
from kcadmin.objects.robot_login import ByIssuer
from kcadmin.rest.errors import InvalidSettings

POD = "system:serviceaccount:deploy:pulumi"
CLUSTER: dict[str, Any] = {
    "alias": "cluster",
    "subject": POD,
    "issuer": "https://k8s.example.com",
    "types": ("kubernetes",),
}
JOB: dict[str, Any] = {**CLUSTER, "subject": "repo:o/r:ref:refs/heads/main", "types": ("oidc",)}
SPIFFE: dict[str, Any] = {
    **CLUSTER,
    "subject": "spiffe://example.org/ci",
    "issuer": "spiffe://example.org",
    "types": ("spiffe",),
    "keys": "https://example.org/bundle",
}


def test_what_is_asked_for() -> None:
    assert Federated("", "", "", ()).login() is None
    assert Federated("ci", "a:b", "", ()).login() == (ByIssuer("ci", "a:b"), None)
    assert Federated(**CLUSTER).login() == (ByIssuer("cluster", POD), Issuer("kubernetes", "https://k8s.example.com"))
    assert Federated(**JOB, reuse=True, max_age=60).login()
    assert Federated(**SPIFFE).login()
    assert Federated(**{**JOB, "issuer": "http://127.0.0.1:8080/ci"}).login()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"alias": "", "subject": POD, "issuer": "", "types": ()}, ["--subject: needs --federated"]),
        ({"alias": "ci", "subject": "", "issuer": "", "types": ()}, ["--federated: has no --subject; give the sub"]),
        ({**CLUSTER, "key_options": ("--key", "--new-key")}, ["--key: a robot with --federated has", "--new-key: a robot"]),
        ({**CLUSTER, "types": ()}, ["--issuer: has no type; give one of --kubernetes, --oidc, --spiffe."]),
        ({**CLUSTER, "types": ("kubernetes", "oidc")}, ["--issuer: has kubernetes and oidc; give one of"]),
        ({**JOB, "issuer": ""}, ["--oidc: describes a new identity provider; give --issuer, or leave it out"]),
        ({**CLUSTER, "alias": "a\nb"}, ["--federated: holds '\\n', which is not allowed in a name; correct it."]),
        ({**CLUSTER, "subject": "pulumi"}, ["--subject: is 'pulumi'; give system:serviceaccount:<namespace>:<service acc"]),
        ({**CLUSTER, "keys": "https://a.example.com"}, ["--keys: cannot be set for --kubernetes, whose issuer tells them"]),
        ({**CLUSTER, "reuse": True}, ["--reuse and --max-age: have no effect on --kubernetes; leave them out."]),
        ({**JOB, "issuer": "http://ci.example.com"}, ["--issuer: is 'http://ci.example.com', which anybody on the network"]),
        ({**SPIFFE, "issuer": "https://example.org", "keys": ""}, ["--issuer: is", "--spiffe: has no --keys", "--subject: is"]),
        ({**SPIFFE, "issuer": "spiffe://example.org/"}, ["--issuer: is 'spiffe://example.org/'; give the trust domain"]),
        ({**SPIFFE, "subject": "spiffe://example.organisation/ci"}, ["--subject: is 'spiffe://example.organisation/ci', no SP"]),
    ],
)  # fmt: skip
def test_what_is_refused(asked: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InvalidSettings) as refused:
        Federated(**asked).login()
    assert len(refused.value.faults) == len(words)
    for fault, part in zip(refused.value.faults, words, strict=True):
        assert part in fault and fault.endswith(".") and "\n" not in fault

"""All grants of a realm, for the engine's calls: one resource, whose parts are made by their own providers."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from kcadmin.marks.packed import PACKAGED, PACKED
from package.arguments import with_integers
from package.config import as_of_package
from package.failures import call_failed
from package.resources import CallResult, Props
from providers.base.called import PROVIDER_KEY, as_called
from providers.base.provider import KeycloakProvider
from providers.base.values import with_closed_values
from providers.bulk.engine import Engine, all_of
from providers.bulk.told import RealmRun
from providers.realm_grants import FAILED, RealmGrantsProvider

KIND = PACKED.removeprefix(PACKAGED)
SHOWN = ("grants", "parts")  # the inputs that a preview shows


class _Provider(RealmGrantsProvider):
    """With this process's providers of the parts."""

    def __init__(self, providers: Mapping[str, KeycloakProvider]) -> None:
        self._providers = dict(providers)
        self._runs, self._engine = defaultdict[str, RealmRun](RealmRun), Engine(self._provider_of)


class AllOfRealm:
    """The calls of ``Resources`` for the only kind with many objects. Numbers arrive as floats."""

    def __init__(self, providers: Mapping[str, KeycloakProvider]) -> None:
        """:param providers: of the parts."""
        self._provider = _Provider(providers)

    def check(self, _kind: str, _urn: str, olds: Props, news: Props) -> CallResult:
        checked = self._call("check", olds, news)
        return CallResult(
            inputs=checked.inputs, failures=tuple(as_of_package(each.reason) for each in checked.failures)
        )

    def diff(self, _kind: str, id_: str, olds: Props, news: Props) -> CallResult:
        changes = self._call("diff", id_, olds, news).changes is not False  # None: Pulumi finds them itself
        differ = tuple(key for key in SHOWN if with_integers(olds.get(key)) != with_integers(news.get(key)))
        return CallResult(fields=differ or SHOWN[1:], changes=True) if changes else CallResult()

    def create(self, _kind: str, props: Props) -> CallResult:
        made = self._call("create", props)
        return _made(str(made.id), made)

    def update(self, _kind: str, id_: str, olds: Props, news: Props) -> CallResult:
        """Also for a state that the other face has written."""
        return _made(id_, with_closed_values(self._provider.update)(id_, with_integers(olds), with_integers(news)))

    def read(self, _kind: str, _urn: str, id_: str, props: Props) -> CallResult:
        """The server's state of it. Without props nothing is known."""
        if not props:
            return CallResult()
        now = self._call("read", id_, props)
        outs = {key: value for key, value in now.outs.items() if key != PROVIDER_KEY}
        return CallResult(str(now.id), outs, dict(now.inputs))

    def delete(self, _kind: str, id_: str, props: Props) -> None:
        self._call("delete", id_, props)

    def _call(self, name: str, *given: Any) -> Any:
        return as_called(self._provider, name)(*map(with_integers, given))


def _made(id_: str, done: Any) -> CallResult:
    """:raises CallFailed: parts of grants failed. The others are done, and Pulumi keeps them."""
    outs = dict(done.outs)
    if FAILED in outs:
        raise call_failed(all_of(outs[FAILED]), (id_, outs))
    return CallResult(id_, outs)

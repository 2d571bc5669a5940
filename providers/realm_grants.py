"""All grants of a realm as one resource: its parts are what would else be resources, made by the same providers.

docs/adr/0028-one-resource-a-realm.md says when that is worth it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pulumi
from pulumi import dynamic

from kcadmin.marks.packed import Part, declared_in, pack, parts_in, repacked
from kcadmin.rest.errors import KeycloakError
from providers.base.face import register
from providers.base.messages import failure
from providers.base.other_providers import beside_others
from providers.base.plugin import speak_to_people
from providers.base.provider import BESIDE_OTHERS, KeycloakProvider, Props
from providers.base.resource import short_traces
from providers.bulk import told
from providers.bulk.engine import Engine, Step, all_of
from providers.registry import kinds

GIVES, FAILED = "gives", "failed"


class RealmGrantsProvider(dynamic.ResourceProvider):
    """Create, read, update and delete of all parts. A part that fails is left out of the outputs, and is listed in ``failed``."""

    serialize_as_secret_always = False

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Stores the settings; the session logs in at its first request."""
        speak_to_people(self)
        self._config, self._providers = req.config.get, dict[str, KeycloakProvider]()
        self._runs, self._engine = defaultdict[str, told.RealmRun](told.RealmRun), Engine(self._provider_of)

    def check(self, _olds: Props, news: Props) -> dynamic.CheckResult:
        """Refuses what is wrong with any part; fills their defaults in."""
        parts, faults = self._engine.check(parts_in(_olds), parts_in(news), {BESIDE_OTHERS: news.get(BESIDE_OTHERS)})
        inputs = {**repacked(parts, news), **({GIVES: news[GIVES]} if news.get(GIVES) else {})}
        self._runs[news["realm"]] = told.RealmRun(news.get(told.RUN), told.differ(_olds, inputs))
        return dynamic.CheckResult(inputs, [failure(each) for each in dict.fromkeys(faults)])

    def diff(self, _id: str, _olds: Props, _news: Props) -> dynamic.DiffResult:
        """Compares the state and the server with the inputs, part by part. None: Pulumi tells which inputs changed."""
        olds, news = _kept(_olds, _news), parts_in(_news)
        steps, faults = self._engine.steps(olds, news)
        if faults:
            raise KeycloakError(*all_of(faults))
        run = self._runs[_news["realm"]]
        if run.is_preview:
            told.tell_steps(_news["realm"], steps, olds, news)
        same = {*steps.values()} <= {Step.SAME} and declared_in(_olds) == declared_in(_news)
        changes = not same or bool(_olds.get(FAILED) or _news.get(GIVES))
        return dynamic.DiffResult(changes=None if changes and run.compares else changes)

    def create(self, props: Props) -> dynamic.CreateResult:
        """Makes all parts, or continues those of a run that was killed."""
        told.require_owner(self._runs[props["realm"]].kind, props["realm"])
        return dynamic.CreateResult(str(props["realm"]), self._made({}, props))

    def update(self, _id: str, _olds: Props, _news: Props) -> dynamic.UpdateResult:
        """Makes what is new, changes what differs, then removes what is not declared any more."""
        return dynamic.UpdateResult(self._made(_kept(_olds, _news), _news))

    def read(self, id_: str, props: Props) -> dynamic.ReadResult:
        """The server's state of all parts; what is gone is left out."""
        outs, ins = self._engine.read(parts_in(props))
        now = {**repacked(outs, props, like=props), **({FAILED: props[FAILED]} if props.get(FAILED) else {})}
        return dynamic.ReadResult(id_, now, repacked(ins, props, like=props))

    def delete(self, _id: str, _props: Props) -> None:
        """Removes all parts, or restores what existed before. :raises KeycloakError: with what failed; the others are done."""
        if faults := self._engine.delete(parts_in(_props)):
            raise KeycloakError(*all_of(faults))

    def _made(self, olds: Mapping[str, Part], props: Props) -> Props:
        done = self._engine.apply(olds, parts_in(props))
        told.tell_taken_back(olds, done.parts if olds or self._runs[props["realm"]].kind != told.IS_HELD else {})
        return {**repacked(done.parts, props), **({FAILED: dict(sorted(done.faults.items()))} if done.faults else {})}

    def _provider_of(self, kind: str) -> KeycloakProvider:
        if kind not in self._providers:
            provider = kinds()[kind].provider()
            provider.take_config(self._config)
            self._providers[kind] = provider  # only now: other threads use it at once
        return self._providers[kind]


class RealmGrants(dynamic.Resource, module="keycloak", name="RealmGrants"):
    """All grants of a realm.

    :param parts: by the names that their resources would have. grants: what commands need to know of each, by its name.
    :param gives: names of parts that resources of their own hold from now on. run: see ``RUN``.
    """

    failed: pulumi.Output[Mapping[str, Sequence[str]] | None]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: str,
        parts: Mapping[str, Part],
        grants: Mapping[str, Props],
        gives: Sequence[str] = (),
        run: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        known = {"realm": realm, **pack(parts, grants), GIVES: list(gives) or None, FAILED: None}
        previewed = told.HIDDEN if opts and opts.hide_diffs else told.PREVIEW
        known |= {told.RUN: previewed if pulumi.runtime.is_dry_run() else run, BESIDE_OTHERS: beside_others()}
        with short_traces():
            register(self, RealmGrantsProvider(), resource_name, known, opts)


def _kept(olds: Props, news: Props) -> dict[str, Part]:
    given = frozenset(news.get(GIVES) or ())
    return {place: part for place, part in parts_in(olds).items() if place not in given}

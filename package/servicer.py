"""The package's provider as a gRPC service of the engine: reads requests, calls what does the work in threads, writes answers."""

import asyncio
import contextvars
import functools
import sys
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
import grpc.aio
import pulumi
from google.protobuf import empty_pb2
from pulumi.provider.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc
from pulumi.runtime.settings import Settings

from kcadmin.marks.packed import explicit_name
from kcadmin.rest.config_secrets import SECRETS
from kcadmin.rest.texts import harmless
from package import config
from package.all_of_realm import KIND as ALL
from package.all_of_realm import AllOfRealm
from package.component import Grants
from package.failures import CallFailed, told_as_sentences
from package.resources import CallResult, Resources
from package.schema import VERSION, schema_text
from package.wire import decoded, encoded, partly_made
from providers.base.face import Run, begin, kind_of, outside, serve_package
from providers.base.messages import show_warnings, warn_insecure
from providers.base.taken_back import all_told

CALLS, GRANTS = 16, 8  # threads: for resources, and for grants, which wait for their parts
T = TypeVar("T")
Change = proto.provider_pb2.PropertyDiff


class Servicer(ProviderServicer):
    """One process serves one provider of a program: its default one, or an explicit one."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(Grants(VERSION), [], engine_address)
        self._calls = ThreadPoolExecutor(CALLS, "call")
        self._grants = ThreadPoolExecutor(GRANTS, "grant")
        self._urn = ""  # of this process's provider
        self._runs: dict[str, Run] = {}
        self._resources: Resources | None = None
        self._of_realm: AllOfRealm | None = None
        self._is_cancelled = False

    async def Handshake(self, request: Any, context: Any) -> Any:
        """Reports that ``Create`` and ``Update`` may be called in previews, too."""
        return proto.provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=True
        )

    async def GetSchema(self, request: Any, context: Any) -> Any:
        return proto.GetSchemaResponse(schema=await asyncio.to_thread(schema_text))

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        """The engine sends secrets in clear here. The answer says which values it keeps as secrets in the state."""
        news, _ = decoded(request.news, as_they_are=True)
        found = await self._told(context, lambda: config.faults(news, request.urn))
        return proto.CheckResponse(inputs=encoded(news, SECRETS, as_they_are=True), failures=_failures(found))

    async def DiffConfig(self, request: Any, context: Any) -> Any:
        """Another address or login replaces nothing: each resource checks whether its realm is the same."""
        olds, news = (decoded(each, as_they_are=True)[0] for each in (request.old_inputs or request.olds, request.news))
        changed = sorted(key for key in {*olds, *news} if olds.get(key) != news.get(key))
        return _difference(CallResult(fields=tuple(changed), changes=bool(changed)), olds, news, olds, name=str)

    async def Configure(self, request: Any, context: Any) -> Any:
        given, _ = decoded(request.args, as_they_are=True)
        texts = config.as_texts(given)
        await self._told(context, lambda: self._configure(texts, request.urn))
        return proto.ConfigureResponse(acceptSecrets=True, acceptResources=True, acceptOutputs=True)

    async def Check(self, request: Any, context: Any) -> Any:
        (olds, _), (news, secret) = decoded(request.olds), decoded(request.news)
        answer = await self._ask(context, request, lambda to: to.check(_kind(request), request.urn, olds, news))
        return proto.CheckResponse(inputs=encoded(answer.inputs, secret), failures=_failures(answer.failures))

    async def Diff(self, request: Any, context: Any) -> Any:
        (olds, _), (news, _), (before, _) = (decoded(each) for each in (request.olds, request.news, request.old_inputs))
        answer = await self._ask(
            context, request, lambda to: to.diff(_kind(request), request.id, dict(olds), dict(news))
        )
        return _difference(answer, olds, news, before)

    async def Create(self, request: Any, context: Any) -> Any:
        if request.preview:
            return proto.CreateResponse(properties=request.properties)
        props, secret = decoded(request.properties)
        answer = await self._ask(context, request, lambda to: to.create(_kind(request), props), secret)
        return proto.CreateResponse(id=answer.id, properties=encoded(answer.props, secret))

    async def Update(self, request: Any, context: Any) -> Any:
        if request.preview:
            return proto.UpdateResponse(properties=request.news)
        (olds, _), (news, secret) = decoded(request.olds), decoded(request.news)
        answer = await self._ask(context, request, lambda to: to.update(_kind(request), request.id, olds, news))
        return proto.UpdateResponse(properties=encoded(answer.props, secret))

    async def Read(self, request: Any, context: Any) -> Any:
        props, secret = decoded(request.properties)
        answer = await self._ask(context, request, lambda to: to.read(_kind(request), request.urn, request.id, props))
        if not answer.id:
            return proto.ReadResponse()  # without any properties there is none
        return proto.ReadResponse(
            id=answer.id, properties=encoded(answer.props, secret), inputs=encoded(answer.inputs, secret)
        )

    async def Delete(self, request: Any, context: Any) -> Any:
        props, _ = decoded(request.properties)
        await self._ask(context, request, lambda to: to.delete(_kind(request), request.id, props))
        return empty_pb2.Empty()

    async def Construct(self, request: Any, context: Any) -> Any:
        """Constructs a grant in a thread with an event loop, since it asks the server before it registers its parts."""
        if self._resources:
            self._resources.organization = request.organization
        run = self._runs.setdefault(request.monitorEndpoint, Run())
        try:
            return await self._in_thread(lambda: self._grant(request, run), self._grants)
        except CallFailed as problem:  # as a fault of the inputs: the engine adds no text to that
            await context.abort_with_status(self.create_grpc_invalid_properties_status(str(problem), []))
            raise

    async def Cancel(self, request: Any, context: Any) -> Any:
        """Calls that have begun are finished, so that the state contains their results; waiting calls do not begin."""
        self._is_cancelled = True
        return empty_pb2.Empty()

    @staticmethod
    def _construct_options(request: Any) -> pulumi.ResourceOptions:
        """With those that Pulumi's SDK leaves out."""
        options = ProviderServicer._construct_options(request)
        given = {each.name: value for each, value in request.customTimeouts.ListFields()}
        options.custom_timeouts = pulumi.CustomTimeouts(**given) if given else None
        options.additional_secret_outputs = list(request.additionalSecretOutputs)
        options.delete_before_replace = request.deleteBeforeReplace or None
        return options

    def _configure(self, texts: dict[str, str], urn: str) -> None:
        self._urn, connection = urn, config.connection(texts, urn)
        serve_package(texts, connection)
        show_warnings()
        warn_insecure(connection)
        self._resources = Resources(connection, texts)
        self._of_realm = AllOfRealm(self._resources.providers)

    def _grant(self, request: Any, run: Run) -> Any:
        plain = config.plain_in_stack(request.config, request.configSecretKeys)
        if plain and not explicit_name(self._urn):
            raise CallFailed("\n".join(plain))

        async def made() -> Any:
            begin(run)
            answer = await self._construct(request, None)
            await all_told()
            return answer

        return asyncio.run(made())

    async def _ask(
        self, context: Any, request: Any, call: Callable[[Resources | AllOfRealm], Any], secret: Collection[str] = ()
    ) -> Any:
        resources = self._of_realm if _kind(request) == ALL else self._resources
        if resources is None:
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                "the provider is not configured; call Configure before any resource.",
            )
            raise AssertionError
        return await self._told(context, lambda: call(resources), secret)

    async def _told(self, context: Any, work: Callable[[], T], secret: Collection[str] = ()) -> T:
        """Reports a failure to the engine, with what it left. secret: the fields with a secret."""
        try:
            return await self._in_thread(work, self._calls)
        except CallFailed as problem:
            if problem.left:
                id_, outs = problem.left
                await context.abort_with_status(partly_made(str(problem), id_, encoded(outs, secret)))
            await context.abort(grpc.StatusCode.UNKNOWN, str(problem))
            raise

    async def _in_thread(self, work: Callable[[], T], pool: ThreadPoolExecutor) -> T:
        """Runs it in one of our threads, with Pulumi's context of this call. :raises CallFailed:"""

        def told() -> T:
            with told_as_sentences():
                if self._is_cancelled:
                    raise CallFailed("the run was cancelled before this began.")
                return work()

        inside = functools.partial(contextvars.copy_context().run, told)
        return await asyncio.get_running_loop().run_in_executor(pool, inside)


def _kind(request: Any) -> str:
    token = request.urn.split("::")[2].rpartition("$")[2]
    return kind_of(token) or token


def _failures(sentences: Iterable[str]) -> list[Any]:
    """Names no property: the engine would show its value next to it, with secrets in clear."""
    return [proto.CheckFailure(reason=harmless(each)) for each in sentences]


def _difference(answer: CallResult, olds: Any, news: Any, before: Any, name: Callable[[str], str] = outside) -> Any:
    """olds: outputs in the state. before: inputs in the state."""
    detailed = {}
    for key in dict.fromkeys((*answer.fields, *answer.replaces)):
        kind = "ADD" if olds.get(key) is None else "DELETE" if news.get(key) is None else "UPDATE"
        kind += "_REPLACE" if key in answer.replaces else ""
        detailed[name(key)] = Change(kind=getattr(Change, kind), inputDiff=before.get(key) != news.get(key))
    messages = proto.provider_pb2
    return messages.DiffResponse(
        changes=messages.DiffResponse.DIFF_SOME if answer.changes else messages.DiffResponse.DIFF_NONE,
        replaces=[name(key) for key in answer.replaces],
        diffs=[name(key) for key in answer.fields],
        detailedDiff=detailed,
        hasDetailedDiff=True,
        deleteBeforeReplace=True,
    )


def serve() -> None:
    """Serves the engine until it ends this process."""
    engine = next((each for each in sys.argv[1:] if not each.startswith("-")), "")
    serve_package({})
    pulumi.runtime.configure(Settings(project=None, stack=None, engine=engine))

    async def served() -> None:
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(engine), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        sys.stdout.buffer.write(f"{port}\n".encode())
        sys.stdout.buffer.flush()
        await server.wait_for_termination()

    asyncio.run(served())

"""All checks, in Keycloak's order: who calls, whose token it is, for whom the new one is, what forbids it."""

from exchange.doctor import audience, clients, guards, mappers, permission, request
from exchange.doctor.finding import Check

CHECKS: tuple[Check, ...] = (
    Check("the realm exists and is enabled", clients.realm),
    Check("the server's features", clients.features),
    Check("requester '{requester}' exists, is enabled and is confidential", clients.requester),
    Check(
        "how '{requester}' authenticates",
        clients.credentials,
        lambda q: q.secret is not None or q.may_be("requester-authenticator"),
    ),
    Check("no other client has the subject of '{requester}'", clients.assertion_subject, clients.logs_in_by_issuer),
    Check("a DPoP proof of '{requester}'", clients.proof, clients.needs_proof),
    Check("the switch of '{requester}' (Standard token exchange)", clients.switch),
    Check("source '{source}' exists and is enabled", clients.source),
    Check("target '{target}' exists and is enabled", clients.target),
    Check("no mapper makes Keycloak fail, or tokens invalid", mappers.failing_mappers),
    Check("user '{user}' exists and is enabled", clients.user, lambda q: q.as_user is not None),
    Check("no consent is required", clients.consent),
    Check(
        "fresh tokens of '{source}' have '{requester}' in aud", audience.subject_audience, audience.subject_is_foreign
    ),
    Check(
        "fresh tokens of '{requester}' have '{target}' in aud", audience.exchanged_audience, audience.must_name_target
    ),
    Check(
        "the token-exchange permission of '{target}' and its policies",
        permission.permission,
        permission.asks_permission,
    ),
    Check(
        "no policy on the resource server of '{target}' itself passes for a permission of token exchange",
        permission.objects_for_nothing,
        permission.has_a_server_of_its_own,
    ),
    Check("client policies of the realm (guards)", guards.client_policies),
    Check(
        "'{requester}' holds the client scopes that are asked for",
        request.scopes,
        lambda q: q.case.exchange_scope is not None or q.may_be("scope-not-held-by-requester"),
    ),
    Check("the organizations of the user", request.organization, request.has_organizations),
    Check("refresh tokens for '{requester}'", request.refresh, lambda q: q.may_be("refresh-off")),
)

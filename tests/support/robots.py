"""The robot that the code under test logs in as: with exactly the roles that an object, or the grants of a stack, need."""

from collections.abc import Collection, Iterable

from grants.spec import GrantSpec
from kcadmin.objects.robot import EVENTS, GUARDS, LEGACY, REALM_ROLES, STANDARD
from providers.base.provider import KeycloakProvider
from tests.support.engine import Engine
from tests.support.realms import TestRealm
from tests.support.resources import RESOURCES


def robot_engine(provider: type[KeycloakProvider], realm: TestRealm) -> Engine:
    """An object's life, as the robot of its kind."""
    return Engine(provider, realm.robot(*RESOURCES[provider].purposes))


def purposes_of(grants: Iterable[GrantSpec], guards: Collection[str] = (), *, events: bool = False) -> frozenset[str]:
    """What grants take a robot for, all together."""
    found = {*([GUARDS] if guards else []), *([EVENTS] if events else [])}
    for grant in grants:
        found.add(STANDARD if grant.exchange == "standard" else LEGACY)
        found |= {REALM_ROLES} if any(not role.client for role in grant.required_roles) else set()
    return frozenset(found)

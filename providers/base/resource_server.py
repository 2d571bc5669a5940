"""What all objects of a resource server need: authorization services that are on, and a description with room for a mark."""

from collections.abc import Iterator

from kcadmin.marks.ownership import DESCRIPTION_LIMIT, MARK_LENGTH
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Refusal, sentence
from kcadmin.writes.partial_put import AUTHORIZATION_SERVICES
from providers.base.props import ResourceServerProps
from providers.base.uuids import is_known


def require_services(realm: Realm, props: ResourceServerProps) -> None:
    """:raises Refusal: the resource server's client has no authorization services, where the server says 404."""
    uuid = props.resource_server_uuid
    client = realm.clients.get(uuid)
    if client and not client.is_on(AUTHORIZATION_SERVICES):
        client = realm.clients.get(uuid, max_age=0)  # this run may have switched them on
    if client is None or not client.is_on(AUTHORIZATION_SERVICES):
        wrong, remedy = "has no authorization services", "switch them on with AuthorizationServices, and depend on it"
        if props.resource_server == realm.management_client_id:
            remedy = "switch on the management permissions of a client first, with ManagementPermissions"
        raise Refusal(sentence("client", props.resource_server, realm.name, wrong, remedy))


def description_faults(text: str, limit: int = DESCRIPTION_LIMIT - MARK_LENGTH) -> Iterator[str]:
    """A description must leave room for the owner's mark."""
    if is_known(text) and len(text) > limit:
        yield f"description has {len(text)} characters; shorten it to {limit}"

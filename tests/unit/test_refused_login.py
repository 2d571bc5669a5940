"""What to do about a refused login: where the secret is not from the environment, it may be that of the stack's last ``up``."""

import pytest

from kcadmin.rest.connection import ClientSecretLogin, Login, PasswordLogin, PrivateKeyLogin
from kcadmin.rest.login import remedy


@pytest.mark.parametrize(
    ("login", "secret", "variable"),
    [
        (PasswordLogin("admin", "very-secret"), "password", "KEYCLOAK_ADMIN_PASS"),
        (ClientSecretLogin("robot", "very-secret"), "client secret", "KEYCLOAK_CLIENT_SECRET"),
        (PrivateKeyLogin("robot", "very-secret"), "private key", "KEYCLOAK_PRIVATE_KEY"),
    ],
    ids=["password", "client-secret", "private-key"],
)
def test_the_variable_is_named_unless_it_is_set(login: Login, secret: str, variable: str) -> None:
    check = "check the name, its secret and loginRealm"
    told = remedy(login, {})
    assert told == f"{check}, or set {variable}: refresh and destroy take the {secret} from the stack's last up"
    assert remedy(login, {variable: "very-secret"}) == check

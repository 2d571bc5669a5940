"""What to do about a refused login: where the secret is not from the environment, it may be that of the stack's last ``up``."""

import pytest

from kcadmin.rest.connection import ClientSecretLogin, Login, PasswordLogin, PrivateKeyLogin
from kcadmin.rest.login import why_refused
from kcadmin.rest.refused_logins import INVALID, ROWS, LoginCause

CREDENTIALS = {"error": "invalid_grant", "error_description": "Invalid user credentials"}
SECRET = {"error": "unauthorized_client", "error_description": INVALID}
KEY = {"error": "invalid_client", "error_description": "Client authentication with signed JWT failed: no"}


@pytest.mark.parametrize(
    ("login", "answer", "secret", "variable"),
    [
        (PasswordLogin("admin", "very-secret"), CREDENTIALS, "password", "KEYCLOAK_ADMIN_PASS"),
        (ClientSecretLogin("robot", "very-secret"), SECRET, "client secret", "KEYCLOAK_CLIENT_SECRET"),
        (PrivateKeyLogin("robot", "very-secret"), KEY, "private key", "KEYCLOAK_PRIVATE_KEY"),
        (PrivateKeyLogin("robot", "very-secret"), {"error": "nonesuch"}, "private key", "KEYCLOAK_PRIVATE_KEY"),
    ],
    ids=["password", "client-secret", "private-key", "unknown"],
)
def test_the_variable_is_named_unless_it_is_set(
    login: Login, answer: dict[str, str], secret: str, variable: str
) -> None:
    told = why_refused(login, answer, {})
    ours = why_refused(login, answer, {variable: "very-secret"})
    assert told == f"{ours}, or set {variable}: refresh and destroy take the {secret} from the stack's last up"
    assert ours.startswith(": ") and "; " in ours and "very-secret" not in told


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.odd.name)
def test_each_answer_has_its_cause(row: LoginCause) -> None:
    login = row.by[0]("robot", "x")  # type: ignore[call-arg]
    told = why_refused(login, {"error": row.error, "error_description": f"{row.words} and more"}, {})
    assert told.startswith(f": {row.odd.wrong}; {row.odd.remedy}")

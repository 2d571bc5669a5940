"""The secrets of the embedded environment: made once, kept in `.local/secrets.json`, readable by its owner only."""

import json
import secrets
from dataclasses import asdict, dataclass, field, fields

from local.layout import LOCAL, UserError, only_one, private_write

FILE = LOCAL / "secrets.json"
BYTES = 24


def fresh() -> str:
    """A new secret."""
    return secrets.token_urlsafe(BYTES)


@dataclass(frozen=True)
class Secrets:
    """All secrets of the dev stacks and their servers."""

    admin_password: str = field(default_factory=fresh, repr=False)
    user_password: str = field(default_factory=fresh, repr=False)
    frontend_client_secret: str = field(default_factory=fresh, repr=False)
    api_client_secret: str = field(default_factory=fresh, repr=False)
    pulumi_passphrase: str = field(default_factory=fresh, repr=False)

    def realm_variables(self) -> dict[str, str]:
        """The values of `${NAME}` in the realm file."""
        return {
            "FRONTEND_CLIENT_SECRET": self.frontend_client_secret,
            "API_CLIENT_SECRET": self.api_client_secret,
            "USER_PASSWORD": self.user_password,
        }


def load() -> Secrets:
    """Read the secrets; make those that are missing. They are random; a person's password for another server is never used."""
    with only_one("secrets"):
        try:
            kept = json.loads(FILE.read_text()) if FILE.exists() else {}
            known = {item.name: str(kept[item.name]) for item in fields(Secrets) if kept.get(item.name)}
        except (ValueError, AttributeError):
            raise UserError(f"{FILE} is not a JSON object; run `make clean` and start again.") from None
        found = Secrets(**known)
        if asdict(found) != known:
            private_write(FILE, json.dumps(asdict(found), indent=2) + "\n")
    return found

"""The former place of what ``register_grants`` takes; programs import it from here."""

from grants.spec import GrantSpec as GrantSpec

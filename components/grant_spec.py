"""What ``register_grants`` takes, where programs have imported it from."""

from grants.spec import GrantSpec as GrantSpec

"""Every rule, one a file."""

from policy.rule import Rule
from policy.rules import (
    client_policies_are_positive,
    exchanged_tokens_are_short_lived,
    exchanges_give_no_refresh_token,
    grants_form_no_chain,
    grants_form_no_cycle,
    legacy_requesters_are_guarded,
    production_grants_are_to_be_reviewed,
    production_logs_in_without_a_password,
    requesters_are_confidential,
    requesters_have_no_full_scope,
    reviews_are_not_overdue,
    standard_exchange_where_it_would_do,
    targets_are_no_built_in_clients,
    targets_have_few_sources,
    token_exchange_permissions_have_a_policy,
)

RULES: tuple[Rule, ...] = tuple(
    module.RULE
    for module in (
        client_policies_are_positive,
        exchanged_tokens_are_short_lived,
        exchanges_give_no_refresh_token,
        grants_form_no_chain,
        grants_form_no_cycle,
        legacy_requesters_are_guarded,
        production_grants_are_to_be_reviewed,
        production_logs_in_without_a_password,
        requesters_are_confidential,
        requesters_have_no_full_scope,
        reviews_are_not_overdue,
        standard_exchange_where_it_would_do,
        targets_are_no_built_in_clients,
        targets_have_few_sources,
        token_exchange_permissions_have_a_policy,
    )
)

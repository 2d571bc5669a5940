"""Day-2 commands on the grants of a stack: ``python -m exchange``. Leans on ``kcadmin`` and the ``pulumi`` command."""

"""Keycloak's Admin REST API and token endpoint. Knows nothing of Pulumi, nor of what exchanges mean.

``rest`` ← ``marks`` ← ``writes`` ← ``objects`` ← ``authz``, ``guards``: what is on the right may import what is on the left.
"""

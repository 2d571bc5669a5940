"""Keycloak's Admin REST API and token endpoint. It knows neither Pulumi nor what exchanges mean.

``rest`` ← ``marks`` ← ``writes`` ← ``objects`` ← ``authz``, ``guards``: what is on the right may import what is on the left.
"""

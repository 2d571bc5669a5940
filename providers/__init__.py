"""Pulumi dynamic resource providers, one module per Keycloak object. Module paths and class names are state format."""

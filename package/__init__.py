"""The Pulumi package: the same resources and the same grant for programs in any language."""

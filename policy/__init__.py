"""Rules for a stack of grants: a policy pack for Pulumi, and plain functions for other callers."""

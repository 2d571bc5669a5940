"""Rules that a stack of grants must keep: a policy pack for Pulumi, and plain functions for whoever else asks."""

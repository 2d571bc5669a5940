"""Guards: client policies and client profiles that refuse exchanges."""

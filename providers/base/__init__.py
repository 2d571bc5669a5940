"""What all providers and their resources share."""

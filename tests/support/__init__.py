"""What tests share: realms on a real server, and an engine that calls a provider as Pulumi does."""

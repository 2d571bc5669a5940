"""A realm's objects beside policies: clients, mappers, client scopes, settings, events, features, the robot."""

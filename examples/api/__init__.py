"""The API of the examples: it takes only tokens that are for it, and logs who acts for whom."""

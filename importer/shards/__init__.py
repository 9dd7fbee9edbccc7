"""A manifest cut into shards that run apart, and their results joined again."""

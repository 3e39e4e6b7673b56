"""What the endpoints take and give, as OpenAPI describes it."""

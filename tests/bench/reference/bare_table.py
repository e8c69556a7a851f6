"""The one table of the bare view."""

TABLE = "bare_delivery"
CREATE = f"CREATE TABLE {TABLE} (id bigserial PRIMARY KEY, received_at timestamptz NOT NULL, body bytea NOT NULL)"

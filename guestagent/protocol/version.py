"""Version of the wire format. N reads N and N-1: a control plane may be one release ahead of a guest."""

PROTOCOL_VERSION = 1
OLDEST_READABLE = 1

"""Read by every Python that a test starts, because tests/loopback is on its PYTHONPATH."""

import loopback_only

loopback_only.install()

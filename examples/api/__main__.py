"""``python -m examples.api <issuer> [<audience>]``: the API on http://localhost:9080 until it is interrupted."""

import logging
import sys
from contextlib import suppress

from examples.api.server import Api

if len(sys.argv) not in (2, 3):
    sys.exit("usage: python -m examples.api <issuer> [<audience>]")
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
api = Api(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "authentication-test-api")
logging.info("%s takes tokens of %s for %s", api.url, api.validator.issuer, api.validator.audience)
with suppress(KeyboardInterrupt):
    api.serve_forever()

"""Pulumi starts this folder as the plugin `keycloak-token-exchange`. Our modules are those of the folder above."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # in this process only, in place of this folder

from package.servicer import serve

if __name__ == "__main__":
    serve()

"""The policy pack: ``pulumi preview --policy-pack policy``. https://www.pulumi.com/docs/iac/using-pulumi/crossguard/"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Pulumi runs this folder as a program of its own

from policy.pack import serve

serve()

"""`python -m service.live`: a dispatcher, with the settings of the environment."""

from __future__ import annotations

import sys

from service.live.process import run_process
from service.settings import load_settings

sys.exit(run_process(load_settings()))

"""Imitation learning: policies that do what demonstrations do."""

import logging
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # whatever would ask a hub fails at once instead of waiting
logging.getLogger("lerobot.utils.import_utils").setLevel(logging.ERROR)  # pages about a decoder that is not used

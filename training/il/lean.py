"""LeRobot without `transformers`, which it loads for seconds wherever it is installed; only language policies use it.

Import this before anything of LeRobot's that imports its policies or processors. A process that trains a language
policy has imported `physai.training.vla.language` before.
"""

import sys

from lerobot.utils import import_utils

if "physai.training.vla.language" not in sys.modules:
    import_utils._transformers_available = False  # as LeRobot finds it where only this package is installed

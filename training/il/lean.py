"""LeRobot without `transformers`, which it loads for seconds wherever it is installed; none of our policies uses it.

Import this before anything of LeRobot's that imports its policies or processors.
"""

from lerobot.utils import import_utils

import_utils._transformers_available = False  # as LeRobot finds it where only this package is installed

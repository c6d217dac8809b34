"""Packages a robot can run: the policy as one ONNX graph, with evidence that it is the policy."""

import logging

logging.getLogger("onnxscript").setLevel(logging.ERROR)  # what its optimiser leaves alone

"""Files of this domain that people write, for `physai contracts`."""

from .retrain.rules import RetrainRules
from .setup.site import Site
from .telemetry.agent.topics import AgentTopics

FILES = (RetrainRules, Site, AgentTopics)

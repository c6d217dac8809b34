"""Where a report goes: MLflow, Azure Monitor, a Fabric Eventhouse."""

from .publish import Delivery, Publication, Sink, publish

__all__ = ["Delivery", "Publication", "Sink", "publish"]

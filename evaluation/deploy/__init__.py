"""A policy host where policies are asked: an endpoint of AzureML, or Kubernetes. New packages come in blue/green."""

"""One definition of what is watched, written for Grafana, Azure Monitor, Fabric and Prometheus."""

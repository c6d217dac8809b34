"""Sets up a site and the cloud behind it: Azure IoT Operations, streams, tables, dashboards, alert rules."""

# Recorded under the names that the dashboards ask for.
resource "azurerm_monitor_alert_prometheus_rule_group" "gpu" {
  name                = "gpu-${var.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  scopes              = [azurerm_monitor_workspace.this.id]
  interval            = "PT1M"
  rule_group_enabled  = true
  tags                = var.tags

  rule {
    record     = "physai:gpu_utilisation:avg"
    expression = "avg by (Hostname, gpu, modelName) (DCGM_FI_DEV_GPU_UTIL) / 100"
  }

  rule {
    record     = "physai:gpu_memory_used:ratio"
    expression = "DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE)"
  }

  rule {
    alert      = "GpuXidError"
    expression = "increase(DCGM_FI_DEV_XID_ERRORS[5m]) > 0"
    for        = "PT1M"
    severity   = 2
    annotations = {
      description = "A GPU reported an XID error; its jobs may hang. Drain the node and look at its dmesg."
    }
  }

  rule {
    alert      = "GpuIdleButAllocated"
    expression = "avg_over_time(physai:gpu_utilisation:avg[30m]) < 0.05"
    for        = "PT30M"
    severity   = 3
    annotations = {
      description = "A GPU node has done nothing for half an hour and is paid for. Cancel what holds it."
    }
  }
}

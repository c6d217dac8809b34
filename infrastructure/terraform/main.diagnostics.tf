# Who read what, and who tried to: audit logs of everything that holds data or secrets.
resource "azurerm_monitor_diagnostic_setting" "this" {
  for_each = {
    vault    = { target = module.security.resource_id, logs = ["AuditEvent"] }
    blobs    = { target = "${module.storage.resource_id}/blobServices/default", logs = ["StorageRead", "StorageWrite", "StorageDelete"] }
    registry = { target = module.registry.resource_id, logs = ["ContainerRegistryLoginEvents", "ContainerRegistryRepositoryEvents"] }
    cluster  = { target = module.aks.resource_id, logs = ["kube-audit-admin", "guard"] }
  }

  name                       = "audit"
  target_resource_id         = each.value.target
  log_analytics_workspace_id = module.observability.resource_id

  dynamic "enabled_log" {
    for_each = each.value.logs

    content {
      category = enabled_log.value
    }
  }
}

output "resource_id" {
  description = "Id of the workspace."
  value       = azurerm_machine_learning_workspace.this.id
}

output "name" {
  description = "Name of the workspace."
  value       = azurerm_machine_learning_workspace.this.name
}

output "principal_id" {
  description = "Object id of the workspace's identity."
  value       = azurerm_machine_learning_workspace.this.identity[0].principal_id
}

output "registry_name" {
  description = "Name of the AzureML registry, or null."
  value       = one(azapi_resource.registry[*].name)
}

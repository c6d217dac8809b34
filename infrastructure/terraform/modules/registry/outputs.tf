output "resource_id" {
  description = "Id of the registry."
  value       = azurerm_container_registry.this.id
}

output "name" {
  description = "Name of the registry."
  value       = azurerm_container_registry.this.name
}

output "login_server" {
  description = "Host of the registry, e.g. `crphysaidev3f2a1.azurecr.io`."
  value       = azurerm_container_registry.this.login_server
}

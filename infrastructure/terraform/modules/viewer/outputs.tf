output "resource_id" {
  description = "Id of the container app."
  value       = azurerm_container_app.this.id
}

output "name" {
  description = "Name of the container app."
  value       = azurerm_container_app.this.name
}

output "url" {
  description = "Address of the viewer."
  value       = "https://${local.hostname}"
}

output "service_principal_object_id" {
  description = "Where people and groups are given the roles Dataset.Read, Dataset.Annotate and Dataset.Administer."
  value       = azuread_service_principal.this.object_id
}

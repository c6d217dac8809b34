output "resource_id" {
  description = "Id of the storage account."
  value       = azurerm_storage_account.this.id
}

output "name" {
  description = "Name of the storage account."
  value       = azurerm_storage_account.this.name
}

output "container_uris" {
  description = "Where each container is, as OSMO writes it: `azure://account/container`."
  value       = { for name, container in azurerm_storage_container.this : name => "azure://${azurerm_storage_account.this.name}/${container.name}" }
}

output "resource_id" {
  description = "Id of the Event Hubs namespace."
  value       = azurerm_eventhub_namespace.this.id
}

output "name" {
  description = "Name of the Event Hubs namespace."
  value       = azurerm_eventhub_namespace.this.name
}

output "streams" {
  description = "Event hub of each stream: `host/name`."
  value       = { for name, hub in azurerm_eventhub.this : name => "${azurerm_eventhub_namespace.this.name}.servicebus.windows.net/${hub.name}" }
}

output "schema_registry_id" {
  description = "Id of the schema registry, or null."
  value       = one(azapi_resource.schema_registry[*].id)
}

output "fabric_capacity_name" {
  description = "Name of the Fabric capacity, or null."
  value       = one(azurerm_fabric_capacity.this[*].name)
}

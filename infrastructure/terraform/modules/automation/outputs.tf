output "resource_id" {
  description = "Id of the automation account."
  value       = azurerm_automation_account.this.id
}

output "name" {
  description = "Name of the automation account."
  value       = azurerm_automation_account.this.name
}

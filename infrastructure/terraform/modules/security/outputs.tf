output "resource_id" {
  description = "Id of the Key Vault."
  value       = azurerm_key_vault.this.id
}

output "name" {
  description = "Name of the Key Vault."
  value       = azurerm_key_vault.this.name
}

output "identities" {
  description = "By purpose: resource_id, client_id and principal_id."
  value = {
    for key, identity in azurerm_user_assigned_identity.this : key => {
      resource_id  = identity.id
      client_id    = identity.client_id
      principal_id = identity.principal_id
    }
  }
}

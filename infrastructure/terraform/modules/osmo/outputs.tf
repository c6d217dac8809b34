output "resource_id" {
  description = "Id of the PostgreSQL server."
  value       = azurerm_postgresql_flexible_server.this.id
}

output "name" {
  description = "Name of the PostgreSQL server."
  value       = azurerm_postgresql_flexible_server.this.name
}

output "database" {
  description = "Where OSMO's database is, and which secret of the Key Vault opens it."
  value = {
    host   = azurerm_postgresql_flexible_server.this.fqdn
    port   = 5432
    name   = azurerm_postgresql_flexible_server_database.this.name
    user   = azurerm_postgresql_flexible_server.this.administrator_login
    secret = azurerm_key_vault_secret.database.name
  }
}

output "redis" {
  description = "Where OSMO's Redis is, and which secret of the Key Vault opens it."
  value = {
    host   = azurerm_managed_redis.this.hostname
    port   = 10000
    secret = azurerm_key_vault_secret.redis.name
  }
}

# Made while Terraform runs and handed on as write-only arguments: it is in no state file and no plan.
ephemeral "random_password" "database" {
  length  = 32
  special = false
}

resource "azurerm_key_vault_secret" "database" {
  #checkov:skip=CKV_AZURE_41:rotated by raising value_wo_version, not by running out overnight

  name             = "osmo-postgresql-password"
  key_vault_id     = var.key_vault_id
  value_wo         = ephemeral.random_password.database.result
  value_wo_version = 1
  content_type     = "password"
  tags             = var.tags
}

resource "azurerm_postgresql_flexible_server" "this" {
  #checkov:skip=CKV2_AZURE_57:lies in a delegated subnet, which has no public address
  #checkov:skip=CKV_AZURE_136:history of workflows; backups of a region are enough

  name                              = "psql-${var.name}-${var.suffix}"
  location                          = var.location
  resource_group_name               = var.resource_group_name
  version                           = "16"
  sku_name                          = var.database.sku
  storage_mb                        = var.database.storage_gib * 1024
  auto_grow_enabled                 = true
  backup_retention_days             = var.database.backup_days
  geo_redundant_backup_enabled      = false
  delegated_subnet_id               = var.database_subnet_id
  private_dns_zone_id               = var.database_dns_zone_id
  public_network_access_enabled     = false
  administrator_login               = "osmo"
  administrator_password_wo         = ephemeral.random_password.database.result
  administrator_password_wo_version = 1
  tags                              = var.tags

  dynamic "high_availability" {
    for_each = var.database.high_availability ? [1] : []

    content {
      mode = "ZoneRedundant"
    }
  }

  lifecycle {
    ignore_changes = [zone, high_availability[0].standby_availability_zone]
  }
}

resource "azurerm_postgresql_flexible_server_database" "this" {
  name      = "osmo"
  server_id = azurerm_postgresql_flexible_server.this.id
  charset   = "UTF8"
  collation = "en_US.utf8"
}

resource "azurerm_postgresql_flexible_server_configuration" "this" {
  for_each = {
    require_secure_transport = "ON"
    ssl_min_protocol_version = "TLSv1.2"
    log_connections          = "on"
    log_disconnections       = "on"
  }

  name      = each.key
  server_id = azurerm_postgresql_flexible_server.this.id
  value     = each.value
}

resource "azurerm_managed_redis" "this" {
  name                      = "redis-${var.name}-${var.suffix}"
  location                  = var.location
  resource_group_name       = var.resource_group_name
  sku_name                  = var.redis.sku
  high_availability_enabled = var.redis.high_availability
  public_network_access     = var.public_access ? "Enabled" : "Disabled"
  tags                      = var.tags

  # OSMO logs in with a key, and speaks to one endpoint as to a single server.
  default_database {
    access_keys_authentication_enabled = true
    client_protocol                    = "Encrypted"
    clustering_policy                  = "EnterpriseCluster"
    eviction_policy                    = "NoEviction"
  }
}

resource "azurerm_key_vault_secret" "redis" {
  #checkov:skip=CKV_AZURE_41:follows the key of Managed Redis

  name         = "osmo-redis-password"
  key_vault_id = var.key_vault_id
  value        = azurerm_managed_redis.this.default_database[0].primary_access_key
  content_type = "password"
  tags         = var.tags
}

resource "azurerm_private_endpoint" "redis" {
  count = var.private_endpoint == null ? 0 : 1

  name                = "pe-${azurerm_managed_redis.this.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.private_endpoint.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "redis"
    private_connection_resource_id = azurerm_managed_redis.this.id
    subresource_names              = ["redisEnterprise"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.private_endpoint.dns_zone_ids["privatelink.redis.azure.net"]]
  }
}

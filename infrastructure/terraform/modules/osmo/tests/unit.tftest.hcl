mock_provider "azurerm" {
  mock_resource "azurerm_managed_redis" {
    defaults = {
      id               = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Cache/redisEnterprise/redis"
      hostname         = "redis.example"
      default_database = { primary_access_key = "key-of-the-mock" }
    }
  }
}

variables {
  name                 = "physai-test"
  suffix               = "3f2a1"
  location             = "eastus"
  resource_group_name  = "rg-physai-test"
  key_vault_id         = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
  database_subnet_id   = "/subscriptions/s/subnets/database"
  database_dns_zone_id = "/subscriptions/s/zones/database"
  public_access        = true
}

run "the_database_lies_in_the_network_and_speaks_tls" {
  command = plan

  assert {
    condition     = !azurerm_postgresql_flexible_server.this.public_network_access_enabled && azurerm_postgresql_flexible_server.this.delegated_subnet_id == "/subscriptions/s/subnets/database"
    error_message = "PostgreSQL must have no public address"
  }
  assert {
    condition     = azurerm_postgresql_flexible_server_configuration.this["require_secure_transport"].value == "ON"
    error_message = "connections must be encrypted"
  }
}

run "redis_speaks_tls_and_keeps_what_it_is_given" {
  command = plan

  assert {
    condition     = azurerm_managed_redis.this.default_database[0].client_protocol == "Encrypted" && azurerm_managed_redis.this.default_database[0].eviction_policy == "NoEviction"
    error_message = "OSMO's queues must not be evicted"
  }
}

run "passwords_go_to_the_vault_and_nowhere_else" {
  command = plan

  assert {
    condition     = azurerm_key_vault_secret.database.value_wo_version == azurerm_postgresql_flexible_server.this.administrator_password_wo_version
    error_message = "both must change together"
  }
  assert {
    condition     = azurerm_postgresql_flexible_server.this.administrator_password == null
    error_message = "the password would be in the state"
  }
}

run "high_availability_is_two_zones" {
  command = plan
  variables { database = { high_availability = true } }

  assert {
    condition     = azurerm_postgresql_flexible_server.this.high_availability[0].mode == "ZoneRedundant"
    error_message = "a second server in another zone"
  }
}

run "by_default_there_is_one_server" {
  command = plan

  assert {
    condition     = length(azurerm_postgresql_flexible_server.this.high_availability) == 0 && length(azurerm_private_endpoint.redis) == 0
    error_message = "nobody asked for more"
  }
}

run "a_private_redis_has_an_endpoint" {
  command = plan
  variables {
    public_access = false
    private_endpoint = {
      subnet_id    = "/subscriptions/s/subnets/endpoints"
      dns_zone_ids = { "privatelink.redis.azure.net" = "/subscriptions/s/zones/redis" }
    }
  }

  assert {
    condition     = azurerm_managed_redis.this.public_network_access == "Disabled" && length(azurerm_private_endpoint.redis) == 1
    error_message = "private means private"
  }
}

run "a_burstable_database_cannot_be_highly_available" {
  command = plan
  variables { database = { sku = "B_Standard_B1ms", high_availability = true } }
  expect_failures = [var.database]
}

run "backups_of_a_day_are_refused" {
  command = plan
  variables { database = { backup_days = 1 } }
  expect_failures = [var.database]
}

locals {
  rules     = { for name, rule in var.containers : name => rule if rule.cool_after_days != null || rule.delete_after_days != null }
  endpoints = var.private_endpoint == null ? {} : { for service in ["blob", "dfs"] : service => "privatelink.${service}.core.windows.net" }
}

resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV2_AZURE_1:Azure's keys are enough for this data; keys of one's own are a decision of the subscription
  #checkov:skip=CKV_AZURE_33:there are no queues in this account
  #checkov:skip=CKV_AZURE_206:var.replication; the profiles prod and private set ZRS
  #checkov:skip=CKV_AZURE_59:public_access is false in mode private; else the firewall denies by default

  name                             = substr("st${replace(var.name, "-", "")}${var.suffix}", 0, 24)
  location                         = var.location
  resource_group_name              = var.resource_group_name
  account_kind                     = "StorageV2"
  account_tier                     = "Standard"
  account_replication_type         = var.replication
  is_hns_enabled                   = true
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false
  https_traffic_only_enabled       = true
  local_user_enabled               = false
  min_tls_version                  = "TLS1_2"
  public_network_access_enabled    = var.public_access
  tags                             = var.tags

  blob_properties {
    delete_retention_policy {
      days = 14
    }

    container_delete_retention_policy {
      days = 14
    }
  }

  network_rules {
    default_action             = "Deny"
    bypass                     = ["AzureServices"]
    ip_rules                   = var.allowed_ips
    virtual_network_subnet_ids = var.allowed_subnet_ids
  }

  sas_policy {
    expiration_period = "01.00:00:00"
    expiration_action = "Log"
  }
}

resource "azurerm_storage_container" "this" {
  #checkov:skip=CKV2_AZURE_21:reads are logged by the root's diagnostic settings

  for_each = var.containers

  name                  = each.key
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}

resource "azurerm_storage_management_policy" "this" {
  count = length(local.rules) == 0 ? 0 : 1

  storage_account_id = azurerm_storage_account.this.id

  dynamic "rule" {
    for_each = local.rules

    content {
      name    = rule.key
      enabled = true

      filters {
        prefix_match = ["${rule.key}/"]
        blob_types   = ["blockBlob"]
      }

      actions {
        base_blob {
          tier_to_cool_after_days_since_modification_greater_than = rule.value.cool_after_days
          delete_after_days_since_modification_greater_than       = rule.value.delete_after_days
        }
      }
    }
  }
}

resource "azurerm_private_endpoint" "this" {
  for_each = local.endpoints

  name                = "pe-${azurerm_storage_account.this.name}-${each.key}"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.private_endpoint.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = azurerm_storage_account.this.id
    subresource_names              = [each.key]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.private_endpoint.dns_zone_ids[each.value]]
  }
}

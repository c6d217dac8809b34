# The account that holds the state of the other roots. Its own state is a local file: there is nothing before it.
locals {
  suffix = substr(sha256("${var.subscription_id}/${var.name}/state"), 0, 5)
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${var.name}-state"
  location = var.location
  tags     = var.tags
}

resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV2_AZURE_1:Azure's keys are enough for this data; keys of one's own are a decision of the subscription
  #checkov:skip=CKV_AZURE_33:there are no queues in this account
  #checkov:skip=CKV2_AZURE_33:made before there is a network
  #checkov:skip=CKV_AZURE_35:var.allowed_ips; without it an Entra login is still needed
  #checkov:skip=CKV_AZURE_59:made before there is a network; no anonymous access, no keys

  name                             = substr("sttf${replace(var.name, "-", "")}${local.suffix}", 0, 24)
  location                         = azurerm_resource_group.this.location
  resource_group_name              = azurerm_resource_group.this.name
  account_kind                     = "StorageV2"
  account_tier                     = "Standard"
  account_replication_type         = "GZRS"
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false
  https_traffic_only_enabled       = true
  local_user_enabled               = false
  min_tls_version                  = "TLS1_2"
  tags                             = var.tags

  # A state that was overwritten or deleted by mistake can be fetched back for a month.
  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = 30
    }

    container_delete_retention_policy {
      days = 30
    }
  }

  network_rules {
    default_action = length(var.allowed_ips) == 0 ? "Allow" : "Deny"
    ip_rules       = var.allowed_ips
  }
}

resource "azurerm_storage_container" "this" {
  #checkov:skip=CKV2_AZURE_21:there is no workspace for logs yet; versions keep every state

  name                  = "tfstate"
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}

resource "azurerm_role_assignment" "this" {
  for_each = var.operator_object_ids

  scope                = azurerm_storage_container.this.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = each.value
}

resource "azurerm_management_lock" "this" {
  name       = "state"
  scope      = azurerm_storage_account.this.id
  lock_level = "CanNotDelete"
  notes      = "Without the state Terraform no longer knows what it made."
}

locals {
  # A workspace's own storage cannot be hierarchical, so it does not share the data's account:
  # https://learn.microsoft.com/azure/machine-learning/how-to-create-workspace
  endpoints = var.private_endpoint == null ? {} : {
    blob      = { resource = azurerm_storage_account.this.id, zones = ["privatelink.blob.core.windows.net"] }
    file      = { resource = azurerm_storage_account.this.id, zones = ["privatelink.file.core.windows.net"] }
    workspace = { resource = azurerm_machine_learning_workspace.this.id, zones = ["privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"] }
  }
}

resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV2_AZURE_1:Azure's keys are enough for this data; keys of one's own are a decision of the subscription
  #checkov:skip=CKV_AZURE_33:there are no queues in this account
  #checkov:skip=CKV_AZURE_206:holds snapshots of code and logs of jobs, which can be made again
  #checkov:skip=CKV2_AZURE_33:var.private_endpoint; modes hybrid and private set it
  #checkov:skip=CKV_AZURE_59:public_access is false in mode private; else the firewall denies by default

  name                             = substr("stml${replace(var.name, "-", "")}${var.suffix}", 0, 24)
  location                         = var.location
  resource_group_name              = var.resource_group_name
  account_kind                     = "StorageV2"
  account_tier                     = "Standard"
  account_replication_type         = "LRS"
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
  }

  network_rules {
    default_action             = "Deny"
    bypass                     = ["AzureServices"]
    ip_rules                   = var.allowed_ips
    virtual_network_subnet_ids = var.allowed_subnet_ids
  }
}

resource "azurerm_machine_learning_workspace" "this" {
  name                          = "mlw-${var.name}"
  location                      = var.location
  resource_group_name           = var.resource_group_name
  application_insights_id       = var.application_insights_id
  key_vault_id                  = var.key_vault_id
  container_registry_id         = var.container_registry_id
  storage_account_id            = azurerm_storage_account.this.id
  storage_account_access_type   = "Identity"
  public_network_access_enabled = var.public_access
  v1_legacy_mode_enabled        = false
  high_business_impact          = true
  managed_network {
    isolation_mode = var.public_access ? "Disabled" : "AllowInternetOutbound"
  }
  tags = var.tags

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_role_assignment" "workspace_storage" {
  for_each = toset(["Storage Blob Data Contributor", "Storage File Data Privileged Contributor"])

  scope                = azurerm_storage_account.this.id
  role_definition_name = each.value
  principal_id         = azurerm_machine_learning_workspace.this.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_machine_learning_compute_cluster" "cpu" {
  count = var.cpu_cluster == null ? 0 : 1

  name                          = "cpu-cluster"
  location                      = var.location
  machine_learning_workspace_id = azurerm_machine_learning_workspace.this.id
  vm_size                       = var.cpu_cluster.vm_size
  vm_priority                   = "Dedicated"
  local_auth_enabled            = false
  node_public_ip_enabled        = var.cpu_cluster.subnet_id == null
  subnet_resource_id            = var.cpu_cluster.subnet_id
  tags                          = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.endpoint_identity_id]
  }

  scale_settings {
    min_node_count                       = 0
    max_node_count                       = var.cpu_cluster.max_nodes
    scale_down_nodes_after_idle_duration = "PT15M"
  }
}

resource "azapi_resource" "registry" {
  count = var.registry_enabled ? 1 : 0

  type      = "Microsoft.MachineLearningServices/registries@2024-10-01"
  name      = "mlr-${var.name}"
  location  = var.location
  parent_id = var.resource_group_id
  tags      = var.tags

  identity {
    type = "SystemAssigned"
  }

  body = {
    properties = {
      publicNetworkAccess = var.public_access ? "Enabled" : "Disabled"
      regionDetails = [{
        location = var.location
        acrDetails = [{
          systemCreatedAcrAccount = { acrAccountSku = "Premium" }
        }]
        storageAccountDetails = [{
          systemCreatedStorageAccount = {
            storageAccountType       = "Standard_LRS"
            storageAccountHnsEnabled = false
            allowBlobPublicAccess    = false
          }
        }]
      }]
    }
  }
}

resource "azurerm_private_endpoint" "this" {
  for_each = local.endpoints

  name                = "pe-${var.name}-ml-${each.key}"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.private_endpoint.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.resource
    subresource_names              = [each.key == "workspace" ? "amlworkspace" : each.key]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [for zone in each.value.zones : var.private_endpoint.dns_zone_ids[zone]]
  }
}

locals {
  is_premium = var.sku == "Premium"
}

resource "azurerm_container_registry" "this" {
  #checkov:skip=CKV_AZURE_139:var.public_access; mode private shuts it
  #checkov:skip=CKV_AZURE_164:packages are pulled by digest
  #checkov:skip=CKV_AZURE_165:one region
  #checkov:skip=CKV_AZURE_166:quarantine needs a scanner that releases images
  #checkov:skip=CKV_AZURE_233:with sku Premium, which the profiles prod and private set

  name                          = substr("cr${replace(var.name, "-", "")}${var.suffix}", 0, 50)
  location                      = var.location
  resource_group_name           = var.resource_group_name
  sku                           = var.sku
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  public_network_access_enabled = var.public_access
  network_rule_bypass_option    = "AzureServices"
  data_endpoint_enabled         = local.is_premium
  zone_redundancy_enabled       = local.is_premium
  retention_policy_in_days      = local.is_premium ? var.untagged_retention_days : null
  tags                          = var.tags

  network_rule_set = local.is_premium ? [{
    default_action = length(var.allowed_ips) == 0 && var.public_access ? "Allow" : "Deny"
    ip_rule        = [for range in var.allowed_ips : { action = "Allow", ip_range = range }]
  }] : []
}

resource "azurerm_private_endpoint" "registry" {
  count = var.private_endpoint == null ? 0 : 1

  name                = "pe-${azurerm_container_registry.this.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.private_endpoint.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "registry"
    private_connection_resource_id = azurerm_container_registry.this.id
    subresource_names              = ["registry"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.private_endpoint.dns_zone_ids["privatelink.azurecr.io"]]
  }
}

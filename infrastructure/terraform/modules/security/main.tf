locals {
  federations = merge([
    for key, identity in var.identities : {
      for account in identity.service_accounts : "${key}/${account}" => { identity = key, account = account }
    }
  ]...)
}

resource "azurerm_key_vault" "this" {
  name                          = substr("kv-${var.name}-${var.suffix}", 0, 24)
  location                      = var.location
  resource_group_name           = var.resource_group_name
  tenant_id                     = var.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = var.purge_protection_enabled
  soft_delete_retention_days    = 90
  public_network_access_enabled = var.public_access
  tags                          = var.tags

  network_acls {
    bypass                     = "AzureServices"
    default_action             = "Deny"
    ip_rules                   = var.allowed_ips
    virtual_network_subnet_ids = var.allowed_subnet_ids
  }
}

resource "azurerm_private_endpoint" "vault" {
  count = var.private_endpoint == null ? 0 : 1

  name                = "pe-${azurerm_key_vault.this.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.private_endpoint.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "vault"
    private_connection_resource_id = azurerm_key_vault.this.id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.private_endpoint.dns_zone_ids["privatelink.vaultcore.azure.net"]]
  }
}

resource "azurerm_user_assigned_identity" "this" {
  for_each = var.identities

  name                = "id-${var.name}-${each.key}"
  location            = var.location
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_federated_identity_credential" "this" {
  for_each = local.federations

  name                      = replace(each.value.account, "/", "-")
  user_assigned_identity_id = azurerm_user_assigned_identity.this[each.value.identity].id
  issuer                    = var.oidc_issuer_url
  subject                   = "system:serviceaccount:${replace(each.value.account, "/", ":")}"
  audience                  = ["api://AzureADTokenExchange"]

  lifecycle {
    precondition {
      condition     = var.oidc_issuer_url != null
      error_message = "identity ${each.value.identity} names a service account; set oidc_issuer_url."
    }
  }
}

resource "azurerm_role_assignment" "this" {
  for_each = var.role_assignments

  scope                = each.value.scope
  role_definition_name = each.value.role
  principal_id = (
    each.value.identity == null ? each.value.principal_id : azurerm_user_assigned_identity.this[each.value.identity].principal_id
  )
}

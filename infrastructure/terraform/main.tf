resource "azurerm_resource_group" "this" {
  name     = "rg-${local.name}"
  location = var.location
  tags     = local.tags
}

# What a production platform cannot make again is not deleted by one command.
resource "azurerm_management_lock" "this" {
  for_each = var.environment == "prod" ? { data = module.storage.resource_id, database = module.osmo.resource_id } : {}

  name       = each.key
  scope      = each.value
  lock_level = "CanNotDelete"
  notes      = "Holds recordings, datasets, released policies or OSMO's history. Remove this lock by hand before destroying it."
}

module "network" {
  source = "./modules/network"

  name                = local.name
  location            = var.location
  resource_group_name = azurerm_resource_group.this.name
  mode                = var.network_mode
  tags                = local.tags
}

module "observability" {
  source = "./modules/observability"

  name                     = local.name
  location                 = var.location
  resource_group_name      = azurerm_resource_group.this.name
  retention_days           = var.environment == "prod" ? 90 : 30
  grafana_admin_object_ids = var.admin_group_object_ids
  tags                     = local.tags
}

module "security" {
  source = "./modules/security"

  name                     = local.name
  suffix                   = local.suffix
  location                 = var.location
  resource_group_name      = azurerm_resource_group.this.name
  tenant_id                = var.tenant_id
  public_access            = local.public_access
  allowed_ips              = var.allowed_ips
  allowed_subnet_ids       = module.network.allowed_subnet_ids
  private_endpoint         = module.network.private_endpoint
  purge_protection_enabled = var.environment == "prod"
  identities               = local.identities
  oidc_issuer_url          = module.aks.oidc_issuer_url
  role_assignments         = local.roles
  tags                     = local.tags
}

module "storage" {
  source = "./modules/storage"

  name                = local.name
  suffix              = local.suffix
  location            = var.location
  resource_group_name = azurerm_resource_group.this.name
  replication         = var.storage_replication
  containers          = local.containers
  public_access       = local.public_access
  allowed_ips         = var.allowed_ips
  allowed_subnet_ids  = module.network.allowed_subnet_ids
  private_endpoint    = module.network.private_endpoint
  tags                = local.tags
}

module "registry" {
  source = "./modules/registry"

  name                = local.name
  suffix              = local.suffix
  location            = var.location
  resource_group_name = azurerm_resource_group.this.name
  sku                 = var.registry_sku
  public_access       = local.public_access
  allowed_ips         = var.allowed_ips
  private_endpoint    = module.network.private_endpoint
  tags                = local.tags
}

module "azureml" {
  source = "./modules/azureml"

  name                    = local.name
  suffix                  = local.suffix
  location                = var.location
  resource_group_name     = azurerm_resource_group.this.name
  resource_group_id       = azurerm_resource_group.this.id
  application_insights_id = module.observability.application_insights_id
  key_vault_id            = module.security.resource_id
  container_registry_id   = module.registry.resource_id
  endpoint_identity_id    = module.security.identities["endpoint"].resource_id
  registry_enabled        = var.azureml_registry_enabled
  public_access           = local.public_access
  allowed_ips             = var.allowed_ips
  allowed_subnet_ids      = module.network.allowed_subnet_ids
  private_endpoint        = module.network.private_endpoint
  tags                    = local.tags
}

module "aks" {
  source = "./modules/aks"

  name                   = local.name
  location               = var.location
  resource_group_name    = azurerm_resource_group.this.name
  tenant_id              = var.tenant_id
  admin_group_object_ids = var.admin_group_object_ids
  subnet_id              = module.network.subnet_ids["aks"]
  private                = local.is_private
  authorized_ips         = var.allowed_ips
  sku_tier               = var.aks_sku_tier
  cluster_identity       = module.security.identities["cluster"]
  kubelet_identity       = module.security.identities["kubelet"]
  container_registry_id  = module.registry.resource_id
  system_pool            = var.system_pool
  node_pools             = var.node_pools
  tags                   = local.tags

  observability = {
    log_analytics_workspace_id  = module.observability.resource_id
    data_collection_rule_ids    = module.observability.data_collection_rule_ids
    data_collection_endpoint_id = module.observability.data_collection_endpoint_id
  }
}

module "osmo" {
  source = "./modules/osmo"

  name                 = local.name
  suffix               = local.suffix
  location             = var.location
  resource_group_name  = azurerm_resource_group.this.name
  key_vault_id         = module.security.resource_id
  database_subnet_id   = module.network.subnet_ids["database"]
  database_dns_zone_id = module.network.database_dns_zone_id
  database             = var.osmo_database
  redis                = var.osmo_redis
  public_access        = local.public_access
  private_endpoint     = module.network.private_endpoint
  tags                 = local.tags
}

module "viewer" {
  source = "./modules/viewer"
  count  = var.viewer == null ? 0 : 1

  name                       = local.name
  location                   = var.location
  resource_group_name        = azurerm_resource_group.this.name
  image                      = "${module.registry.login_server}/${var.viewer.repository}"
  registry_login_server      = module.registry.login_server
  identity                   = module.security.identities["viewer"]
  subnet_id                  = module.network.subnet_ids["apps"]
  log_analytics_workspace_id = module.observability.resource_id
  tenant_id                  = var.tenant_id
  external                   = local.public_access
  environment                = { PHYSAI_STORAGE = module.storage.container_uris["datasets"] }
  tags                       = local.tags
}

module "iot" {
  source = "./modules/iot"
  count  = var.iot == null ? 0 : 1

  name                = local.name
  suffix              = local.suffix
  location            = var.location
  resource_group_name = azurerm_resource_group.this.name
  resource_group_id   = azurerm_resource_group.this.id
  event_hubs_capacity = var.iot.event_hubs_capacity
  fabric              = var.iot.fabric
  public_access       = local.public_access
  private_endpoint    = module.network.private_endpoint
  tags                = local.tags

  schema_storage = {
    account_url = "https://${module.storage.name}.blob.core.windows.net"
    container   = "schemas"
    account_id  = module.storage.resource_id
  }
}

# The first five are settings of physai: `terraform output -json > .physai/terraform-outputs.json`.
output "subscription_id" {
  description = "Subscription of the platform."
  value       = var.subscription_id
}

output "resource_group" {
  description = "Resource group of the platform."
  value       = azurerm_resource_group.this.name
}

output "azureml_workspace" {
  description = "AzureML workspace of jobs."
  value       = module.azureml.name
}

output "storage" {
  description = "Where datasets are published."
  value       = module.storage.container_uris["datasets"]
}

output "registry" {
  description = "Where policy packages are pushed."
  value       = "${module.registry.login_server}/policies"
}

# No setting by itself: it needs `azureml-mlflow`, which job images have and a clone does not.
output "azureml_tracking_uri" {
  description = "MLflow of the AzureML workspace; PHYSAI_TRACKING_URI of jobs."
  value       = "azureml://${var.location}.api.azureml.ms/mlflow/v1.0${module.azureml.resource_id}"
}

# What `physai infrastructure setup` installs from.
output "platform" {
  description = "Names, addresses, identities and pools that charts, instance types and service accounts are made of."
  value = {
    name                      = local.name
    environment               = var.environment
    location                  = var.location
    tenant_id                 = var.tenant_id
    network_mode              = var.network_mode
    cluster                   = module.aks.name
    registry                  = module.registry.login_server
    storage_account           = module.storage.name
    containers                = module.storage.container_uris
    key_vault                 = module.security.name
    identities                = { for key, identity in module.security.identities : key => identity.client_id }
    endpoint_identity_id      = module.security.identities["endpoint"].resource_id
    node_pools                = module.aks.node_pools
    azureml_compute           = "aks"
    osmo_database             = module.osmo.database
    osmo_redis                = module.osmo.redis
    grafana                   = module.observability.grafana_name
    prometheus_query_endpoint = module.observability.prometheus_query_endpoint
  }
}

output "cluster_id" {
  description = "Id of the cluster; `automation/` asks for it."
  value       = module.aks.resource_id
}

output "virtual_network_id" {
  description = "Id of the network; `vpn/` and `dns/` ask for it."
  value       = module.network.resource_id
}

output "viewer_url" {
  description = "Address of the dataset viewer, or null."
  value       = one(module.viewer[*].url)
}

output "event_streams" {
  description = "Event hubs of the fleet by stream, or null."
  value       = one(module.iot[*].streams)
}

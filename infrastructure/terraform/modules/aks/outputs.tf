output "resource_id" {
  description = "Id of the cluster."
  value       = azurerm_kubernetes_cluster.this.id
}

output "name" {
  description = "Name of the cluster."
  value       = azurerm_kubernetes_cluster.this.name
}

output "oidc_issuer_url" {
  description = "Issuer of service account tokens, for workload identity."
  value       = azurerm_kubernetes_cluster.this.oidc_issuer_url
}

output "node_pools" {
  description = "What OSMO's platforms and AzureML's instance types are made of."
  value = {
    for name, pool in var.node_pools : name => {
      vm_size   = pool.vm_size
      max_count = pool.max_count
      min_count = pool.min_count
      spot      = pool.spot
      platform  = pool.platform
      osmo_pool = pool.osmo_pool
      job_limit = pool.job_limit
    }
  }
}

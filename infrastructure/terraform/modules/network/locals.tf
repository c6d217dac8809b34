locals {
  has_private_endpoints = var.mode != "public"

  # Without private endpoints, firewalls of services know these subnets; public addresses do not count within a region.
  by_service_endpoint = local.has_private_endpoints ? [] : ["aks", "apps"]

  # Nodes and pods of AKS take 4,096 addresses; the delegated subnets what their services ask for at least.
  subnets = {
    aks       = { new_bits = 4, index = 0, delegation = null, actions = [] }
    endpoints = { new_bits = 8, index = 16, delegation = null, actions = [] }
    database = {
      new_bits   = 8, index = 17
      delegation = "Microsoft.DBforPostgreSQL/flexibleServers"
      actions    = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
    apps = {
      new_bits   = 7, index = 9
      delegation = "Microsoft.App/environments"
      actions    = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
    resolver = {
      new_bits   = 8, index = 20
      delegation = "Microsoft.Network/dnsResolvers"
      actions    = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }

  # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
  dns_zones = local.has_private_endpoints ? toset([
    "privatelink.api.azureml.ms",
    "privatelink.azurecr.io",
    "privatelink.blob.core.windows.net",
    "privatelink.dfs.core.windows.net",
    "privatelink.file.core.windows.net",
    "privatelink.notebooks.azure.net",
    "privatelink.redis.azure.net",
    "privatelink.servicebus.windows.net",
    "privatelink.vaultcore.azure.net",
  ]) : toset([])
}

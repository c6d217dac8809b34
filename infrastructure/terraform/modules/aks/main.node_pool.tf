locals {
  # AKS itself puts the taint and the label of spot nodes on them; naming them keeps plans empty.
  spot_taint = "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"
  gpu_taint  = "nvidia.com/gpu=present:NoSchedule"
}

resource "azurerm_kubernetes_cluster_node_pool" "this" {
  for_each = var.node_pools

  name                    = each.key
  kubernetes_cluster_id   = azurerm_kubernetes_cluster.this.id
  mode                    = "User"
  vm_size                 = each.value.vm_size
  vnet_subnet_id          = var.subnet_id
  os_sku                  = "Ubuntu"
  os_disk_size_gb         = each.value.os_disk_gib
  zones                   = each.value.zones
  auto_scaling_enabled    = true
  min_count               = each.value.min_count
  max_count               = each.value.max_count
  max_pods                = 110
  host_encryption_enabled = true
  priority                = each.value.spot ? "Spot" : "Regular"
  eviction_policy         = each.value.spot ? "Delete" : null
  spot_max_price          = each.value.spot ? -1 : null # up to the price of a regular machine

  # AKS brings the driver that the machine needs: A10 machines are virtual GPUs, and NVIDIA's data centre driver, which
  # the GPU Operator would install, does not start on them.
  gpu_driver = each.value.job_limit.gpu > 0 ? "Install" : null

  node_labels = merge(
    { "physai.io/platform" = each.value.platform, "physai.io/osmo-pool" = each.value.osmo_pool },
    each.value.spot ? { "kubernetes.azure.com/scalesetpriority" = "spot" } : {},
    each.value.scheduling_shard == null ? {} : { "kai.scheduler/node-pool" = each.value.scheduling_shard },
  )
  node_taints = concat(
    each.value.job_limit.gpu > 0 ? [local.gpu_taint] : [],
    each.value.spot ? [local.spot_taint] : [],
  )
  tags = var.tags

  dynamic "upgrade_settings" {
    for_each = each.value.spot ? [] : [1]

    content {
      max_surge = "33%"
    }
  }

  lifecycle {
    ignore_changes = [node_count]
  }
}

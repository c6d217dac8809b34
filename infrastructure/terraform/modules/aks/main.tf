resource "azurerm_kubernetes_cluster" "this" {
  #checkov:skip=CKV_AZURE_115:var.private; the profile private sets it
  #checkov:skip=CKV_AZURE_117:nodes hold no data; host_encryption_enabled encrypts their disks
  #checkov:skip=CKV_AZURE_232:the control plane of OSMO shares the system pool; jobs have pools of their own

  name                              = "aks-${var.name}"
  location                          = var.location
  resource_group_name               = var.resource_group_name
  node_resource_group               = "rg-${var.name}-nodes"
  dns_prefix                        = var.name
  kubernetes_version                = var.kubernetes_version
  automatic_upgrade_channel         = "patch"
  node_os_upgrade_channel           = "NodeImage"
  sku_tier                          = var.sku_tier
  private_cluster_enabled           = var.private
  local_account_disabled            = true
  role_based_access_control_enabled = true
  azure_policy_enabled              = true
  run_command_enabled               = false
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true
  image_cleaner_enabled             = true
  image_cleaner_interval_hours      = 168
  cost_analysis_enabled             = var.sku_tier != "Free"
  tags                              = var.tags

  azure_active_directory_role_based_access_control {
    tenant_id              = var.tenant_id
    azure_rbac_enabled     = true
    admin_group_object_ids = var.admin_group_object_ids
  }

  dynamic "api_server_access_profile" {
    for_each = length(var.authorized_ips) == 0 ? [] : [var.authorized_ips]

    content {
      authorized_ip_ranges = api_server_access_profile.value
    }
  }

  default_node_pool {
    name                         = "system"
    vm_size                      = var.system_pool.vm_size
    auto_scaling_enabled         = true
    min_count                    = var.system_pool.min_count
    max_count                    = var.system_pool.max_count
    zones                        = var.system_pool.zones
    vnet_subnet_id               = var.subnet_id
    os_sku                       = "AzureLinux"
    os_disk_type                 = "Ephemeral"
    os_disk_size_gb              = 128
    only_critical_addons_enabled = false
    host_encryption_enabled      = true
    max_pods                     = 110
    temporary_name_for_rotation  = "systemtmp"

    upgrade_settings {
      max_surge = "33%"
    }
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [var.cluster_identity.resource_id]
  }

  kubelet_identity {
    user_assigned_identity_id = var.kubelet_identity.resource_id
    client_id                 = var.kubelet_identity.client_id
    object_id                 = var.kubelet_identity.principal_id
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    outbound_type       = "userAssignedNATGateway"
    pod_cidr            = "10.244.0.0/16"
    service_cidr        = "10.245.0.0/16"
    dns_service_ip      = "10.245.0.10"
  }

  key_vault_secrets_provider {
    secret_rotation_enabled = true
  }

  web_app_routing {
    dns_zone_ids             = []
    default_nginx_controller = var.private ? "Internal" : "AnnotationControlled"
  }

  dynamic "monitor_metrics" {
    for_each = var.observability == null ? [] : [1]

    content {}
  }

  dynamic "oms_agent" {
    for_each = var.observability == null ? [] : [var.observability]

    content {
      log_analytics_workspace_id      = oms_agent.value.log_analytics_workspace_id
      msi_auth_for_monitoring_enabled = true
    }
  }

  maintenance_window_auto_upgrade {
    frequency   = "Weekly"
    interval    = 1
    day_of_week = "Sunday"
    start_time  = "02:00"
    utc_offset  = "+00:00"
    duration    = 6
  }

  maintenance_window_node_os {
    frequency   = "Weekly"
    interval    = 1
    day_of_week = "Sunday"
    start_time  = "02:00"
    utc_offset  = "+00:00"
    duration    = 6
  }

  lifecycle {
    ignore_changes = [default_node_pool[0].node_count]
  }

  depends_on = [azurerm_role_assignment.network, azurerm_role_assignment.kubelet_identity, azurerm_role_assignment.pull]
}

resource "azurerm_role_assignment" "network" {
  scope                = var.subnet_id
  role_definition_name = "Network Contributor"
  principal_id         = var.cluster_identity.principal_id
  principal_type       = "ServicePrincipal"
}

# The control plane gives the nodes their identity.
resource "azurerm_role_assignment" "kubelet_identity" {
  scope                = var.kubelet_identity.resource_id
  role_definition_name = "Managed Identity Operator"
  principal_id         = var.cluster_identity.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "pull" {
  scope                = var.container_registry_id
  role_definition_name = "AcrPull"
  principal_id         = var.kubelet_identity.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_monitor_data_collection_rule_association" "this" {
  for_each = var.observability == null ? {} : var.observability.data_collection_rule_ids

  name                    = "dcra-${each.key}"
  target_resource_id      = azurerm_kubernetes_cluster.this.id
  data_collection_rule_id = each.value
}

resource "azurerm_monitor_data_collection_rule_association" "endpoint" {
  count = var.observability == null ? 0 : 1

  name                        = "configurationAccessEndpoint" # the name that the agents look for
  target_resource_id          = azurerm_kubernetes_cluster.this.id
  data_collection_endpoint_id = var.observability.data_collection_endpoint_id
}

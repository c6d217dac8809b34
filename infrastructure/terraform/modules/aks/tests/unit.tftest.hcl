mock_provider "azurerm" {
  mock_resource "azurerm_kubernetes_cluster" {
    defaults = {
      id              = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-physai-test"
      oidc_issuer_url = "https://oidc.example/"
    }
  }
}

variables {
  name                = "physai-test"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  tenant_id           = "00000000-0000-0000-0000-000000000001"
  subnet_id           = "/subscriptions/s/subnets/aks"
  cluster_identity = {
    resource_id  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/cluster"
    principal_id = "00000000-0000-0000-0000-000000000003"
  }
  kubelet_identity = {
    resource_id  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/kubelet"
    client_id    = "00000000-0000-0000-0000-000000000004"
    principal_id = "00000000-0000-0000-0000-000000000002"
  }
  container_registry_id = "/subscriptions/s/cr"
  node_pools = {
    cpu = { vm_size = "Standard_D8ds_v5", max_count = 2, platform = "cpu", job_limit = { cpu = 7, memory_gib = 26, gpu = 0 } }
    a10 = { vm_size = "Standard_NV36ads_A10_v5", max_count = 1, platform = "a10", job_limit = { cpu = 34, memory_gib = 400, gpu = 1 } }
    spot = {
      vm_size   = "Standard_NC24ads_A100_v4", max_count = 8, platform = "a100-spot", spot = true
      job_limit = { cpu = 22, memory_gib = 200, gpu = 1 }
    }
  }
}

run "people_and_pods_log_in_with_entra_only" {
  command = plan

  assert {
    condition = alltrue([
      azurerm_kubernetes_cluster.this.local_account_disabled,
      azurerm_kubernetes_cluster.this.azure_active_directory_role_based_access_control[0].azure_rbac_enabled,
      azurerm_kubernetes_cluster.this.workload_identity_enabled,
      azurerm_kubernetes_cluster.this.oidc_issuer_enabled,
      !azurerm_kubernetes_cluster.this.run_command_enabled,
    ])
    error_message = "a way around Entra is open"
  }
  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].network_policy == "cilium"
    error_message = "network policies must be enforced"
  }
}

run "idle_pools_go_to_zero" {
  command = plan

  assert {
    condition     = alltrue([for pool in azurerm_kubernetes_cluster_node_pool.this : pool.min_count == 0 && pool.auto_scaling_enabled])
    error_message = "a GPU that nobody uses must not be paid for"
  }
}

run "only_gpu_jobs_land_on_gpus" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["a10"].node_taints == tolist(["nvidia.com/gpu=present:NoSchedule"])
    error_message = "other pods would take the GPU's node"
  }
  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["a10"].gpu_driver == "Install" && azurerm_kubernetes_cluster_node_pool.this["cpu"].gpu_driver == null
    error_message = "AKS installs the driver on GPU pools"
  }
  assert {
    condition     = length(coalesce(azurerm_kubernetes_cluster_node_pool.this["cpu"].node_taints, [])) == 0
    error_message = "the CPU pool takes what comes"
  }
}

run "osmo_and_azureml_find_their_nodes_by_label" {
  command = plan

  assert {
    condition = {
      for name, pool in azurerm_kubernetes_cluster_node_pool.this : name => pool.node_labels["physai.io/platform"]
    } == { cpu = "cpu", a10 = "a10", spot = "a100-spot" }
    error_message = "the label is what platforms and instance types select"
  }
}

run "a_spot_pool_is_marked_and_may_go" {
  command = plan

  assert {
    condition = (
      azurerm_kubernetes_cluster_node_pool.this["spot"].priority == "Spot"
      && azurerm_kubernetes_cluster_node_pool.this["spot"].eviction_policy == "Delete"
      && contains(azurerm_kubernetes_cluster_node_pool.this["spot"].node_taints, "kubernetes.azure.com/scalesetpriority=spot:NoSchedule")
    )
    error_message = "only jobs that can be interrupted may land there"
  }
}

run "a_shard_of_kai_is_a_label" {
  command = plan
  variables {
    node_pools = {
      a10 = {
        vm_size   = "Standard_NV36ads_A10_v5", max_count = 1, platform = "a10", scheduling_shard = "robots"
        job_limit = { cpu = 34, memory_gib = 400, gpu = 1 }
      }
    }
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["a10"].node_labels["kai.scheduler/node-pool"] == "robots"
    error_message = "KAI finds the nodes of a shard by this label"
  }
}

run "a_private_cluster_has_no_public_api" {
  command = plan
  variables { private = true }

  assert {
    condition     = azurerm_kubernetes_cluster.this.private_cluster_enabled && length(azurerm_kubernetes_cluster.this.api_server_access_profile) == 0
    error_message = "private means private"
  }
  assert {
    condition     = azurerm_kubernetes_cluster.this.web_app_routing[0].default_nginx_controller == "Internal"
    error_message = "the ingress must lie inside too"
  }
}

run "named_addresses_guard_a_public_api" {
  command = plan
  variables { authorized_ips = ["203.0.113.0/24"] }

  assert {
    condition     = azurerm_kubernetes_cluster.this.api_server_access_profile[0].authorized_ip_ranges == toset(["203.0.113.0/24"])
    error_message = "the API is open to all"
  }
}

run "metrics_and_logs_are_collected_where_asked" {
  command = apply
  variables {
    observability = {
      log_analytics_workspace_id  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log"
      data_collection_rule_ids    = { prometheus = "/dcr/prometheus", logs = "/dcr/logs" }
      data_collection_endpoint_id = "/dce"
    }
  }

  assert {
    condition     = toset(keys(azurerm_monitor_data_collection_rule_association.this)) == toset(["prometheus", "logs"])
    error_message = "both rules must be associated"
  }
  assert {
    condition     = azurerm_monitor_data_collection_rule_association.endpoint[0].name == "configurationAccessEndpoint"
    error_message = "agents look for exactly this name"
  }
  assert {
    condition     = azurerm_role_assignment.pull.principal_id == "00000000-0000-0000-0000-000000000002"
    error_message = "it is the kubelet that pulls images"
  }
}

run "without_observability_nothing_is_collected" {
  command = plan

  assert {
    condition     = length(azurerm_monitor_data_collection_rule_association.this) == 0 && length(azurerm_kubernetes_cluster.this.oms_agent) == 0
    error_message = "nobody asked for it"
  }
}

run "two_pools_of_one_platform_are_refused" {
  command = plan
  variables {
    node_pools = {
      a = { vm_size = "Standard_D8ds_v5", max_count = 2, platform = "cpu", job_limit = { cpu = 7, memory_gib = 26, gpu = 0 } }
      b = { vm_size = "Standard_D8ds_v5", max_count = 2, platform = "cpu", job_limit = { cpu = 7, memory_gib = 26, gpu = 0 } }
    }
  }
  expect_failures = [var.node_pools]
}

run "a_gpu_machine_whose_gpu_nobody_may_ask_for_is_refused" {
  command = plan
  variables {
    node_pools = {
      a10 = { vm_size = "Standard_NV36ads_A10_v5", max_count = 2, platform = "a10", job_limit = { cpu = 7, memory_gib = 26, gpu = 0 } }
    }
  }
  expect_failures = [var.node_pools]
}

run "a_pool_name_that_aks_would_refuse_is_refused_here" {
  command = plan
  variables {
    node_pools = {
      gpu-pool-with-a-long-name = { vm_size = "Standard_D8ds_v5", max_count = 2, platform = "cpu", job_limit = { cpu = 7, memory_gib = 26, gpu = 0 } }
    }
  }
  expect_failures = [var.node_pools]
}

run "addresses_for_a_private_cluster_are_refused" {
  command = plan
  variables {
    private        = true
    authorized_ips = ["203.0.113.0/24"]
  }
  expect_failures = [var.authorized_ips]
}

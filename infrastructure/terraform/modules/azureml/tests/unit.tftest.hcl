mock_provider "azurerm" {
  mock_resource "azurerm_machine_learning_workspace" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
}
mock_provider "azapi" {}

variables {
  name                    = "physai-test"
  suffix                  = "3f2a1"
  location                = "eastus"
  resource_group_name     = "rg-physai-test"
  application_insights_id = "/subscriptions/s/appi"
  key_vault_id            = "/subscriptions/s/kv"
  container_registry_id   = "/subscriptions/s/cr"
  endpoint_identity_id    = "/subscriptions/s/id"
  resource_group_id       = "/subscriptions/s/resourceGroups/rg-physai-test"
  public_access           = true
}

run "the_workspace_reads_its_storage_by_identity" {
  command = plan

  assert {
    condition     = azurerm_machine_learning_workspace.this.storage_account_access_type == "Identity" && !azurerm_storage_account.this.shared_access_key_enabled
    error_message = "no account key anywhere"
  }
  assert {
    condition     = !coalesce(azurerm_storage_account.this.is_hns_enabled, false)
    error_message = "AzureML refuses a hierarchical account as the workspace's own"
  }
}

run "an_optional_cluster_goes_to_zero_and_has_no_password" {
  command = plan
  variables { cpu_cluster = { max_nodes = 4 } }

  assert {
    condition     = azurerm_machine_learning_compute_cluster.cpu[0].scale_settings[0].min_node_count == 0 && !azurerm_machine_learning_compute_cluster.cpu[0].local_auth_enabled
    error_message = "an idle cluster costs nothing, and nobody logs in to its nodes"
  }
}

run "a_cluster_in_a_subnet_has_no_public_address" {
  command = plan
  variables { cpu_cluster = { subnet_id = "/subscriptions/s/subnets/aks" } }

  assert {
    condition     = !azurerm_machine_learning_compute_cluster.cpu[0].node_public_ip_enabled
    error_message = "nodes in the network stay in it"
  }
}

run "by_default_there_is_neither_cluster_nor_registry" {
  command = plan

  assert {
    condition     = length(azurerm_machine_learning_compute_cluster.cpu) == 0 && length(azapi_resource.registry) == 0
    error_message = "what costs money is asked for"
  }
}

run "a_registry_lies_in_the_same_group" {
  command = plan
  variables { registry_enabled = true }

  assert {
    condition     = azapi_resource.registry[0].parent_id == "/subscriptions/s/resourceGroups/rg-physai-test"
    error_message = "the registry's parent is the resource group"
  }
  assert {
    condition     = azapi_resource.registry[0].body.properties.regionDetails[0].storageAccountDetails[0].systemCreatedStorageAccount.allowBlobPublicAccess == false
    error_message = "models are not public"
  }
}

run "a_private_workspace_has_three_endpoints_and_no_public_address" {
  command = plan
  variables {
    public_access = false
    private_endpoint = {
      subnet_id = "/subscriptions/s/subnets/endpoints"
      dns_zone_ids = {
        "privatelink.blob.core.windows.net" = "/z/blob"
        "privatelink.file.core.windows.net" = "/z/file"
        "privatelink.api.azureml.ms"        = "/z/api"
        "privatelink.notebooks.azure.net"   = "/z/notebooks"
      }
    }
  }

  assert {
    condition     = toset(keys(azurerm_private_endpoint.this)) == toset(["blob", "file", "workspace"])
    error_message = "the workspace and its storage"
  }
  assert {
    condition     = azurerm_private_endpoint.this["workspace"].private_dns_zone_group[0].private_dns_zone_ids == tolist(["/z/api", "/z/notebooks"])
    error_message = "a workspace answers under two zones"
  }
  assert {
    condition     = !azurerm_machine_learning_workspace.this.public_network_access_enabled
    error_message = "private means private"
  }
}

run "closed_without_an_endpoint_is_refused" {
  command = plan
  variables { public_access = false }
  expect_failures = [var.public_access]
}

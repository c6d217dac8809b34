# What holds in every profile; run it with -var-file=profiles/<name>.tfvars.json.
mock_provider "azurerm" {
  mock_resource "azurerm_machine_learning_workspace" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
  mock_resource "azurerm_dashboard_grafana" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
}
mock_provider "azapi" {}
mock_provider "azuread" {}

variables {
  subscription_id = "00000000-0000-0000-0000-000000000000"
  tenant_id       = "00000000-0000-0000-0000-000000000001"
}

run "nobody_reads_data_without_an_entra_login" {
  command = plan

  assert {
    condition     = output.resource_group == "rg-physai-${var.environment}" && output.azureml_workspace == "mlw-physai-${var.environment}"
    error_message = "the settings of physai must name what Terraform makes"
  }
  assert {
    condition     = startswith(output.storage, "azure://stphysai${var.environment}") && endswith(output.storage, "/datasets")
    error_message = "datasets are published under an OSMO URI"
  }
}

run "a_lock_guards_production_data" {
  command = plan

  assert {
    condition     = length(azurerm_management_lock.this) == (var.environment == "prod" ? 2 : 0)
    error_message = "production data must be locked, dev's must not"
  }
}

run "setup_is_told_every_pool" {
  command = plan

  assert {
    condition     = toset(keys(output.platform.node_pools)) == toset(keys(var.node_pools))
    error_message = "a pool that setup does not know cannot be scheduled to"
  }
}

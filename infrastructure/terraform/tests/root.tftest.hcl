mock_provider "azurerm" {
  mock_resource "azurerm_machine_learning_workspace" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
  mock_resource "azurerm_dashboard_grafana" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
}
mock_provider "azapi" {
  mock_resource "azapi_resource" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
}
mock_provider "azuread" {}

variables {
  subscription_id = "00000000-0000-0000-0000-000000000000"
  tenant_id       = "00000000-0000-0000-0000-000000000001"
  environment     = "dev"
  location        = "eastus"
  network_mode    = "public"
  registry_sku    = "Basic"
  node_pools = {
    cpu = { vm_size = "Standard_D8ds_v5", max_count = 2, platform = "cpu", job_limit = { cpu = 7, memory_gib = 26, gpu = 0 } }
  }
}

run "everything_carries_its_tags" {
  command = plan
  variables { tags = { team = "arms" } }

  assert {
    condition     = azurerm_resource_group.this.tags == tomap({ team = "arms", workload = "physai", environment = "dev", managed-by = "terraform" })
    error_message = "costs are told apart by tags"
  }
}

run "names_are_unique_and_stay_the_same" {
  command = plan

  # sha256("00000000-0000-0000-0000-000000000000/physai-dev") begins with de0aa
  assert {
    condition     = output.storage == "azure://stphysaidevde0aa/datasets"
    error_message = "the same subscription and name must give the same account: ${output.storage}"
  }
}

run "who_reads_data_and_secrets_is_logged" {
  command = plan

  assert {
    condition     = toset(keys(azurerm_monitor_diagnostic_setting.this)) == toset(["vault", "blobs", "registry", "cluster"])
    error_message = "an audit log is missing"
  }
}

run "viewer_and_telemetry_come_when_asked" {
  command = plan
  variables {
    viewer = { repository = "viewer:1.2.0" }
    iot    = {}
  }

  assert {
    condition     = length(module.viewer) == 1 && length(module.iot) == 1
    error_message = "both are wired into the root"
  }
  assert {
    condition     = keys(output.event_streams) == ["telemetry"]
    error_message = "robots must find their stream"
  }
}

run "without_them_their_outputs_are_null" {
  command = plan

  assert {
    condition     = output.viewer_url == null && output.event_streams == null
    error_message = "what is not there has no address"
  }
}

run "private_endpoints_need_a_premium_registry" {
  command = plan
  variables { network_mode = "private" }
  expect_failures = [var.registry_sku]
}

run "letting_everybody_in_is_refused" {
  command = plan
  variables { allowed_ips = ["0.0.0.0/0"] }
  expect_failures = [var.allowed_ips]
}

run "addresses_for_a_private_platform_are_refused" {
  command = plan
  variables {
    network_mode = "private"
    registry_sku = "Premium"
    allowed_ips  = ["203.0.113.0/24"]
  }
  expect_failures = [var.allowed_ips]
}

run "a_subscription_is_a_uuid" {
  command = plan
  variables { subscription_id = "my subscription" }
  expect_failures = [var.subscription_id]
}

run "an_environment_is_dev_or_prod" {
  command = plan
  variables { environment = "staging" }
  expect_failures = [var.environment]
}

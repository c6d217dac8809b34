mock_provider "azurerm" {}

variables {
  name                = "physai-test"
  suffix              = "3f2a1"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  public_access       = true
  containers = {
    datasets  = { cool_after_days = 90 }
    packages  = {}
    telemetry = { cool_after_days = 30, delete_after_days = 400 }
  }
}

run "no_key_no_anonymous_reader_no_old_tls" {
  command = plan

  assert {
    condition = (
      !azurerm_storage_account.this.shared_access_key_enabled
      && !azurerm_storage_account.this.allow_nested_items_to_be_public
      && azurerm_storage_account.this.https_traffic_only_enabled
      && azurerm_storage_account.this.min_tls_version == "TLS1_2"
    )
    error_message = "the account must be read with an Entra login over TLS 1.2 only"
  }
  assert {
    condition     = azurerm_storage_account.this.network_rules[0].default_action == "Deny"
    error_message = "nobody is let in who is not named"
  }
  assert {
    condition     = alltrue([for container in azurerm_storage_container.this : container.container_access_type == "private"])
    error_message = "no container is public"
  }
}

run "the_data_domains_find_their_containers" {
  command = plan

  assert {
    condition     = output.container_uris["datasets"] == "azure://stphysaitest3f2a1/datasets"
    error_message = "the URI must be the one that storage and OSMO write"
  }
}

run "telemetry_goes_after_400_days_and_packages_never" {
  command = plan

  assert {
    condition = [
      for rule in azurerm_storage_management_policy.this[0].rule : rule.actions[0].base_blob[0].delete_after_days_since_modification_greater_than if rule.name == "telemetry"
    ] == [400]
    error_message = "telemetry is kept a year and a month"
  }
  assert {
    condition     = !contains([for rule in azurerm_storage_management_policy.this[0].rule : rule.name], "packages")
    error_message = "a released policy package is never moved or deleted"
  }
}

run "without_rules_there_is_no_policy" {
  command = plan
  variables { containers = { data = {} } }

  assert {
    condition     = length(azurerm_storage_management_policy.this) == 0
    error_message = "Azure refuses an empty policy"
  }
}

run "a_private_account_has_two_endpoints" {
  command = plan
  variables {
    public_access = false
    private_endpoint = {
      subnet_id = "/subscriptions/s/subnets/endpoints"
      dns_zone_ids = {
        "privatelink.blob.core.windows.net" = "/subscriptions/s/zones/blob"
        "privatelink.dfs.core.windows.net"  = "/subscriptions/s/zones/dfs"
      }
    }
  }

  assert {
    condition     = toset(keys(azurerm_private_endpoint.this)) == toset(["blob", "dfs"]) && !azurerm_storage_account.this.public_network_access_enabled
    error_message = "a hierarchical account is spoken to at blob and dfs"
  }
}

run "deleting_before_cooling_is_refused" {
  command = plan
  variables { containers = { data = { cool_after_days = 30, delete_after_days = 10 } } }
  expect_failures = [var.containers]
}

run "a_container_name_that_azure_would_refuse_is_refused_here" {
  command = plan
  variables { containers = { Data_Sets = {} } }
  expect_failures = [var.containers]
}

run "an_unknown_redundancy_is_refused" {
  command = plan
  variables { replication = "RAID5" }
  expect_failures = [var.replication]
}

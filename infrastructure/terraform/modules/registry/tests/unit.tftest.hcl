mock_provider "azurerm" {}

variables {
  name                = "physai-test"
  suffix              = "3f2a1"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  public_access       = true
}

run "nobody_pulls_without_a_login" {
  command = plan

  assert {
    condition     = !azurerm_container_registry.this.admin_enabled && !azurerm_container_registry.this.anonymous_pull_enabled
    error_message = "no admin password, no anonymous pull"
  }
}

run "a_basic_registry_asks_for_no_premium_feature" {
  command = plan
  variables { sku = "Basic" }

  assert {
    condition = (
      azurerm_container_registry.this.retention_policy_in_days == null
      && !azurerm_container_registry.this.zone_redundancy_enabled
      && length(azurerm_container_registry.this.network_rule_set) == 0
    )
    error_message = "Azure refuses these on Basic"
  }
}

run "named_addresses_shut_out_the_others" {
  command = plan
  variables { allowed_ips = ["203.0.113.0/24"] }

  assert {
    condition     = azurerm_container_registry.this.network_rule_set[0].default_action == "Deny"
    error_message = "a list of who may come in denies the rest"
  }
}

run "a_private_registry_has_an_endpoint" {
  command = plan
  variables {
    public_access = false
    private_endpoint = {
      subnet_id    = "/subscriptions/s/subnets/endpoints"
      dns_zone_ids = { "privatelink.azurecr.io" = "/subscriptions/s/zones/acr" }
    }
  }

  assert {
    condition     = length(azurerm_private_endpoint.registry) == 1 && azurerm_container_registry.this.network_rule_set[0].default_action == "Deny"
    error_message = "private means private"
  }
}

run "a_private_endpoint_on_basic_is_refused" {
  command = plan
  variables {
    sku = "Basic"
    private_endpoint = {
      subnet_id    = "/subscriptions/s/subnets/endpoints"
      dns_zone_ids = { "privatelink.azurecr.io" = "/subscriptions/s/zones/acr" }
    }
  }
  expect_failures = [var.sku]
}

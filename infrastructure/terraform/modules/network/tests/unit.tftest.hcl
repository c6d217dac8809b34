mock_provider "azurerm" {}

variables {
  name                = "physai-test"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  mode                = "private"
}

run "a_private_network_has_zones_and_lets_nobody_in" {
  command = plan

  assert {
    condition     = contains(keys(azurerm_private_dns_zone.this), "privatelink.blob.core.windows.net")
    error_message = "blob storage needs its private zone"
  }
  assert {
    condition     = length(azurerm_network_security_rule.ingress) == 0
    error_message = "a private network must not be open to the internet"
  }
  assert {
    condition     = azurerm_network_security_rule.endpoints_deny.access == "Deny"
    error_message = "what is not named must be denied"
  }
}

run "a_hybrid_network_has_zones_and_an_entrance" {
  command = plan
  variables { mode = "hybrid" }

  assert {
    condition     = length(azurerm_private_dns_zone.this) == 9 && length(azurerm_network_security_rule.ingress) == 1
    error_message = "hybrid means private endpoints and public HTTPS"
  }
}

run "a_public_network_has_no_endpoint_zones" {
  command = plan
  variables { mode = "public" }

  assert {
    condition     = length(azurerm_private_dns_zone.this) == 0 && output.private_endpoint == null
    error_message = "without private endpoints there is nothing to resolve"
  }
  assert {
    condition     = length(azurerm_private_dns_zone_virtual_network_link.this) == 1
    error_message = "PostgreSQL's zone must be linked in every mode"
  }
  assert {
    condition     = contains(azurerm_subnet.this["aks"].service_endpoints, "Microsoft.Storage")
    error_message = "firewalls of services must be able to let the nodes in"
  }
}

run "subnets_do_not_overlap_and_are_guarded" {
  command = plan

  # 10.40.0.0/16: aks takes /20 no. 0 (10.40.0-15), the others lie behind it.
  assert {
    condition = {
      for key, subnet in azurerm_subnet.this : key => subnet.address_prefixes[0]
      } == {
      aks       = "10.40.0.0/20"
      endpoints = "10.40.16.0/24"
      database  = "10.40.17.0/24"
      apps      = "10.40.18.0/23"
      resolver  = "10.40.20.0/24"
    }
    error_message = "subnets overlap or moved"
  }
  assert {
    condition     = toset(keys(azurerm_subnet_network_security_group_association.this)) == toset(keys(azurerm_subnet.this))
    error_message = "every subnet needs its security group"
  }
  assert {
    condition     = alltrue([for subnet in azurerm_subnet.this : !subnet.default_outbound_access_enabled])
    error_message = "the way out is the NAT gateway"
  }
}

run "names_tell_what_they_name" {
  command = plan

  assert {
    condition     = azurerm_virtual_network.this.name == "vnet-physai-test" && azurerm_nat_gateway.this.name == "ng-physai-test"
    error_message = "names follow the Cloud Adoption Framework's abbreviations"
  }
}

run "an_unknown_mode_is_refused" {
  command = plan
  variables { mode = "open" }
  expect_failures = [var.mode]
}

run "a_small_range_is_refused" {
  command = plan
  variables { address_space = "10.0.0.0/24" }
  expect_failures = [var.address_space]
}

run "a_name_that_azure_would_refuse_is_refused_here" {
  command = plan
  variables { name = "PhysAI_dev" }
  expect_failures = [var.name]
}

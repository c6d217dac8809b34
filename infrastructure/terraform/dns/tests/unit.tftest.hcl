mock_provider "azurerm" {
  mock_resource "azurerm_private_dns_resolver" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/dnsResolvers/dnspr" }
  }
  mock_resource "azurerm_private_dns_resolver_inbound_endpoint" {
    defaults = { ip_configurations = { private_ip_address = "10.40.20.4" } }
  }
}

variables {
  subscription_id     = "00000000-0000-0000-0000-000000000000"
  name                = "physai-test"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  virtual_network_id  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
  resolver_subnet_id  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/subnets/snet-resolver"
}

run "laptops_are_told_whom_to_ask" {
  command = apply

  assert {
    condition     = output.ip_address == "10.40.20.4"
    error_message = "the address is the endpoint's"
  }
}

run "the_endpoint_lies_in_the_delegated_subnet" {
  command = plan

  assert {
    condition     = endswith(azurerm_private_dns_resolver_inbound_endpoint.this.ip_configurations[0].subnet_id, "snet-resolver")
    error_message = "Azure refuses any other subnet"
  }
}

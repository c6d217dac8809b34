mock_provider "azurerm" {}

variables {
  subscription_id      = "00000000-0000-0000-0000-000000000000"
  name                 = "physai-test"
  location             = "eastus"
  resource_group_name  = "rg-physai-test"
  virtual_network_name = "vnet-physai-test"
  tenant_id            = "00000000-0000-0000-0000-000000000001"
}

run "people_connect_with_an_entra_login_only" {
  command = plan

  assert {
    condition     = azurerm_virtual_network_gateway.this.vpn_client_configuration[0].vpn_auth_types == toset(["AAD"])
    error_message = "no certificates, no shared secrets"
  }
}

run "the_gateway_lies_in_the_subnet_that_azure_asks_for" {
  command = plan

  assert {
    condition     = azurerm_subnet.this.name == "GatewaySubnet"
    error_message = "Azure refuses any other name"
  }
}

run "a_small_subnet_is_refused" {
  command = plan
  variables { gateway_subnet_range = "10.40.255.0/29" }
  expect_failures = [var.gateway_subnet_range]
}

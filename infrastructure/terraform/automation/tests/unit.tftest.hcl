mock_provider "azurerm" {
  mock_resource "azurerm_automation_account" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
}

variables {
  subscription_id     = "00000000-0000-0000-0000-000000000000"
  name                = "physai-test"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  cluster_id          = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-physai-test"
  first_day           = "2027-01-04"
}

run "the_root_plans_alone" {
  command = plan
}

run "a_wrong_time_is_refused_where_it_is_checked" {
  command = plan
  variables { name = "X" }
  expect_failures = [var.name]
}

mock_provider "azurerm" {
  mock_resource "azurerm_automation_account" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
}

variables {
  name                = "physai-test"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  cluster_id          = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-physai-test"
  first_day           = "2027-01-04"
}

run "the_account_may_start_and_stop_this_cluster_and_nothing_else" {
  command = plan

  assert {
    condition     = length(azurerm_role_definition.this.permissions[0].actions) == 3 && azurerm_role_definition.this.scope == var.cluster_id
    error_message = "the role is too wide"
  }
  assert {
    condition     = !azurerm_automation_account.this.local_authentication_enabled
    error_message = "no keys"
  }
}

run "it_stops_every_day_and_starts_on_working_days" {
  command = plan

  assert {
    condition     = azurerm_automation_schedule.this["stop"].frequency == "Day" && azurerm_automation_schedule.this["start"].frequency == "Week"
    error_message = "a weekend costs nothing"
  }
  assert {
    condition     = azurerm_automation_schedule.this["stop"].start_time == "2027-01-04T19:00:00Z"
    error_message = "the first run is on the first day"
  }
}

run "it_can_leave_starting_to_people" {
  command = plan
  variables { start = null }

  assert {
    condition     = keys(azurerm_automation_runbook.this) == ["stop"]
    error_message = "nothing starts by itself"
  }
}

run "seven_in_the_evening_is_written_19_00" {
  command = plan
  variables { stop = "7pm" }
  expect_failures = [var.stop]
}

run "a_date_is_a_date" {
  command = plan
  variables { first_day = "tomorrow" }
  expect_failures = [var.first_day]
}

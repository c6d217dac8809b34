mock_provider "azurerm" {
  mock_resource "azurerm_storage_account" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st" }
  }
}

variables {
  subscription_id     = "00000000-0000-0000-0000-000000000000"
  name                = "physai-test"
  location            = "eastus"
  operator_object_ids = ["00000000-0000-0000-0000-000000000001"]
}

run "a_state_that_was_lost_can_be_fetched_back" {
  command = plan

  assert {
    condition     = azurerm_storage_account.this.blob_properties[0].versioning_enabled && azurerm_management_lock.this.lock_level == "CanNotDelete"
    error_message = "versions and a lock"
  }
  assert {
    condition     = !azurerm_storage_account.this.shared_access_key_enabled
    error_message = "no account key opens the state"
  }
}

run "the_backend_file_is_written_for_the_other_roots" {
  command = apply

  assert {
    condition     = strcontains(output.backend, "use_azuread_auth     = true") && strcontains(output.backend, "physai-test.tfstate")
    error_message = "the file must log in with Entra and name the state"
  }
}

run "a_state_that_nobody_can_read_is_refused" {
  command = plan
  variables { operator_object_ids = [] }
  expect_failures = [var.operator_object_ids]
}

mock_provider "azurerm" {}

variables {
  name                = "physai-test"
  suffix              = "3f2a1"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  tenant_id           = "00000000-0000-0000-0000-000000000001"
  public_access       = true
}

run "the_vault_is_shut_by_default" {
  command = plan

  assert {
    condition     = azurerm_key_vault.this.rbac_authorization_enabled && azurerm_key_vault.this.purge_protection_enabled
    error_message = "roles instead of access policies, and no purge"
  }
  assert {
    condition     = azurerm_key_vault.this.network_acls[0].default_action == "Deny" && length(azurerm_key_vault.this.network_acls[0].ip_rules) == 0
    error_message = "nobody is let in who is not named"
  }
}

run "a_private_vault_has_an_endpoint_and_no_public_address" {
  command = plan
  variables {
    public_access = false
    private_endpoint = {
      subnet_id    = "/subscriptions/s/subnets/endpoints"
      dns_zone_ids = { "privatelink.vaultcore.azure.net" = "/subscriptions/s/zones/vault" }
    }
  }

  assert {
    condition     = !azurerm_key_vault.this.public_network_access_enabled && length(azurerm_private_endpoint.vault) == 1
    error_message = "private means private"
  }
  assert {
    condition     = azurerm_private_endpoint.vault[0].private_dns_zone_group[0].private_dns_zone_ids[0] == "/subscriptions/s/zones/vault"
    error_message = "the endpoint must be found by the vault's name"
  }
}

run "closed_without_an_endpoint_is_refused" {
  command = plan
  variables { public_access = false }
  expect_failures = [var.public_access]
}

run "a_service_account_acts_as_an_identity" {
  command = plan
  variables {
    identities      = { jobs = { service_accounts = ["osmo-workflows/default"] } }
    oidc_issuer_url = "https://oidc.example/"
  }

  assert {
    condition     = azurerm_federated_identity_credential.this["jobs/osmo-workflows/default"].subject == "system:serviceaccount:osmo-workflows:default"
    error_message = "the subject is what Kubernetes writes into the token"
  }
  assert {
    condition     = azurerm_user_assigned_identity.this["jobs"].name == "id-physai-test-jobs"
    error_message = "identities are named for their purpose"
  }
}

run "a_service_account_without_an_issuer_is_refused" {
  command = plan
  variables {
    identities = { jobs = { service_accounts = ["osmo-workflows/default"] } }
  }
  expect_failures = [azurerm_federated_identity_credential.this]
}

run "a_service_account_without_a_namespace_is_refused" {
  command = plan
  variables {
    identities = { jobs = { service_accounts = ["default"] } }
  }
  expect_failures = [var.identities]
}

run "nobody_is_made_owner" {
  command = plan
  variables {
    role_assignments = { all = { scope = "/subscriptions/s", role = "Owner", principal_id = "p" } }
  }
  expect_failures = [var.role_assignments]
}

run "a_role_is_given_to_one_principal" {
  command = plan
  variables {
    identities       = { jobs = {} }
    role_assignments = { both = { scope = "/subscriptions/s", role = "Reader", identity = "jobs", principal_id = "p" } }
  }
  expect_failures = [var.role_assignments]
}

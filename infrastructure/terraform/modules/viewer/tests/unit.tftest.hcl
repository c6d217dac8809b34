mock_provider "azurerm" {
  mock_resource "azurerm_container_app_environment" {
    defaults = {
      id             = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.App/managedEnvironments/cae"
      default_domain = "mild-sea.eastus.azurecontainerapps.io"
    }
  }
  mock_resource "azurerm_container_app" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.App/containerApps/ca"
    }
  }
}
mock_provider "azapi" {}
mock_provider "azuread" {
  mock_resource "azuread_application" {
    defaults = { client_id = "00000000-0000-0000-0000-000000000009" }
  }
}

variables {
  name                       = "physai-test"
  location                   = "eastus"
  resource_group_name        = "rg-physai-test"
  image                      = "crphysai.azurecr.io/viewer:1.2.0"
  registry_login_server      = "crphysai.azurecr.io"
  identity                   = { resource_id = "/subscriptions/s/id", client_id = "00000000-0000-0000-0000-000000000008" }
  subnet_id                  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/apps"
  log_analytics_workspace_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log"
  tenant_id                  = "00000000-0000-0000-0000-000000000001"
}

run "whoever_is_not_logged_in_is_sent_to_the_login" {
  command = apply

  assert {
    condition     = azapi_resource.login.body.properties.globalValidation.unauthenticatedClientAction == "RedirectToLoginPage"
    error_message = "datasets show people and places; nobody sees them without a login"
  }
  assert {
    condition     = azuread_service_principal.this.app_role_assignment_required && azuread_application.this.sign_in_audience == "AzureADMyOrg"
    error_message = "a login alone is not enough; a role is needed"
  }
  assert {
    condition     = toset([for role in azuread_application.this.app_role : role.value]) == toset(["Dataset.Read", "Dataset.Annotate", "Dataset.Administer"])
    error_message = "the roles are those that the viewer knows"
  }
  assert {
    condition     = output.url == "https://ca-physai-test-viewer.mild-sea.eastus.azurecontainerapps.io"
    error_message = "the address is also the one that Entra sends people back to"
  }
}

run "it_is_inside_by_default_and_encrypted" {
  command = plan

  assert {
    condition     = azurerm_container_app_environment.this.internal_load_balancer_enabled
    error_message = "a public address is asked for"
  }
  assert {
    condition     = !azurerm_container_app.this.ingress[0].allow_insecure_connections
    error_message = "HTTPS only"
  }
}

run "it_is_public_where_asked" {
  command = plan
  variables { external = true }

  assert {
    condition     = !azurerm_container_app_environment.this.internal_load_balancer_enabled
    error_message = "external means external"
  }
}

run "an_idle_viewer_costs_nothing" {
  command = plan

  assert {
    condition     = azurerm_container_app.this.template[0].min_replicas == 0
    error_message = "it goes to zero"
  }
}

run "the_latest_image_is_refused" {
  command = plan
  variables { image = "crphysai.azurecr.io/viewer:latest" }
  expect_failures = [var.image]
}

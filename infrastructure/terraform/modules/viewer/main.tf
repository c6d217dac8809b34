locals {
  # Ids of app roles are part of the application and must not change: made of the name, the same every time.
  roles = {
    reader    = { name = "Dataset.Read", text = "See datasets and episodes." }
    annotator = { name = "Dataset.Annotate", text = "See datasets, and write labels." }
    admin     = { name = "Dataset.Administer", text = "See, label and edit datasets, and launch training." }
  }
  hostname = "ca-${var.name}-viewer.${azurerm_container_app_environment.this.default_domain}"
}

resource "azurerm_container_app_environment" "this" {
  name                           = "cae-${var.name}"
  location                       = var.location
  resource_group_name            = var.resource_group_name
  log_analytics_workspace_id     = var.log_analytics_workspace_id
  logs_destination               = "log-analytics"
  infrastructure_subnet_id       = var.subnet_id
  internal_load_balancer_enabled = !var.external
  mutual_tls_enabled             = true
  tags                           = var.tags

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }

  lifecycle {
    ignore_changes = [infrastructure_resource_group_name]
  }
}

resource "azurerm_container_app" "this" {
  name                         = "ca-${var.name}-viewer"
  container_app_environment_id = azurerm_container_app_environment.this.id
  resource_group_name          = var.resource_group_name
  revision_mode                = "Single"
  workload_profile_name        = "Consumption"
  tags                         = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity.resource_id]
  }

  registry {
    server   = var.registry_login_server
    identity = var.identity.resource_id
  }

  ingress {
    external_enabled           = true # to whoever reaches the environment's load balancer
    allow_insecure_connections = false
    target_port                = 8000
    transport                  = "auto"

    traffic_weight {
      latest_revision = true
      percentage      = 100
    }
  }

  template {
    min_replicas = 0
    max_replicas = 2

    container {
      name   = "viewer"
      image  = var.image
      cpu    = 1
      memory = "2Gi"

      env {
        name  = "AZURE_CLIENT_ID"
        value = var.identity.client_id
      }

      dynamic "env" {
        for_each = var.environment

        content {
          name  = env.key
          value = env.value
        }
      }
    }

    http_scale_rule {
      name                = "http"
      concurrent_requests = "20"
    }
  }
}

resource "azuread_application" "this" {
  display_name                   = "physai viewer (${var.name})"
  sign_in_audience               = "AzureADMyOrg"
  prevent_duplicate_names        = true
  fallback_public_client_enabled = false

  web {
    redirect_uris = ["https://${local.hostname}/.auth/login/aad/callback"]

    implicit_grant {
      id_token_issuance_enabled     = true
      access_token_issuance_enabled = false
    }
  }

  dynamic "app_role" {
    for_each = local.roles

    content {
      id                   = uuidv5("url", "https://physai/${var.name}/viewer/${app_role.key}")
      value                = app_role.value.name
      display_name         = app_role.value.name
      description          = app_role.value.text
      allowed_member_types = ["User"]
      enabled              = true
    }
  }
}

# Without an assigned role nobody gets a token for the viewer, and so nobody gets in.
resource "azuread_service_principal" "this" {
  client_id                    = azuread_application.this.client_id
  app_role_assignment_required = true
}

resource "azapi_resource" "login" {
  type      = "Microsoft.App/containerApps/authConfigs@2024-03-01"
  name      = "current"
  parent_id = azurerm_container_app.this.id

  body = {
    properties = {
      platform = { enabled = true }
      globalValidation = {
        unauthenticatedClientAction = "RedirectToLoginPage"
        redirectToProvider          = "azureactivedirectory"
      }
      identityProviders = {
        azureActiveDirectory = {
          enabled = true
          registration = {
            clientId     = azuread_application.this.client_id
            openIdIssuer = "https://login.microsoftonline.com/${var.tenant_id}/v2.0"
          }
          validation = { allowedAudiences = [azuread_application.this.client_id] }
        }
      }
    }
  }
}

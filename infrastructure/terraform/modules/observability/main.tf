resource "azurerm_log_analytics_workspace" "this" {
  name                         = "log-${var.name}"
  location                     = var.location
  resource_group_name          = var.resource_group_name
  sku                          = "PerGB2018"
  retention_in_days            = var.retention_days
  local_authentication_enabled = false
  internet_ingestion_enabled   = var.public_access
  internet_query_enabled       = var.public_access
  tags                         = var.tags
}

resource "azurerm_application_insights" "this" {
  name                          = "appi-${var.name}"
  location                      = var.location
  resource_group_name           = var.resource_group_name
  workspace_id                  = azurerm_log_analytics_workspace.this.id
  application_type              = "web"
  local_authentication_disabled = true
  tags                          = var.tags
}

resource "azurerm_monitor_workspace" "this" {
  name                          = "amw-${var.name}"
  location                      = var.location
  resource_group_name           = var.resource_group_name
  public_network_access_enabled = var.public_access
  tags                          = var.tags
}

resource "azurerm_monitor_data_collection_endpoint" "this" {
  name                          = "dce-${var.name}"
  location                      = var.location
  resource_group_name           = var.resource_group_name
  kind                          = "Linux"
  public_network_access_enabled = var.public_access
  tags                          = var.tags
}

# What AKS's metrics add-on scrapes, DCGM's exporter of the GPU Operator among it, goes to Managed Prometheus.
resource "azurerm_monitor_data_collection_rule" "prometheus" {
  name                        = "dcr-${var.name}-prometheus"
  location                    = var.location
  resource_group_name         = var.resource_group_name
  kind                        = "Linux"
  data_collection_endpoint_id = azurerm_monitor_data_collection_endpoint.this.id
  tags                        = var.tags

  destinations {
    monitor_account {
      monitor_account_id = azurerm_monitor_workspace.this.id
      name               = "prometheus"
    }
  }

  data_flow {
    streams      = ["Microsoft-PrometheusMetrics"]
    destinations = ["prometheus"]
  }

  data_sources {
    prometheus_forwarder {
      name    = "prometheus"
      streams = ["Microsoft-PrometheusMetrics"]
    }
  }
}

resource "azurerm_monitor_data_collection_rule" "logs" {
  name                = "dcr-${var.name}-logs"
  location            = var.location
  resource_group_name = var.resource_group_name
  kind                = "Linux"
  tags                = var.tags

  destinations {
    log_analytics {
      workspace_resource_id = azurerm_log_analytics_workspace.this.id
      name                  = "logs"
    }
  }

  data_flow {
    streams      = ["Microsoft-ContainerLogV2", "Microsoft-KubeEvents", "Microsoft-KubePodInventory"]
    destinations = ["logs"]
  }

  data_sources {
    extension {
      name           = "ContainerInsights"
      extension_name = "ContainerInsights"
      streams        = ["Microsoft-ContainerLogV2", "Microsoft-KubeEvents", "Microsoft-KubePodInventory"]
      extension_json = jsonencode({
        dataCollectionSettings = {
          interval               = "1m"
          namespaceFilteringMode = "Exclude"
          namespaces             = ["kube-system", "gatekeeper-system"]
          enableContainerLogV2   = true
        }
      })
    }
  }
}

resource "azurerm_dashboard_grafana" "this" {
  count = var.grafana_enabled ? 1 : 0

  name                          = substr("amg-${var.name}", 0, 23)
  location                      = var.location
  resource_group_name           = var.resource_group_name
  grafana_major_version         = "12"
  sku                           = "Standard"
  api_key_enabled               = false
  public_network_access_enabled = var.public_access
  tags                          = var.tags

  azure_monitor_workspace_integrations {
    resource_id = azurerm_monitor_workspace.this.id
  }

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_role_assignment" "grafana_reads" {
  for_each = var.grafana_enabled ? {
    metrics = { scope = azurerm_monitor_workspace.this.id, role = "Monitoring Data Reader" }
    logs    = { scope = azurerm_log_analytics_workspace.this.id, role = "Monitoring Reader" }
  } : {}

  scope                = each.value.scope
  role_definition_name = each.value.role
  principal_id         = azurerm_dashboard_grafana.this[0].identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "grafana_admins" {
  for_each = var.grafana_enabled ? var.grafana_admin_object_ids : []

  scope                = azurerm_dashboard_grafana.this[0].id
  role_definition_name = "Grafana Admin"
  principal_id         = each.value
}

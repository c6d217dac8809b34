mock_provider "azurerm" {
  mock_resource "azurerm_dashboard_grafana" {
    defaults = {
      identity = { principal_id = "00000000-0000-0000-0000-000000000001" }
    }
  }
}

variables {
  name                = "physai-test"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
}

run "nobody_gets_in_with_a_shared_key" {
  command = plan

  assert {
    condition     = !azurerm_log_analytics_workspace.this.local_authentication_enabled
    error_message = "logs are read with an Entra login"
  }
  assert {
    condition     = azurerm_application_insights.this.local_authentication_disabled && !azurerm_dashboard_grafana.this[0].api_key_enabled
    error_message = "telemetry and Grafana take Entra logins only"
  }
}

run "a_closed_platform_has_no_public_ingestion" {
  command = plan
  variables { public_access = false }

  assert {
    condition = !anytrue([
      azurerm_log_analytics_workspace.this.internet_ingestion_enabled,
      azurerm_monitor_workspace.this.public_network_access_enabled,
      azurerm_monitor_data_collection_endpoint.this.public_network_access_enabled,
      azurerm_dashboard_grafana.this[0].public_network_access_enabled,
    ])
    error_message = "something is still public"
  }
}

run "grafana_reads_metrics_and_logs" {
  command = apply

  assert {
    condition     = toset(keys(azurerm_role_assignment.grafana_reads)) == toset(["metrics", "logs"])
    error_message = "dashboards need both"
  }
}

run "without_grafana_nothing_is_assigned_to_it" {
  command = plan
  variables {
    grafana_enabled          = false
    grafana_admin_object_ids = ["00000000-0000-0000-0000-000000000002"]
  }

  assert {
    condition     = length(azurerm_role_assignment.grafana_admins) == 0 && output.grafana_name == null
    error_message = "there is no Grafana to administer"
  }
}

run "gpu_errors_raise_an_alert" {
  command = plan

  assert {
    condition     = contains([for rule in azurerm_monitor_alert_prometheus_rule_group.gpu.rule : rule.alert if rule.alert != null], "GpuXidError")
    error_message = "DCGM's XID errors must be seen"
  }
}

run "a_week_of_logs_is_too_short" {
  command = plan
  variables { retention_days = 7 }
  expect_failures = [var.retention_days]
}

output "resource_id" {
  description = "Id of the Log Analytics workspace."
  value       = azurerm_log_analytics_workspace.this.id
}

output "name" {
  description = "Name of the Log Analytics workspace."
  value       = azurerm_log_analytics_workspace.this.name
}

output "application_insights_id" {
  description = "Id of Application Insights."
  value       = azurerm_application_insights.this.id
}

output "application_insights_connection_string" {
  description = "Where telemetry is sent; telemetry also needs an Entra login."
  value       = azurerm_application_insights.this.connection_string
  sensitive   = true
}

output "data_collection_rule_ids" {
  description = "Rules that a cluster is associated with."
  value = {
    prometheus = azurerm_monitor_data_collection_rule.prometheus.id
    logs       = azurerm_monitor_data_collection_rule.logs.id
  }
}

output "data_collection_endpoint_id" {
  description = "Endpoint that a cluster's agents ask for their configuration."
  value       = azurerm_monitor_data_collection_endpoint.this.id
}

output "prometheus_query_endpoint" {
  description = "Where PromQL is answered."
  value       = azurerm_monitor_workspace.this.query_endpoint
}

output "grafana_name" {
  description = "Name of Grafana, or null."
  value       = one(azurerm_dashboard_grafana.this[*].name)
}

output "grafana_endpoint" {
  description = "Address of Grafana, or null."
  value       = one(azurerm_dashboard_grafana.this[*].endpoint)
}

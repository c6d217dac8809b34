output "resource_id" {
  description = "Id of the automation account."
  value       = module.automation.resource_id
}

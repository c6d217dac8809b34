variable "name" {
  description = "Workload and environment, e.g. `physai-dev`; resource names are made of it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 20 lower-case letters, digits and dashes, e.g. physai-dev."
  }
}

variable "location" {
  description = "Azure region, e.g. `eastus`."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group that everything is put into."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "retention_days" {
  description = "Days that logs are kept, 30 to 730."
  type        = number
  default     = 30

  validation {
    condition     = var.retention_days >= 30 && var.retention_days <= 730
    error_message = "retention_days must be 30 to 730, the range of Log Analytics."
  }
}

variable "public_access" {
  description = "Whether Grafana and the ingestion endpoints have public addresses; both ask for an Entra login."
  type        = bool
  default     = true
}

variable "grafana_enabled" {
  description = "Whether to run Azure Managed Grafana; the dashboards are put there by `physai infrastructure setup`."
  type        = bool
  default     = true
}

variable "grafana_admin_object_ids" {
  description = "Entra object ids of people or groups who administer Grafana."
  type        = set(string)
  default     = []
}

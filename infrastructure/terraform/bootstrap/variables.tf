variable "subscription_id" {
  description = "Azure subscription that everything is put into."
  type        = string
}

variable "name" {
  description = "Workload and environment of the platform, e.g. `physai-dev`."
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

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "operator_object_ids" {
  description = "Entra users, groups or pipelines that apply Terraform; they may read and write the state."
  type        = set(string)

  validation {
    condition     = length(var.operator_object_ids) > 0
    error_message = "name at least one operator, or nobody could read the state; see `az ad signed-in-user show --query id`."
  }
}

variable "allowed_ips" {
  description = "Public IPv4 addresses or ranges that reach the state; empty: all, with an Entra login."
  type        = set(string)
  default     = []
}

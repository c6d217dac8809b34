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

variable "resource_group_name" {
  description = "Resource group of the platform."
  type        = string
}

variable "virtual_network_id" {
  description = "Network of the platform; output `virtual_network_id`."
  type        = string
}

variable "resolver_subnet_id" {
  description = "Subnet delegated to DNS resolvers, `snet-resolver` of the platform's network."
  type        = string
}

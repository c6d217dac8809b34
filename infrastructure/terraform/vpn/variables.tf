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

variable "virtual_network_name" {
  description = "Network of the platform, e.g. `vnet-physai-prod`."
  type        = string
}

variable "gateway_subnet_range" {
  description = "Range of GatewaySubnet inside the network, /27 or larger."
  type        = string
  default     = "10.40.255.0/27"

  validation {
    condition     = can(cidrhost(var.gateway_subnet_range, 0)) && try(tonumber(split("/", var.gateway_subnet_range)[1]) <= 27, false)
    error_message = "gateway_subnet_range must be a /27 or larger, e.g. 10.40.255.0/27."
  }
}

variable "client_range" {
  description = "Addresses that laptops get; they must not be those of the network."
  type        = string
  default     = "172.31.240.0/24"
}

variable "tenant_id" {
  description = "Entra tenant whose users connect."
  type        = string
}

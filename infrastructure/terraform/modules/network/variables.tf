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

variable "mode" {
  description = <<-DESCRIPTION
    How services are reached: `public` over their public addresses, `hybrid` over private endpoints and from
    `allowed_ips` in public, `private` over private endpoints only.
  DESCRIPTION
  type        = string

  validation {
    condition     = contains(["public", "hybrid", "private"], var.mode)
    error_message = "mode must be public, hybrid or private."
  }
}

variable "address_space" {
  description = "IPv4 range of the virtual network; six subnets are cut from it."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrhost(var.address_space, 0)) && try(tonumber(split("/", var.address_space)[1]) <= 16, false)
    error_message = "address_space must be an IPv4 range of /16 or larger, e.g. 10.40.0.0/16."
  }
}

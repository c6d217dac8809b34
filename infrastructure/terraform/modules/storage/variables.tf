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

variable "private_endpoint" {
  description = <<-DESCRIPTION
    Where the private endpoints lie; null makes none.

    - `subnet_id` - Subnet of the endpoints.
    - `dns_zone_ids` - Private DNS zone ids by zone name, e.g. `privatelink.blob.core.windows.net`.
  DESCRIPTION
  type = object({
    subnet_id    = string
    dns_zone_ids = map(string)
  })
  default = null
}

variable "public_access" {
  description = "Whether the service has a public address besides its private endpoint."
  type        = bool
  default     = false

  validation {
    condition     = var.public_access || var.private_endpoint != null
    error_message = "without public access a private_endpoint is needed, or nobody could reach the service."
  }
}

variable "suffix" {
  description = "Makes names unique in the world, e.g. `3f2a1`."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{4,6}$", var.suffix))
    error_message = "suffix must be 4 to 6 lower-case letters and digits."
  }
}

variable "allowed_ips" {
  description = "Public IPv4 addresses or ranges that reach the account besides the private endpoints."
  type        = set(string)
  default     = []
}

variable "replication" {
  description = "Redundancy of the data: `LRS` (one building), `ZRS` (three zones), `GRS` or `GZRS` (a second region too)."
  type        = string
  default     = "LRS"

  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "GZRS"], var.replication)
    error_message = "replication must be LRS, ZRS, GRS or GZRS."
  }
}

variable "containers" {
  description = <<-DESCRIPTION
    Containers by name, as the data domains use them; times count from the last write of a file.

    - `cool_after_days` - When files move to the cool tier; null: never.
    - `delete_after_days` - When files are deleted; null: never.
  DESCRIPTION
  type = map(object({
    cool_after_days   = optional(number)
    delete_after_days = optional(number)
  }))

  validation {
    condition     = alltrue([for name in keys(var.containers) : can(regex("^[a-z0-9](-?[a-z0-9]){2,62}$", name))])
    error_message = "container names are 3 to 63 lower-case letters, digits and single dashes."
  }
  validation {
    condition = alltrue([
      for rule in values(var.containers) :
      coalesce(rule.delete_after_days, 100000) > coalesce(rule.cool_after_days, 0) && coalesce(rule.delete_after_days, 1) > 0
    ])
    error_message = "delete_after_days must be later than cool_after_days, and at least 1."
  }
}

variable "allowed_subnet_ids" {
  description = "Subnets that reach the service over its public address, by service endpoint; mode public needs them."
  type        = set(string)
  default     = []
}

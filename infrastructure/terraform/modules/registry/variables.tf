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

variable "sku" {
  description = "Tier: `Basic`, `Standard`, or `Premium`, which private endpoints need."
  type        = string
  default     = "Premium"

  validation {
    condition     = contains(["Basic", "Standard", "Premium"], var.sku)
    error_message = "sku must be Basic, Standard or Premium."
  }
  validation {
    condition     = var.private_endpoint == null || var.sku == "Premium"
    error_message = "private endpoints need sku Premium."
  }
}

variable "allowed_ips" {
  description = "Public IPv4 ranges that reach the registry besides the private endpoint; only Premium can tell them apart."
  type        = set(string)
  default     = []
}

variable "untagged_retention_days" {
  description = "Days after which untagged manifests of images are removed; Premium only. Policy packages are always tagged."
  type        = number
  default     = 30
}

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

variable "key_vault_id" {
  description = "Key Vault that the passwords are put into; who applies needs Key Vault Secrets Officer on it."
  type        = string
}

variable "database_subnet_id" {
  description = "Subnet delegated to PostgreSQL."
  type        = string
}

variable "database_dns_zone_id" {
  description = "Private DNS zone of PostgreSQL."
  type        = string
}

variable "database" {
  description = <<-DESCRIPTION
    PostgreSQL of the control plane; it lies in the network in every mode.

    - `sku` - Machine, e.g. `B_Standard_B1ms` or `GP_Standard_D2ds_v5`.
    - `storage_gib` - Disk: 32, 64, 128, ...
    - `high_availability` - Whether a second server in another zone takes over; not with burstable machines (`B_`).
    - `backup_days` - Days that backups are kept, 7 to 35.
  DESCRIPTION
  type = object({
    sku               = optional(string, "GP_Standard_D2ds_v5")
    storage_gib       = optional(number, 32)
    high_availability = optional(bool, false)
    backup_days       = optional(number, 7)
  })
  default = {}

  validation {
    condition     = !(var.database.high_availability && startswith(var.database.sku, "B_"))
    error_message = "burstable machines (B_) cannot be highly available; take GP_Standard_D2ds_v5 or larger."
  }
  validation {
    condition     = var.database.backup_days >= 7 && var.database.backup_days <= 35
    error_message = "backup_days must be 7 to 35."
  }
}

variable "redis" {
  description = <<-DESCRIPTION
    Managed Redis of the control plane.

    - `sku` - Size, e.g. `Balanced_B3`.
    - `high_availability` - Whether there are two nodes.
  DESCRIPTION
  type = object({
    sku               = optional(string, "Balanced_B3")
    high_availability = optional(bool, true)
  })
  default = {}
}

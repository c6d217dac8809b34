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

variable "resource_group_id" {
  description = "Id of the resource group."
  type        = string
}

variable "event_hubs_capacity" {
  description = "Throughput units of Event Hubs at least; it grows by itself to four times as many, up to 40."
  type        = number
  default     = 1

  validation {
    condition     = var.event_hubs_capacity >= 1 && var.event_hubs_capacity <= 40
    error_message = "event_hubs_capacity must be 1 to 40."
  }
}

variable "streams" {
  description = <<-DESCRIPTION
    Event hubs by name.

    - `partitions` - How many readers may share a stream, 1 to 32.
    - `retention_hours` - How long events can be read again, 1 to 168.
  DESCRIPTION
  type = map(object({
    partitions      = optional(number, 4)
    retention_hours = optional(number, 24)
  }))
  default = { telemetry = {} }

  validation {
    condition     = alltrue([for s in values(var.streams) : s.partitions >= 1 && s.partitions <= 32 && s.retention_hours >= 1 && s.retention_hours <= 168])
    error_message = "partitions must be 1 to 32, retention_hours 1 to 168."
  }
}

variable "fabric" {
  description = <<-DESCRIPTION
    Microsoft Fabric capacity for an Eventhouse; null makes none.

    - `sku` - Size, `F2` and up; it is paid for while it is not paused.
    - `administrators` - Entra users who administer it.
  DESCRIPTION
  type = object({
    sku            = optional(string, "F2")
    administrators = set(string)
  })
  default = null

  validation {
    condition     = var.fabric == null || can(regex("^F(2|4|8|16|32|64)$", var.fabric.sku))
    error_message = "fabric.sku must be F2, F4, F8, F16, F32 or F64."
  }
  validation {
    condition     = var.fabric == null || length(try(var.fabric.administrators, [])) > 0
    error_message = "a Fabric capacity needs at least one administrator."
  }
}

variable "schema_storage" {
  description = <<-DESCRIPTION
    Hierarchical storage account of the schema registry that Azure IoT Operations needs; null makes no registry.

    - `account_url` - E.g. `https://account.blob.core.windows.net`.
    - `container` - Container of the schemas.
    - `account_id` - Id of the account, on which the registry may then write.
  DESCRIPTION
  type = object({
    account_url = string
    container   = string
    account_id  = string
  })
  default = null
}

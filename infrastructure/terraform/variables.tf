variable "subscription_id" {
  description = "Azure subscription that everything is put into."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id must be a UUID; see `az account show --query id`."
  }
}

variable "tenant_id" {
  description = "Entra tenant whose users log in; see `az account show --query tenantId`."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.tenant_id))
    error_message = "tenant_id must be a UUID; see `az account show --query tenantId`."
  }
}

variable "workload" {
  description = "First part of every name; two platforms in one subscription need two."
  type        = string
  default     = "physai"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.workload))
    error_message = "workload must be 2 to 10 lower-case letters and digits, the first a letter."
  }
}

variable "environment" {
  description = "Second part of every name: `dev` may be thrown away, `prod` guards its data."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment must be dev or prod."
  }
}

variable "location" {
  description = "Azure region, e.g. `eastus`; it needs quota of the GPUs of `node_pools`."
  type        = string
}

variable "tags" {
  description = "Tags besides `workload`, `environment` and `managed-by`."
  type        = map(string)
  default     = {}
}

variable "network_mode" {
  description = <<-DESCRIPTION
    How services are reached: `public` over public addresses from named networks, `hybrid` over private endpoints and
    from `allowed_ips`, `private` over private endpoints only (needs `vpn/`, or a network that is peered).
  DESCRIPTION
  type        = string

  validation {
    condition     = contains(["public", "hybrid", "private"], var.network_mode)
    error_message = "network_mode must be public, hybrid or private."
  }
}

variable "allowed_ips" {
  description = "Public IPv4 addresses or ranges of offices and CI that reach the services; of no use in mode private."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.allowed_ips : can(regex("^(\\d{1,3}\\.){3}\\d{1,3}(/\\d{1,2})?$", range))])
    error_message = "allowed_ips are IPv4 addresses or ranges, e.g. 203.0.113.0/24."
  }
  validation {
    condition     = !contains(var.allowed_ips, "0.0.0.0/0")
    error_message = "allowed_ips must not let everybody in."
  }
  validation {
    condition     = var.network_mode != "private" || length(var.allowed_ips) == 0
    error_message = "in mode private nothing has a public address; connect with vpn/ instead of allowed_ips."
  }
}

variable "admin_group_object_ids" {
  description = "Entra groups that administer cluster and dashboards."
  type        = set(string)
  default     = []
}

variable "aks_sku_tier" {
  description = "`Free`, or `Standard` with an uptime agreement."
  type        = string
  default     = "Standard"
}

variable "registry_sku" {
  description = "`Basic`, `Standard`, or `Premium`, which modes hybrid and private need."
  type        = string
  default     = "Premium"

  validation {
    condition     = var.network_mode == "public" || var.registry_sku == "Premium"
    error_message = "private endpoints need registry_sku Premium."
  }
}

variable "storage_replication" {
  description = "Redundancy of the data: `LRS`, `ZRS`, `GRS` or `GZRS`."
  type        = string
  default     = "LRS"
}

variable "system_pool" {
  description = "Nodes of the cluster's own services and of OSMO's; see `modules/aks`."
  type = object({
    vm_size   = optional(string, "Standard_D8ds_v5")
    min_count = optional(number, 1)
    max_count = optional(number, 3)
    zones     = optional(set(string), [])
  })
  default = {}
}

variable "node_pools" {
  description = "Pools of jobs by name; see `modules/aks`."
  type = map(object({
    vm_size   = string
    min_count = optional(number, 0)
    max_count = number
    spot      = optional(bool, false)
    platform  = string
    osmo_pool = optional(string, "default")
    job_limit = object({
      cpu        = number
      memory_gib = number
      gpu        = number
    })
    scheduling_shard = optional(string)
    zones            = optional(set(string), [])
    os_disk_gib      = optional(number, 256)
  }))
}

variable "osmo_database" {
  description = "PostgreSQL of OSMO's control plane; see `modules/osmo`."
  type = object({
    sku               = optional(string, "GP_Standard_D2ds_v5")
    storage_gib       = optional(number, 32)
    high_availability = optional(bool, false)
    backup_days       = optional(number, 7)
  })
  default = {}
}

variable "osmo_redis" {
  description = "Managed Redis of OSMO's control plane; see `modules/osmo`."
  type = object({
    sku               = optional(string, "Balanced_B3")
    high_availability = optional(bool, true)
  })
  default = {}
}

variable "azureml_registry_enabled" {
  description = "Whether to make an AzureML registry, which shares models between workspaces."
  type        = bool
  default     = false
}

variable "viewer" {
  description = <<-DESCRIPTION
    The dataset viewer; null makes none.

    - `repository` - Repository and tag or digest in the platform's registry, e.g. `viewer:1.2.0`.
  DESCRIPTION
  type        = object({ repository = string })
  default     = null
}

variable "iot" {
  description = <<-DESCRIPTION
    Telemetry of the fleet: Event Hubs, the prerequisites of Azure IoT Operations, Fabric; null makes none.

    - `event_hubs_capacity` - Throughput units at least.
    - `fabric` - Capacity for an Eventhouse: `sku` and `administrators`; null makes none.
  DESCRIPTION
  type = object({
    event_hubs_capacity = optional(number, 1)
    fabric = optional(object({
      sku            = optional(string, "F2")
      administrators = set(string)
    }))
  })
  default = null
}

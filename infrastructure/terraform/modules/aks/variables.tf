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

variable "kubernetes_version" {
  description = "Minor version of Kubernetes; patches come by themselves."
  type        = string
  default     = "1.34"

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version, e.g. 1.34."
  }
}

variable "tenant_id" {
  description = "Entra tenant whose users and groups log in."
  type        = string
}

variable "admin_group_object_ids" {
  description = "Entra groups that administer the cluster; there are no local accounts."
  type        = set(string)
  default     = []
}

variable "subnet_id" {
  description = "Subnet of the nodes; its way out is a NAT gateway."
  type        = string
}

variable "private" {
  description = "Whether the Kubernetes API has a private address only."
  type        = bool
  default     = false
}

variable "authorized_ips" {
  description = "Public IPv4 ranges that reach the Kubernetes API; empty: all, with an Entra login. Of no use to a private cluster."
  type        = set(string)
  default     = []

  validation {
    condition     = !var.private || length(var.authorized_ips) == 0
    error_message = "a private cluster has no public address that authorized_ips could open."
  }
}

variable "sku_tier" {
  description = "`Free`, or `Standard` with an uptime agreement."
  type        = string
  default     = "Standard"

  validation {
    condition     = contains(["Free", "Standard"], var.sku_tier)
    error_message = "sku_tier must be Free or Standard."
  }
}

variable "cluster_identity" {
  description = "User-assigned identity of the control plane; it gets Network Contributor on the subnet."
  type = object({
    resource_id  = string
    principal_id = string
  })
}

variable "kubelet_identity" {
  description = "User-assigned identity of the nodes; it pulls images."
  type = object({
    resource_id  = string
    client_id    = string
    principal_id = string
  })
}

variable "container_registry_id" {
  description = "Registry whose images the nodes may pull."
  type        = string
}

variable "observability" {
  description = <<-DESCRIPTION
    Where metrics and logs go; null: nowhere.

    - `log_analytics_workspace_id` - Workspace of container logs.
    - `data_collection_rule_ids` - Rules by name.
    - `data_collection_endpoint_id` - Endpoint that agents ask for their configuration.
  DESCRIPTION
  type = object({
    log_analytics_workspace_id  = string
    data_collection_rule_ids    = map(string)
    data_collection_endpoint_id = string
  })
  default = null
}

variable "system_pool" {
  description = <<-DESCRIPTION
    Nodes of the cluster's own services and of OSMO's.

    - `vm_size` - Machine.
    - `min_count`, `max_count` - Range of the autoscaler.
    - `zones` - Availability zones, e.g. `["1", "2", "3"]`.
  DESCRIPTION
  type = object({
    vm_size   = optional(string, "Standard_D8ds_v5")
    min_count = optional(number, 1)
    max_count = optional(number, 3)
    zones     = optional(set(string), [])
  })
  default = {}
}

variable "node_pools" {
  description = <<-DESCRIPTION
    Pools of jobs by name; with the default range they go to zero nodes when nothing runs.

    - `vm_size` - Machine.
    - `min_count`, `max_count` - Range of the autoscaler.
    - `spot` - Whether Azure may take the nodes away; much cheaper.
    - `platform` - OSMO platform, AzureML instance type, and value of the node label `physai.io/platform`.
    - `osmo_pool` - OSMO pool that the platform belongs to.
    - `job_limit` - The most that one task may ask: `cpu`, `memory_gib`, `gpu`. GPUs are those of the machine.
    - `scheduling_shard` - KAI's node pool, when the scheduler runs more than its default shard.
    - `zones` - Availability zones.
    - `os_disk_gib` - Disk of a node; images of robots are large.
  DESCRIPTION
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
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.node_pools) : can(regex("^[a-z][a-z0-9]{0,11}$", name))])
    error_message = "node pool names are 1 to 12 lower-case letters and digits, the first a letter."
  }
  validation {
    condition     = alltrue([for pool in values(var.node_pools) : pool.max_count >= max(pool.min_count, 1) && pool.min_count >= 0])
    error_message = "max_count must be at least 1, and not below min_count."
  }
  validation {
    condition     = length(distinct([for pool in values(var.node_pools) : pool.platform])) == length(var.node_pools)
    error_message = "each pool needs a platform of its own, or jobs could not tell them apart."
  }
  validation {
    condition     = alltrue([for pool in values(var.node_pools) : (pool.job_limit.gpu > 0) == can(regex("^Standard_N", pool.vm_size))])
    error_message = "job_limit.gpu must be above 0 on GPU machines (Standard_N...), and 0 on others."
  }
}

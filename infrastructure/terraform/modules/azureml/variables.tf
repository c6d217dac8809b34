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

variable "application_insights_id" {
  description = "Application Insights of the workspace."
  type        = string
}

variable "key_vault_id" {
  description = "Key Vault of the workspace."
  type        = string
}

variable "container_registry_id" {
  description = "Container registry of the workspace."
  type        = string
}

variable "endpoint_identity_id" {
  description = "User-assigned identity of online endpoints; it may pull images and read packages."
  type        = string
}

variable "cpu_cluster" {
  description = <<-DESCRIPTION
    Managed compute cluster beside the attached AKS; it goes to zero nodes. Null makes none.

    - `vm_size` - Machine.
    - `max_nodes` - At most so many.
    - `subnet_id` - Subnet of its nodes, or null.
  DESCRIPTION
  type = object({
    vm_size   = optional(string, "Standard_D8ds_v5")
    max_nodes = optional(number, 2)
    subnet_id = optional(string)
  })
  default = null
}

variable "registry_enabled" {
  description = "Whether to make an AzureML registry, which shares models and environments between workspaces."
  type        = bool
  default     = false
}

variable "resource_group_id" {
  description = "Id of the resource group; the AzureML registry is put into it."
  type        = string
}

variable "allowed_subnet_ids" {
  description = "Subnets that reach the service over its public address, by service endpoint; mode public needs them."
  type        = set(string)
  default     = []
}

variable "allowed_ips" {
  description = "Public IPv4 addresses or ranges that reach the workspace's storage besides the private endpoints."
  type        = set(string)
  default     = []
}

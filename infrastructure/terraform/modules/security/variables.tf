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

variable "tenant_id" {
  description = "Entra tenant of the Key Vault."
  type        = string
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
  description = "Public IPv4 addresses or ranges that reach the vault besides the private endpoint."
  type        = set(string)
  default     = []
}

variable "purge_protection_enabled" {
  description = "Whether a deleted vault stays for its 90 days, whatever anyone does."
  type        = bool
  default     = true
}

variable "identities" {
  description = <<-DESCRIPTION
    Managed identities by purpose, e.g. `jobs`.

    - `service_accounts` - Kubernetes service accounts `namespace/name` that may act as it (workload identity).
  DESCRIPTION
  type        = map(object({ service_accounts = optional(set(string), []) }))
  default     = {}

  validation {
    condition = alltrue(flatten([
      for identity in values(var.identities) : [
        for account in identity.service_accounts : can(regex("^[a-z0-9-]+/[a-z0-9.-]+$", account))
      ]
    ]))
    error_message = "service accounts are written namespace/name, e.g. osmo-workflows/default."
  }
}

variable "oidc_issuer_url" {
  description = "Issuer of the cluster's service account tokens; needed as soon as an identity names a service account."
  type        = string
  default     = null
}

variable "role_assignments" {
  description = <<-DESCRIPTION
    Who may do what, by a key of the caller's own.

    - `scope` - Id of the resource.
    - `role` - Name of a built-in role.
    - `identity` - Key of `identities`; or
    - `principal_id` - Object id of anybody else.
  DESCRIPTION
  type = map(object({
    scope        = string
    role         = string
    identity     = optional(string)
    principal_id = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for a in values(var.role_assignments) : (a.identity == null) != (a.principal_id == null)])
    error_message = "a role assignment names either an identity or a principal_id."
  }
  validation {
    condition     = alltrue([for a in values(var.role_assignments) : !contains(["Owner", "User Access Administrator"], a.role)])
    error_message = "no identity of the platform may own it or give out roles."
  }
}

variable "allowed_subnet_ids" {
  description = "Subnets that reach the service over its public address, by service endpoint; mode public needs them."
  type        = set(string)
  default     = []
}

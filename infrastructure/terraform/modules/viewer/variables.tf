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

variable "image" {
  description = "Image of the dataset viewer, pinned: `host/repository@sha256:...` or `host/repository:tag`."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+/[a-z0-9/._-]+(@sha256:[0-9a-f]{64}|:[A-Za-z0-9._-]+)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image must name a registry and a digest or a tag other than latest."
  }
}

variable "registry_login_server" {
  description = "Registry that the image is pulled from, with the viewer's identity."
  type        = string
}

variable "identity" {
  description = "User-assigned identity of the viewer: AcrPull on the registry, Storage Blob Data Contributor on the data, where it publishes selections that are trained on."
  type = object({
    resource_id = string
    client_id   = string
  })
}

variable "subnet_id" {
  description = "Subnet delegated to Container Apps."
  type        = string
}

variable "log_analytics_workspace_id" {
  description = "Workspace of the viewer's logs."
  type        = string
}

variable "tenant_id" {
  description = "Entra tenant whose users log in."
  type        = string
}

variable "external" {
  description = "Whether the viewer has a public address; it asks for an Entra login either way."
  type        = bool
  default     = false
}

variable "environment" {
  description = "Environment variables of the viewer, e.g. `PHYSAI_STORAGE`."
  type        = map(string)
  default     = {}
}

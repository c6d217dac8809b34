variable "subscription_id" {
  description = "Azure subscription that everything is put into."
  type        = string
}

variable "name" {
  description = "Workload and environment of the platform, e.g. `physai-dev`."
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

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "resource_group_name" {
  description = "Resource group of the platform."
  type        = string
}

variable "cluster_id" {
  description = "Cluster that is stopped and started; output `cluster_id`."
  type        = string
}

variable "stop" {
  description = "When the cluster stops, `HH:MM` in UTC, every day."
  type        = string
  default     = "19:00"
}

variable "start" {
  description = "When the cluster starts, `HH:MM` in UTC, Monday to Friday; null: never by itself."
  type        = string
  default     = "06:00"
}

variable "first_day" {
  description = "Day of the first run, `YYYY-MM-DD`; Azure wants it in the future."
  type        = string
}

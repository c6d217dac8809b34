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

variable "cluster_id" {
  description = "AKS cluster that is stopped and started."
  type        = string
}

variable "stop" {
  description = "When the cluster stops, `HH:MM` in UTC, every day."
  type        = string
  default     = "19:00"

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.stop))
    error_message = "stop must be a time of day in UTC, e.g. 19:00."
  }
}

variable "start" {
  description = "When the cluster starts, `HH:MM` in UTC, Monday to Friday; null: never by itself."
  type        = string
  default     = "06:00"

  validation {
    condition     = var.start == null || can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", coalesce(var.start, "x")))
    error_message = "start must be a time of day in UTC, e.g. 06:00, or null."
  }
}

variable "first_day" {
  description = "Day of the first run, `YYYY-MM-DD`; Azure wants it in the future."
  type        = string

  validation {
    condition     = can(formatdate("YYYY", "${var.first_day}T00:00:00Z"))
    error_message = "first_day must be a date, e.g. 2027-01-04."
  }
}

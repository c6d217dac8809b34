locals {
  actions = merge(
    { stop = { time = var.stop, frequency = "Day", days = null } },
    var.start == null ? {} : {
      start = { time = var.start, frequency = "Week", days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"] }
    },
  )
  cluster = split("/", var.cluster_id)
}

resource "azurerm_automation_account" "this" {
  name                          = "aa-${var.name}"
  location                      = var.location
  resource_group_name           = var.resource_group_name
  sku_name                      = "Basic"
  local_authentication_enabled  = false
  public_network_access_enabled = false
  tags                          = var.tags

  identity {
    type = "SystemAssigned"
  }
}

# May start and stop this cluster, and nothing else.
resource "azurerm_role_definition" "this" {
  name        = "start-stop-${var.name}"
  scope       = var.cluster_id
  description = "Start and stop one AKS cluster."

  permissions {
    actions = [
      "Microsoft.ContainerService/managedClusters/read",
      "Microsoft.ContainerService/managedClusters/start/action",
      "Microsoft.ContainerService/managedClusters/stop/action",
    ]
  }

  assignable_scopes = [var.cluster_id]
}

resource "azurerm_role_assignment" "this" {
  scope              = var.cluster_id
  role_definition_id = azurerm_role_definition.this.role_definition_resource_id
  principal_id       = azurerm_automation_account.this.identity[0].principal_id
  principal_type     = "ServicePrincipal"
}

resource "azurerm_automation_runbook" "this" {
  for_each = local.actions

  name                    = "${each.key}-cluster"
  location                = var.location
  resource_group_name     = var.resource_group_name
  automation_account_name = azurerm_automation_account.this.name
  runbook_type            = "PowerShell72"
  log_verbose             = false
  log_progress            = false
  description             = "Runs `${each.key}` on the cluster."
  tags                    = var.tags

  content = <<-POWERSHELL
    $ErrorActionPreference = "Stop"
    Connect-AzAccount -Identity | Out-Null
    $path = "${var.cluster_id}/${each.key}?api-version=2025-05-01"
    $answer = Invoke-AzRestMethod -Method POST -Path $path
    if ($answer.StatusCode -ge 400) { throw "${each.key} of ${local.cluster[length(local.cluster) - 1]}: $($answer.Content)" }
  POWERSHELL
}

resource "azurerm_automation_schedule" "this" {
  for_each = local.actions

  name                    = "${each.key}-cluster"
  resource_group_name     = var.resource_group_name
  automation_account_name = azurerm_automation_account.this.name
  frequency               = each.value.frequency
  interval                = 1
  timezone                = "Etc/UTC"
  start_time              = "${var.first_day}T${each.value.time}:00Z"
  week_days               = each.value.days
}

resource "azurerm_automation_job_schedule" "this" {
  for_each = local.actions

  resource_group_name     = var.resource_group_name
  automation_account_name = azurerm_automation_account.this.name
  runbook_name            = azurerm_automation_runbook.this[each.key].name
  schedule_name           = azurerm_automation_schedule.this[each.key].name
}

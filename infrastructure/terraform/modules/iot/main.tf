resource "azurerm_eventhub_namespace" "this" {
  name                          = "evhns-${var.name}-${var.suffix}"
  location                      = var.location
  resource_group_name           = var.resource_group_name
  sku                           = "Standard"
  capacity                      = var.event_hubs_capacity
  auto_inflate_enabled          = true
  maximum_throughput_units      = min(var.event_hubs_capacity * 4, 40)
  local_authentication_enabled  = false
  minimum_tls_version           = "1.2"
  public_network_access_enabled = var.public_access
  tags                          = var.tags

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_eventhub" "this" {
  for_each = var.streams

  name            = each.key
  namespace_id    = azurerm_eventhub_namespace.this.id
  partition_count = each.value.partitions

  retention_description {
    cleanup_policy          = "Delete"
    retention_time_in_hours = each.value.retention_hours
  }
}

resource "azurerm_eventhub_consumer_group" "eventhouse" {
  for_each = var.streams

  name                = "eventhouse"
  eventhub_name       = azurerm_eventhub.this[each.key].name
  namespace_name      = azurerm_eventhub_namespace.this.name
  resource_group_name = var.resource_group_name
}

resource "azurerm_private_endpoint" "namespace" {
  count = var.private_endpoint == null ? 0 : 1

  name                = "pe-${azurerm_eventhub_namespace.this.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  subnet_id           = var.private_endpoint.subnet_id
  tags                = var.tags

  private_service_connection {
    name                           = "namespace"
    private_connection_resource_id = azurerm_eventhub_namespace.this.id
    subresource_names              = ["namespace"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [var.private_endpoint.dns_zone_ids["privatelink.servicebus.windows.net"]]
  }
}

resource "azurerm_fabric_capacity" "this" {
  count = var.fabric == null ? 0 : 1

  name                   = "fc${replace(var.name, "-", "")}${var.suffix}"
  location               = var.location
  resource_group_name    = var.resource_group_name
  administration_members = var.fabric.administrators
  tags                   = var.tags

  sku {
    name = var.fabric.sku
    tier = "Fabric"
  }
}

# Azure IoT Operations on an Arc-enabled site keeps the schemas of its messages here.
resource "azapi_resource" "schema_registry" {
  count = var.schema_storage == null ? 0 : 1

  type      = "Microsoft.DeviceRegistry/schemaRegistries@2025-10-01"
  name      = "sr-${var.name}"
  location  = var.location
  parent_id = var.resource_group_id
  tags      = var.tags

  identity {
    type = "SystemAssigned"
  }

  body = {
    properties = {
      namespace                  = "sr-${var.name}"
      storageAccountContainerUrl = "${var.schema_storage.account_url}/${var.schema_storage.container}"
    }
  }
}

resource "azurerm_role_assignment" "schema_registry" {
  count = var.schema_storage == null ? 0 : 1

  scope                = var.schema_storage.account_id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azapi_resource.schema_registry[0].identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

mock_provider "azurerm" {
  mock_resource "azurerm_eventhub_namespace" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.EventHub/namespaces/evhns" }
  }
}
mock_provider "azapi" {
  mock_resource "azapi_resource" {
    defaults = { identity = { principal_id = "00000000-0000-0000-0000-000000000001" } }
  }
}

variables {
  name                = "physai-test"
  suffix              = "3f2a1"
  location            = "eastus"
  resource_group_name = "rg-physai-test"
  resource_group_id   = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-physai-test"
  public_access       = true
}

run "robots_send_with_an_identity_over_new_tls" {
  command = plan

  assert {
    condition     = !azurerm_eventhub_namespace.this.local_authentication_enabled && azurerm_eventhub_namespace.this.minimum_tls_version == "1.2"
    error_message = "no connection strings, TLS 1.2"
  }
}

run "a_burst_of_telemetry_is_taken" {
  command = plan

  assert {
    condition     = azurerm_eventhub_namespace.this.auto_inflate_enabled && azurerm_eventhub_namespace.this.maximum_throughput_units == 4
    error_message = "one unit grows to four"
  }
}

run "each_stream_has_a_reader_of_its_own" {
  command = plan
  variables { streams = { telemetry = {}, alarms = { partitions = 1 } } }

  assert {
    condition     = toset(keys(azurerm_eventhub_consumer_group.eventhouse)) == toset(["telemetry", "alarms"])
    error_message = "the Eventhouse must not take events from other readers"
  }
  assert {
    condition     = output.streams["alarms"] == "evhns-physai-test-3f2a1.servicebus.windows.net/alarms"
    error_message = "the address is what senders use"
  }
}

run "by_default_there_is_neither_fabric_nor_schema_registry" {
  command = plan

  assert {
    condition     = length(azurerm_fabric_capacity.this) == 0 && length(azapi_resource.schema_registry) == 0
    error_message = "what costs money is asked for"
  }
}

run "fabric_and_schema_registry_come_when_asked" {
  command = apply
  variables {
    fabric = { administrators = ["ada@example.com"] }
    schema_storage = {
      account_url = "https://st.blob.core.windows.net"
      container   = "schemas"
      account_id  = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"
    }
  }

  assert {
    condition     = azurerm_fabric_capacity.this[0].sku[0].name == "F2" && azurerm_role_assignment.schema_registry[0].role_definition_name == "Storage Blob Data Contributor"
    error_message = "the smallest capacity, and a registry that may write"
  }
}

run "a_private_namespace_has_an_endpoint" {
  command = plan
  variables {
    public_access = false
    private_endpoint = {
      subnet_id    = "/subscriptions/s/subnets/endpoints"
      dns_zone_ids = { "privatelink.servicebus.windows.net" = "/subscriptions/s/zones/servicebus" }
    }
  }

  assert {
    condition     = length(azurerm_private_endpoint.namespace) == 1 && !azurerm_eventhub_namespace.this.public_network_access_enabled
    error_message = "private means private"
  }
}

run "a_fabric_without_administrators_is_refused" {
  command = plan
  variables { fabric = { administrators = [] } }
  expect_failures = [var.fabric]
}

run "a_hundred_partitions_are_refused" {
  command = plan
  variables { streams = { telemetry = { partitions = 100 } } }
  expect_failures = [var.streams]
}

output "resource_id" {
  description = "Id of the gateway; its client configuration is fetched with `az network vnet-gateway vpn-client generate`."
  value       = azurerm_virtual_network_gateway.this.id
}

output "name" {
  description = "Name of the gateway."
  value       = azurerm_virtual_network_gateway.this.name
}

output "resource_id" {
  description = "Id of the virtual network."
  value       = azurerm_virtual_network.this.id
}

output "name" {
  description = "Name of the virtual network."
  value       = azurerm_virtual_network.this.name
}

output "subnet_ids" {
  description = "Subnet ids by purpose: aks, endpoints, database, apps, resolver; ready, with their rules and their way out."
  value       = { for key, subnet in azurerm_subnet.this : key => subnet.id }
  depends_on = [
    azurerm_subnet_network_security_group_association.this,
    azurerm_subnet_nat_gateway_association.this,
    azurerm_nat_gateway_public_ip_association.this,
  ]
}

output "database_dns_zone_id" {
  description = "Private DNS zone of PostgreSQL, linked to the network."
  value       = azurerm_private_dns_zone.database.id
  depends_on  = [azurerm_private_dns_zone_virtual_network_link.this]
}

output "private_endpoint" {
  description = "What the other modules take as `private_endpoint`; null in mode public."
  value = local.has_private_endpoints ? {
    subnet_id    = azurerm_subnet.this["endpoints"].id
    dns_zone_ids = { for name, zone in azurerm_private_dns_zone.this : name => zone.id }
  } : null
}

output "allowed_subnet_ids" {
  description = "What the other modules take as `allowed_subnet_ids`; empty unless the mode is public."
  value       = [for key in local.by_service_endpoint : azurerm_subnet.this[key].id]
}

output "resource_id" {
  description = "Id of the resolver."
  value       = azurerm_private_dns_resolver.this.id
}

output "ip_address" {
  description = "Name server for VPN clients and for forwarders on premises."
  value       = azurerm_private_dns_resolver_inbound_endpoint.this.ip_configurations[0].private_ip_address
}

# Lets laptops on the VPN and networks on premises resolve the names of private endpoints.
resource "azurerm_private_dns_resolver" "this" {
  name                = "dnspr-${var.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  virtual_network_id  = var.virtual_network_id
  tags                = var.tags
}

resource "azurerm_private_dns_resolver_inbound_endpoint" "this" {
  name                    = "in-${var.name}"
  location                = var.location
  private_dns_resolver_id = azurerm_private_dns_resolver.this.id
  tags                    = var.tags

  ip_configurations {
    private_ip_allocation_method = "Dynamic"
    subnet_id                    = var.resolver_subnet_id
  }
}

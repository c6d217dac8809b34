# The way of people into a private platform: a point-to-site gateway that asks for an Entra login.
resource "azurerm_subnet" "this" {
  name                 = "GatewaySubnet" # the name that Azure asks for
  resource_group_name  = var.resource_group_name
  virtual_network_name = var.virtual_network_name
  address_prefixes     = [var.gateway_subnet_range]
}

resource "azurerm_public_ip" "this" {
  name                = "pip-${var.name}-vpn"
  location            = var.location
  resource_group_name = var.resource_group_name
  allocation_method   = "Static"
  sku                 = "Standard"
  zones               = ["1", "2", "3"]
  tags                = var.tags
}

resource "azurerm_virtual_network_gateway" "this" {
  name                = "vgw-${var.name}"
  location            = var.location
  resource_group_name = var.resource_group_name
  type                = "Vpn"
  vpn_type            = "RouteBased"
  sku                 = "VpnGw1AZ"
  generation          = "Generation1"
  tags                = var.tags

  ip_configuration {
    name                          = "default"
    subnet_id                     = azurerm_subnet.this.id
    public_ip_address_id          = azurerm_public_ip.this.id
    private_ip_address_allocation = "Dynamic"
  }

  # The audience is Microsoft's own registration of the Azure VPN client:
  # https://learn.microsoft.com/azure/vpn-gateway/point-to-site-entra-gateway
  vpn_client_configuration {
    address_space        = [var.client_range]
    vpn_client_protocols = ["OpenVPN"]
    vpn_auth_types       = ["AAD"]
    aad_tenant           = "https://login.microsoftonline.com/${var.tenant_id}/"
    aad_audience         = "c632b3df-fb67-4d84-bdcf-b95ad541b5c8"
    aad_issuer           = "https://sts.windows.net/${var.tenant_id}/"
  }
}

output "backend" {
  description = "Content of `backend.hcl`: `terraform output -raw backend > ../backend.hcl`."
  value       = <<-HCL
    resource_group_name  = "${azurerm_resource_group.this.name}"
    storage_account_name = "${azurerm_storage_account.this.name}"
    container_name       = "${azurerm_storage_container.this.name}"
    key                  = "${var.name}.tfstate"
    use_azuread_auth     = true
  HCL
}

module "automation" {
  source = "../modules/automation"

  name                = var.name
  location            = var.location
  resource_group_name = var.resource_group_name
  cluster_id          = var.cluster_id
  stop                = var.stop
  start               = var.start
  first_day           = var.first_day
  tags                = var.tags
}

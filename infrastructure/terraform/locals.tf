locals {
  name = "${var.workload}-${var.environment}"

  # Unique in the world, and the same at every run.
  suffix = substr(sha256("${var.subscription_id}/${local.name}"), 0, 5)

  tags = merge(var.tags, { workload = var.workload, environment = var.environment, managed-by = "terraform" })

  is_private    = var.network_mode == "private"
  public_access = !local.is_private

  # Who acts from which Kubernetes namespace; `physai infrastructure setup` makes these service accounts.
  identities = {
    cluster  = {}
    kubelet  = {}
    jobs     = { service_accounts = ["osmo-workflows/default", "azureml/default"] }
    osmo     = { service_accounts = ["osmo/osmo"] }
    endpoint = {}
    viewer   = {}
  }

  roles = merge(
    {
      jobs_data         = { scope = module.storage.resource_id, role = "Storage Blob Data Contributor", identity = "jobs" }
      jobs_packages     = { scope = module.registry.resource_id, role = "AcrPush", identity = "jobs" }
      jobs_experiments  = { scope = module.azureml.resource_id, role = "AzureML Data Scientist", identity = "jobs" }
      osmo_data         = { scope = module.storage.resource_id, role = "Storage Blob Data Contributor", identity = "osmo" }
      osmo_secrets      = { scope = module.security.resource_id, role = "Key Vault Secrets User", identity = "osmo" }
      endpoint_images   = { scope = module.registry.resource_id, role = "AcrPull", identity = "endpoint" }
      endpoint_packages = { scope = module.storage.resource_id, role = "Storage Blob Data Reader", identity = "endpoint" }
    },
    var.viewer == null ? {} : {
      viewer_images = { scope = module.registry.resource_id, role = "AcrPull", identity = "viewer" }
      viewer_data   = { scope = module.storage.resource_id, role = "Storage Blob Data Contributor", identity = "viewer" }
    },
  )

  # As the data domains use them: what was recorded and released stays, what can be made again goes.
  containers = merge(
    {
      recordings = { cool_after_days = 30 }
      datasets   = { cool_after_days = 90 }
      packages   = {}
      evaluation = { cool_after_days = 90 }
      telemetry  = { cool_after_days = 30, delete_after_days = 400 }
      workflows  = { delete_after_days = 30 }
    },
    var.iot == null ? {} : { schemas = {} },
  )
}

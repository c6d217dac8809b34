"""What is installed on the Azure platform after Terraform, and the profiles that size both."""

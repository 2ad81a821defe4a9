resource "nomad_job" "api" {
  jobspec = <<-EOT
    # The API and what helps it.
    job "api" {
      datacenters = ["${var.datacenter}"]
      group "api" {
        count = ${var.count}
        task "api" {
          driver = "docker"
          config {
            image = "ghcr.io/acme/api:1.8" # the API
            args  = ["$${NOMAD_TASK_DIR}/api.toml"]
          }
        }
        task "proxy" {
          driver = "podman"
          config {
            image = "docker://envoyproxy/envoy:v1.31.0@sha256:0000000000000000000000000000000000000000000000000000000000000000"
          }
        }
        %{ if var.worker }
        task "worker" {
          driver = "docker"
          config {
            image = "ghcr.io/acme/worker:${var.worker}"
          }
        }
        %{ endif }
        task "old" {
          driver = "docker"
          config {
            # tagpin: ignore it is old
            image = "ghcr.io/acme/old:1"
          }
        }
        task "machine" {
          driver = "qemu"
          config { image = "ghcr.io/acme/no-image:1" }
        }
      }
    }
  EOT
}

locals {
  job = <<EOT
job "local" {
  group "a" {
    task "b" {
      driver = "docker"
      config { image = "redis:7.4" }
    }
  }
}
EOT
}

resource "nomad_job" "local" {
  jobspec = local.job
}

resource "nomad_job" "quoted" {
  jobspec = "job \"q\" {\ngroup \"a\" {\ntask \"b\" {\ndriver = \"docker\"\nconfig {\nimage = \"busybox:1.36\"\n}\n}\n}\n}\n"
}

# The file is read by itself.
resource "nomad_job" "file" {
  jobspec = file("${path.module}/api.nomad.hcl")
}

resource "nomad_job" "template" {
  jobspec = templatefile("${path.module}/api.nomad.tpl", { tag = "1.8" })
}

resource "nomad_job" "broken" {
  jobspec = <<EOT
job "broken" {
  group "a" {
    task "b" {
      config { image = "ghcr.io/acme/broken:1"
EOT
}

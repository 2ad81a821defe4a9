job "skipped" {
  group "a" {
    task "template" {
      driver = "docker"
      config {
        image = "ghcr.io/acme/api:${var.tag}"
      }
    }
    task "conditional" {
      driver = "docker"
      config {
        image = "ghcr.io/acme/api:%{ if var.new }2%{ else }1%{ endif }"
      }
    }
    task "variable" {
      driver = "docker"
      config {
        image = var.image
      }
    }
    task "function" {
      driver = "docker"
      config {
        image = format("%s:%s", "redis", "7")
      }
    }
    task "heredoc" {
      driver = "docker"
      config {
        image = <<EOT
redis:7
EOT
      }
    }
    task "escaped" {
      driver = "docker"
      config {
        image = "redis\u003a7"
      }
    }
    task "literal-template" {
      driver = "docker"
      config {
        image = "redis:$${7}"
      }
    }
    task "number" {
      driver = "docker"
      config {
        image = 5
      }
    }
    task "url" {
      driver = "docker"
      config {
        image = "https://registry.example.com/redis:7"
      }
    }
    task "empty" {
      driver = "docker"
      config {
        image = ""
      }
    }
    task "machine" {
      driver = "qemu"
      config {
        image_path = "local/linux.img"
      }
    }
    task "other-driver" {
      driver = "lxc"
      config {
        image = "ubuntu:24.04"
      }
    }
  }
}

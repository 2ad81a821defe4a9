# Images in maps, which the module uses key by key or one after the other.
locals {
  images = {
    web   = "nginx:1.27" # the web
    cache = "redis:7.4"
    # Nobody runs it.
    "db"  = "postgres:17"
    "a.b" = "ghcr.io/acme/dotted:1"
  }
  services = {
    api    = { image = "ghcr.io/acme/api:1.8", zone = "eu/west" }
    worker = { image = "ghcr.io/acme/worker:1.8@sha256:0000000000000000000000000000000000000000000000000000000000000000", zone = "eu/east" }
  }
  labelled = {
    web = "ghcr.io/acme/labelled:1"
    db  = "ghcr.io/acme/only-run:1"
  }
  whole  = { web = "ghcr.io/acme/whole:1" }
  listed = ["ghcr.io/acme/first:1", "ghcr.io/acme/second:1"]
  chosen = { blue = { ref = "ghcr.io/acme/blue:1" }, green = { ref = "ghcr.io/acme/green:1" } }
  nested = { a = { b = { c = { d = { e = "ghcr.io/acme/too-deep:1" } } } } }
  passed = { web = { image = "ghcr.io/acme/passed:1", name = "ghcr.io/acme/name:1" } }
  away   = { web = { image = "ghcr.io/acme/away:1" } }
}

resource "docker_container" "web" {
  image = local.images.web
}

resource "docker_container" "cache" {
  image = local.images["cache"]
}

resource "docker_container" "dotted" {
  image = "${local.images["a.b"]}"
}

resource "docker_image" "services" {
  for_each = local.services
  name     = each.value.image
}

resource "docker_container" "services" {
  for_each = local.services
  image    = docker_image.services[each.key].image_id
  hostname = each.value.zone
}

resource "docker_container" "labelled" {
  image = local.labelled["web"]
  name  = "is-${local.labelled.web}"
}

resource "docker_container" "only_run" {
  image = local.labelled.db
}

# The values of the whole map are put elsewhere.
resource "docker_container" "whole" {
  image = local.whole.web
  name  = join("-", values(local.whole))
}

resource "docker_image" "listed" {
  for_each = toset(local.listed)
  name     = each.key
}

resource "docker_container" "chosen" {
  image = local.chosen[var.colour].ref
}

resource "docker_container" "deep" {
  image = local.nested.a.b.c.d.e
}

resource "docker_image" "written" {
  for_each = {
    one = "ghcr.io/acme/one:1"
    two = "ghcr.io/acme/two:1"
  }
  name = each.value
}

resource "kubernetes_deployment" "all" {
  spec {
    template {
      spec {
        dynamic "container" {
          for_each = var.containers
          content {
            name  = container.key
            image = container.value.image
          }
        }
        dynamic "init_container" {
          for_each = var.before
          iterator = first
          content {
            image = first.value["image"]
          }
        }
      }
    }
  }
}

resource "docker_container" "object" {
  image = var.web.image
}

module "service" {
  for_each = local.passed
  source   = "./service"
  service  = each.value
}

module "web" {
  source   = "./web"
  services = { api = { image = "ghcr.io/acme/argument:1", label = "ghcr.io/acme/label:1" } }
}

module "remote" {
  source   = "acme/away/registry"
  services = local.away
}

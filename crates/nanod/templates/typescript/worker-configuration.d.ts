// Made from nano.toml by "nanod types": changes here are lost.

declare namespace Cloudflare {
  interface Env {
    readonly GREETING: string;
  }
}

interface Env extends Cloudflare.Env {}

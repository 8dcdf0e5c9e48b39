// Modules.

declare module "cloudflare:sockets" {
  /** A connection of bytes over TCP, in the clear or with TLS. */
  export interface Socket {
    readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
    readonly writable: WritableStream<BufferSource>;
    readonly opened: Promise<{ remoteAddress: string; localAddress: string }>;
    readonly closed: Promise<void>;
    readonly upgraded: boolean;
    readonly secureTransport: "off" | "on" | "starttls";
    close(): Promise<void>;
    /** The same connection with TLS; this socket is over. */
    startTls(options?: { expectedServerHostname?: string }): Socket;
  }

  export function connect(
    address: string | { hostname: string; port: number },
    options?: { secureTransport?: "off" | "on" | "starttls"; allowHalfOpen?: boolean; highWaterMark?: number },
  ): Socket;
}

declare module "cloudflare:workers" {
  global {
    namespace Cloudflare {
      /** What your env holds; say so by declaring this interface once more. */
      interface Env {}
    }
  }

  /** The env of the event at hand, or of the withEnv() around it. It cannot be changed. */
  export const env: Cloudflare.Env;
  /** Throws if there is no event at hand. */
  export function waitUntil(promise: unknown): void;
  /** Runs the callback, and what it starts, with another env. */
  export function withEnv<Result>(env: object, callback: () => Result): Result;

  /** Its methods, and those of the classes between, are what other apps and the host may call. */
  export class WorkerEntrypoint<Env = Cloudflare.Env> {
    constructor(ctx: ExecutionContext, env: Env);
    ctx: ExecutionContext;
    env: Env;
  }

  /** There are no durable objects: to extend and compare with, as the classes below. */
  export class DurableObject<Env = Cloudflare.Env> {
    constructor(ctx: any, env: Env);
    ctx: any;
    env: Env;
  }

  export class WorkflowEntrypoint<Env = Cloudflare.Env, Params = unknown> {
    constructor(ctx: ExecutionContext, env: Env);
    ctx: ExecutionContext;
    env: Env;
  }

  export class RpcTarget {}

  export class RpcStub {
    private constructor();
  }

  export class RpcPromise {
    private constructor();
  }

  export class RpcProperty {
    private constructor();
  }

  /** What bindings to apps and to the host are. */
  export const ServiceStub: typeof Fetcher;
}

// Handlers: what the main module exports.

/** The shape of a main module's default export. */
interface ExportedHandler<Env = unknown, Body = unknown> {
  fetch?(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
  scheduled?(controller: ScheduledController, env: Env, ctx: ExecutionContext): void | Promise<void>;
  queue?(batch: MessageBatch<Body>, env: Env, ctx: ExecutionContext): void | Promise<void>;
  tail?(events: TraceItem[], env: Env, ctx: ExecutionContext): void | Promise<void>;
  [method: string]: unknown;
}

/** What goes with one event: hold the instance awake with waitUntil(). */
declare class ExecutionContext {
  private constructor();
  readonly props: Record<string, unknown>;
  waitUntil(promise: unknown): void;
  passThroughOnException(): void;
}

/** The event of service-worker syntax: addEventListener("fetch", (event) => event.respondWith(...)). */
declare class FetchEvent extends Event {
  private constructor();
  readonly request: Request;
  respondWith(response: Response | Promise<Response>): void;
  waitUntil(promise: unknown): void;
  passThroughOnException(): void;
}

/** What scheduled() is called for. */
interface ScheduledController {
  /** The minute that was due, in milliseconds since 1970. */
  readonly scheduledTime: number;
  readonly cron: string;
  noRetry(): void;
}

/** An event of service-worker syntax other than "fetch": it ends when what waitUntil() is given has. */
interface ExtendableEvent extends Event {
  waitUntil(promise: unknown): void;
}
interface ScheduledEvent extends ExtendableEvent, ScheduledController {}
interface QueueEvent<Body = unknown> extends ExtendableEvent, MessageBatch<Body> {}
interface TailEvent extends ExtendableEvent {
  readonly events: TraceItem[];
  readonly traces: TraceItem[];
}

// ---- Queues ----

type QueueContentType = "json" | "text" | "bytes" | "v8";
interface QueueSendOptions {
  contentType?: QueueContentType;
  delaySeconds?: number;
}
/** A queue in env. The promises are rejected when it is full. */
interface Queue<Body = unknown> {
  send(body: Body, options?: QueueSendOptions): Promise<void>;
  sendBatch(messages: Iterable<MessageSendRequest<Body>>, options?: { delaySeconds?: number }): Promise<void>;
}
interface MessageSendRequest<Body = unknown> extends QueueSendOptions {
  body: Body;
}
interface QueueRetryOptions {
  delaySeconds?: number;
}
/** Of ack() and retry(), the first called counts. */
interface Message<Body = unknown> {
  readonly id: string;
  readonly timestamp: Date;
  readonly body: Body;
  /** How often it has been delivered, this time included. */
  readonly attempts: number;
  ack(): void;
  retry(options?: QueueRetryOptions): void;
}
interface MessageBatch<Body = unknown> {
  readonly queue: string;
  readonly messages: readonly Message<Body>[];
  ackAll(): void;
  retryAll(options?: QueueRetryOptions): void;
}

// ---- What a tail worker is told ----

interface TraceItem {
  readonly event: TraceItemFetchEvent | TraceItemScheduledEvent | TraceItemQueueEvent | TraceItemRpcEvent;
  readonly eventTimestamp: number;
  readonly logs: { readonly timestamp: number; readonly level: "debug" | "log" | "warn" | "error"; readonly message: string[] }[];
  readonly exceptions: { readonly timestamp: number; readonly name: string; readonly message: string; readonly stack?: string }[];
  readonly diagnosticsChannelEvents: never[];
  readonly outcome: "ok" | "exception" | "exceededCpu" | "exceededMemory" | "exceededWallTime" | "canceled" | "unknown";
  readonly scriptName: string;
  readonly entrypoint?: string;
  readonly executionModel: "stateless";
  readonly truncated: boolean;
  /** Milliseconds. */
  readonly cpuTime: number;
  readonly wallTime: number;
}
interface TraceRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
}
interface TraceItemFetchEvent {
  /** Without what would let its reader act for the sender: getUnredacted() has all of it. */
  readonly request: TraceRequest & { getUnredacted(): TraceRequest };
  readonly response?: { readonly status: number };
}
interface TraceItemScheduledEvent {
  readonly cron: string;
  readonly scheduledTime: number;
}
interface TraceItemQueueEvent {
  readonly queue: string;
  readonly batchSize: number;
}
interface TraceItemRpcEvent {
  readonly rpcMethod: string;
}

/** A binding in env that the host, or another app, answers: fetch(), and every other name is a method that returns a promise. */
declare class Fetcher {
  private constructor();
}
interface Fetcher {
  fetch(input: RequestInfo, init?: RequestInit): Promise<Response>;
}
/** A binding with methods, described by yours: env.API as Service<{ add(a: number, b: number): number }>. */
type Service<Methods = {}> = Fetcher & {
  [Name in keyof Methods]: Methods[Name] extends (...args: infer Args) => infer Result ? (...args: Args) => Promise<Awaited<Result>> : never;
};

/** A function of the host's in env. */
type HostFunction<Args extends unknown[] = unknown[], Result = unknown> = (...args: Args) => Promise<Result>;
/** An object of the host's: reading a property and calling a method give promises. With `using` it is given back at once. */
interface HostObject extends Disposable {}
/** A class of the host's in env. new returns at once; what is called on the object waits until the host has made it. */
interface HostClass<Instance extends HostObject = HostObject, Args extends unknown[] = unknown[]> {
  new (...args: Args): Instance;
  readonly prototype: Instance;
}
